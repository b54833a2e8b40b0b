//! `oneworker doctor`: silent where nothing is wrong. Each fault is planted, found by the check that is named for it, and mended where the
//! doctor says that it can.

mod files;
mod healthy;
mod notes;
mod processes;
mod surroundings;

use std::any::Any;
use std::fs;
use std::path::PathBuf;
use std::process::Output;
use std::sync::atomic::{AtomicU32, Ordering};

use oneworker_tests::{Identity, Run};
use serde_json::Value;

/// What is wrong, and what the doctor is to make of it.
struct Fault {
    /// Makes it so; nothing if this system does not allow that, which it says.
    plant: fn() -> Option<Planted>,
    check: &'static str,
    level: &'static str,
    /// In what it says.
    words: &'static str,
    /// Whether `--repair` mends it.
    mended: bool,
}

/// An identity with a fault.
struct Planted {
    identity: Identity,
    /// How the doctor is called there.
    call: Box<dyn Fn(Run) -> Run>,
    /// What the fault is made of.
    _keep: Box<dyn Any>,
}

impl Planted {
    fn new(identity: Identity) -> Option<Self> {
        Self::with(identity, ())
    }

    fn with(identity: Identity, keep: impl Any) -> Option<Self> {
        Some(Self { identity, call: Box::new(|run| run), _keep: Box::new(keep) })
    }

    fn called(identity: Identity, call: impl Fn(Run) -> Run + 'static) -> Option<Self> {
        Some(Self { identity, call: Box::new(call), _keep: Box::new(()) })
    }

    fn doctor(&self) -> Run {
        (self.call)(doctor(&self.identity))
    }
}

/// A name that no other test has, since the doctor looks for namesakes.
fn name() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("doctor-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

fn identity() -> Identity {
    named(&name())
}

fn named(name: &str) -> Identity {
    let identity = crate::identity().flag("--name", name).without_backoff();
    fs::create_dir(home(&identity)).unwrap();
    identity
}

/// The home of whoever calls the doctor.
fn home(identity: &Identity) -> PathBuf {
    identity.scratch().join("home")
}

/// One whose worker has come and gone.
fn stopped() -> Identity {
    let identity = identity();
    identity.patient();
    identity.wait_until_noted();
    identity.stop();
    identity
}

/// The doctor, in surroundings in which nothing but the test's own is to be seen.
fn doctor(identity: &Identity) -> Run {
    let run = identity.command("doctor").env("HOME", home(identity)).env("PATH", "/usr/bin:/bin");
    run.in_dir(identity.scratch()).with(|command| {
        for variable in
            ["XDG_STATE_HOME", "XDG_CONFIG_HOME", "CLAUDE_CONFIG_DIR", "CODEX_HOME", "GEMINI_CLI_HOME"]
        {
            command.env_remove(variable);
        }
    })
}

/// What was found; fails if the exit code does not say whether anything is a problem.
fn findings(run: Run) -> Vec<Value> {
    let (status, answer) = run.arg("--json").json();
    let all = answer["findings"].as_array().unwrap().clone();
    let problem = all.iter().any(|finding| finding["level"] == "problem" && finding["repaired"] != true);
    assert_eq!(status, if problem { 6 } else { 0 }, "{answer:#}");
    all
}

fn assert_silent(output: &Output) {
    let said = [&output.stdout[..], &output.stderr[..]].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success() && said.is_empty(), "{}: {said}", output.status);
}

/// That the fault is found, by the right check and with the right words, in both forms of the answer, and that what is said of mending it is true.
fn found(fault: Fault) {
    let Some(planted) = (fault.plant)() else { return };
    let of_fault = |all: &[Value]| -> Value {
        let is_it = |finding: &&Value| {
            finding["check"] == fault.check && finding["message"].as_str().unwrap().contains(fault.words)
        };
        all.iter().find(is_it).cloned().unwrap_or_else(|| panic!("not found: {all:#?}"))
    };
    let finding = of_fault(&findings(planted.doctor()));
    assert_eq!(finding["level"], fault.level, "{finding:#}");
    let help = finding["help"].as_str().unwrap();
    assert!(!help.is_empty() && help.contains("doctor --repair") == fault.mended, "{finding:#}");
    assert_eq!(finding["repairable"], fault.mended, "{finding:#}");

    let said = planted.doctor().output();
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let line = format!("{}: {}: ", fault.level, fault.check);
    let named = said.lines().any(|said| said.starts_with(&line) && said.contains(fault.words));
    assert!(named, "{line}{}\nnot in: {said}", fault.words);

    let finding = of_fault(&findings(planted.doctor().arg("--repair")));
    if !fault.mended {
        assert!(finding["repaired"].is_null(), "{finding:#}");
        of_fault(&findings(planted.doctor()));
        return;
    }
    assert_eq!(finding["repaired"], true, "{finding:#}");
    assert_ne!(finding["before"], finding["after"], "{finding:#}");
    assert_silent(&planted.doctor().output());
    // And there is a worker for the next session.
    planted.identity.patient();
    assert_silent(&planted.doctor().output());
}
