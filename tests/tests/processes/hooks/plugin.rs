//! The plugin in the repository, as Claude Code uses it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use oneworker_tests::Run;
use serde_json::{Value, json};

use super::{given, printed, run, sessions, surrounded};
use crate::identity;

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(file: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(workspace().join(file)).unwrap()).unwrap()
}

#[test]
fn its_manifests_are_whole_and_name_this_version() {
    let plugin = read("plugin/.claude-plugin/plugin.json");
    assert_eq!(
        (&plugin["name"], &plugin["version"]),
        (&json!("oneworker"), &json!(env!("CARGO_PKG_VERSION")))
    );
    let marketplace = read(".claude-plugin/marketplace.json");
    let source = marketplace["plugins"][0]["source"].as_str().unwrap();
    assert!(workspace().join(source).join(".claude-plugin/plugin.json").is_file());
}

#[test]
fn it_has_the_hooks_that_are_installed_without_it() {
    let identity = identity();
    printed(&run(&identity, "hook install --for claude-code --yes").output());
    let installed = fs::read_to_string(identity.scratch().join("home/.claude/settings.json")).unwrap();
    let installed: Value = serde_json::from_str(&installed).unwrap();
    assert_eq!(installed["hooks"], read("plugin/hooks/hooks.json")["hooks"]);
}

#[test]
fn its_command_lines_run() {
    let identity = identity();
    let bin = identity.scratch().join("bin");
    fs::create_dir(&bin).unwrap();
    symlink(identity.binary(), bin.join("oneworker")).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let hooks = read("plugin/hooks/hooks.json");
    for (event, left) in [("SessionStart", 1), ("SessionEnd", 0)] {
        let line = hooks["hooks"][event][0]["hooks"][0]["command"].as_str().unwrap();
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("{line} --deadline 10m")]);
        let input = json!({ "session_id": "s", "hook_event_name": event }).to_string();
        let hook = given(surrounded(Run::new(shell), &identity).env("PATH", &path), &identity, input);
        assert_eq!(printed(&hook.output()), "");
        assert_eq!(sessions(&identity).len(), left, "{event}");
    }
}
