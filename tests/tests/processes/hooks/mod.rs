//! Agents and their hooks: what they are told, what they wait for, and what becomes of their settings.

mod fired;
mod generated;
mod installed;
mod plugin;
mod service;
mod units;

pub(crate) use fired::AGENTS;

use std::fs::{self, File};
use std::process::{Command, Output};

use oneworker_tests::{Identity, Run};
use serde_json::Value;

/// The command with these words, as an agent runs it: nothing but the environment says which identity.
fn run(identity: &Identity, words: &str) -> Run {
    let mut command = Command::new(identity.binary());
    command.args(words.split(' '));
    surrounded(Run::new(command), identity)
}

/// In the environment of an agent whose home is the test's own.
fn surrounded(run: Run, identity: &Identity) -> Run {
    let home = identity.scratch().join("home");
    fs::create_dir_all(&home).unwrap();
    run.env("ONEWORKER_STATE_DIR", identity.state_dir())
        .env("ONEWORKER_PORT", "auto")
        .env("ONEWORKER_CONFIG", identity.scratch().join("oneworker.toml"))
        .env("HOME", &home)
        .in_dir(home)
        .with(|command| {
            for variable in ["CLAUDE_CONFIG_DIR", "CODEX_HOME", "GEMINI_CLI_HOME"] {
                command.env_remove(variable);
            }
        })
}

/// With this on standard input.
fn given(run: Run, identity: &Identity, input: impl AsRef<[u8]>) -> Run {
    let path = identity.scratch().join("input");
    fs::write(&path, input).unwrap();
    run.with(|command| {
        command.stdin(File::open(path).unwrap());
    })
}

/// What it printed, and that it succeeded.
fn printed(output: &Output) -> String {
    let [out, err] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
    assert!(output.status.success(), "{:?}\nstdout: {out}\nstderr: {err}", output.status);
    out
}

/// The sessions that have a lease.
fn sessions(identity: &Identity) -> Vec<String> {
    let (status, list) = run(identity, "session list --json --deadline 10m").json();
    assert_eq!(status, 0, "{list}");
    let name = |lease: &Value| lease["session"].as_str().unwrap().to_owned();
    list["sessions"].as_array().unwrap().iter().map(name).collect()
}
