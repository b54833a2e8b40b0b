//! Hooks are written into settings that are somebody's work.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::PathBuf;

use oneworker_tests::{Identity, NOBODY, needs_root};
use serde_json::Value;

use super::{printed, run};
use crate::identity;

const AGENTS: &[(&str, &str)] = &[
    ("claude-code", ".claude/settings.json"),
    ("codex", ".codex/hooks.json"),
    ("gemini", ".gemini/settings.json"),
    ("cursor", ".cursor/hooks.json"),
];

/// Settings as somebody left them.
const SETTINGS: &str = "\u{feff}// mine\r\n{\r\n\t\"model\": \"ö\", /* why */\r\n\t\"hooks\": {\r\n\t\t\"SessionStart\": [\r\n\t\t\t\
    { \"hooks\": [{ \"type\": \"command\", \"command\": \"echo hi\" }] }, // theirs\r\n\t\t],\r\n\t},\r\n}\r\n";

fn settings(identity: &Identity, text: &str) -> PathBuf {
    let path = identity.scratch().join("home/.claude/settings.json");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    path
}

/// What it printed.
fn change(identity: &Identity, words: &str) -> String {
    printed(&run(identity, words).output())
}

/// That it is refused with this code, and changes nothing.
fn refused(identity: &Identity, words: &str, code: &str) -> String {
    let failure = run(identity, words).arg("--json").failure();
    assert_eq!(failure.code, code, "{}", failure.error);
    failure.error["message"].as_str().unwrap().to_owned()
}

#[test]
fn every_agent_gets_its_hooks_once_and_loses_them_again() {
    let identity = identity();
    for (agent, file) in AGENTS {
        let path = identity.scratch().join("home").join(file);
        let shown = change(&identity, &format!("hook install --for {agent} --yes"));
        assert!(shown.contains("+++") && shown.contains(&format!("oneworker hook {agent}")), "{shown}");
        let text = fs::read_to_string(&path).unwrap();
        let json: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["hooks"].as_object().unwrap().len(), 2, "{text}");
        change(&identity, &format!("hook install --for {agent} --yes"));
        assert_eq!(fs::read_to_string(&path).unwrap(), text, "{agent}");
        change(&identity, &format!("hook uninstall --for {agent} --yes"));
        assert!(!fs::read_to_string(&path).unwrap().contains("oneworker"), "{agent}");
    }
}

#[test]
fn settings_come_back_to_the_byte_and_a_link_stays_a_link() {
    let identity = identity();
    let link = settings(&identity, "");
    let target = identity.scratch().join("dotfiles.json");
    fs::write(&target, SETTINGS).unwrap();
    fs::set_permissions(&target, fs::Permissions::from_mode(0o640)).unwrap();
    fs::remove_file(&link).unwrap();
    symlink(&target, &link).unwrap();
    change(&identity, "hook install --for claude-code --yes");
    let text = fs::read_to_string(&target).unwrap();
    assert!(text.contains("oneworker hook claude-code") && text.contains("echo hi"), "{text}");
    assert!(text.replace("\r\n", "").find('\n').is_none(), "its line ends are kept: {text:?}");
    assert_eq!(fs::metadata(&target).unwrap().mode() & 0o777, 0o640);
    change(&identity, "hook uninstall --for claude-code --yes");
    assert_eq!(fs::read_to_string(&target).unwrap(), SETTINGS);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    let left: Vec<_> =
        fs::read_dir(identity.scratch()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with(".oneworker")), "{left:?}");
}

#[test]
fn a_file_of_another_user_stays_that_user_s() {
    if needs_root() {
        return;
    }
    let identity = identity();
    let path = settings(&identity, SETTINGS);
    std::os::unix::fs::chown(&path, Some(NOBODY), Some(NOBODY)).unwrap();
    change(&identity, "hook install --for claude-code --yes");
    let metadata = fs::metadata(&path).unwrap();
    assert_eq!((metadata.uid(), metadata.gid()), (NOBODY, NOBODY));
}

#[test]
fn nothing_is_written_without_a_yes() {
    let identity = identity();
    let path = settings(&identity, SETTINGS);
    let shown = change(&identity, "hook install --for claude-code --dry-run");
    assert!(shown.contains("+\t\t\"SessionEnd\": [\n"), "its odd line ends are not shown: {shown}");
    let said = refused(&identity, "hook install --for claude-code", "usage");
    assert!(said.contains("--yes"), "{said}");
    assert_eq!(fs::read_to_string(path).unwrap(), SETTINGS);
}

#[test]
fn what_can_not_be_read_or_written_is_refused_and_stays() {
    let identity = identity();
    for (text, words) in [
        ("{ \"model\": ", "is no JSON"),
        ("[]", "no JSON object"),
        ("{\"hooks\": 1}", "no object"),
        ("{\"hooks\": {\"SessionEnd\": true}}", "no list"),
    ] {
        let path = settings(&identity, text);
        let said = refused(&identity, "hook install --for claude-code --yes", "not_written");
        assert!(said.contains(words) && said.contains("settings.json"), "{said}");
        assert_eq!(fs::read_to_string(path).unwrap(), text);
    }
    let path = settings(&identity, SETTINGS);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
    let said = refused(&identity, "hook install --for claude-code --yes", "not_written");
    assert!(said.contains("read-only"), "{said}");
    assert_eq!(fs::read_to_string(&path).unwrap(), SETTINGS);
    fs::remove_file(&path).unwrap();
    symlink("nowhere", &path).unwrap();
    let said = refused(&identity, "hook install --for claude-code --yes", "not_written");
    assert!(said.contains("link to nothing"), "{said}");
}

#[test]
fn a_project_has_settings_of_its_own() {
    let identity = identity();
    let project = identity.scratch().join("project");
    fs::create_dir(&project).unwrap();
    let install = run(&identity, "hook install --for cursor --scope project --yes").in_dir(&project);
    printed(&install.output());
    let text = fs::read_to_string(project.join(".cursor/hooks.json")).unwrap();
    let json: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["version"], 1);
    assert_eq!(json["hooks"]["sessionStart"][0]["command"], "oneworker hook cursor");
}
