//! The worker as a service: what is written, and that it is what a service manager can run.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use oneworker_tests::wait_until_gone;

use super::{printed, run, surrounded};
use crate::identity;

const UNIT: &str = "home/.config/systemd/user/oneworker-default.service";

#[test]
fn a_unit_is_shown_written_once_and_taken_away() {
    let identity = identity();
    let unit = identity.scratch().join(UNIT);
    let systemd = |words: &str| {
        let run = run(&identity, &format!("service {words} --manager systemd"));
        run.with(|command| {
            command.env_remove("XDG_CONFIG_HOME");
        })
    };
    let shown = printed(&systemd("show").output());
    assert!(shown.contains("not installed") && shown.contains("[Service]"), "{shown}");
    assert_eq!(systemd("install").arg("--json").failure().code, "usage");
    printed(&systemd("install --dry-run").output());
    assert!(!unit.exists(), "nothing is written without a yes");
    let said = printed(&systemd("install --yes").output());
    assert!(said.contains("systemctl --user enable --now oneworker-default.service"), "{said}");
    let text = fs::read_to_string(&unit).unwrap();
    assert!(shown.ends_with(&text), "what was shown is what is written: {text}");
    let said = printed(&systemd("install --yes").output());
    assert!(said.contains("as it should be"), "{said}");

    let wants = unit.parent().unwrap().join("default.target.wants");
    fs::create_dir(&wants).unwrap();
    std::os::unix::fs::symlink(&unit, wants.join("oneworker-default.service")).unwrap();
    let refused = systemd("uninstall --yes").arg("--json").failure();
    assert_eq!(refused.code, "not_written");
    assert!(unit.exists() && refused.error["message"].as_str().unwrap().contains("systemctl --user disable"));
    fs::remove_dir_all(wants).unwrap();
    printed(&systemd("uninstall --yes").output());
    assert!(!unit.exists());
    printed(&systemd("uninstall --yes").output());
}

#[test]
fn systemd_finds_nothing_wrong_with_the_units() {
    let identity = identity();
    if Command::new("systemd-analyze").arg("--version").stdout(Stdio::null()).status().is_err() {
        eprintln!("skipped: there is no systemd-analyze");
        return;
    }
    let words = "service install --manager systemd --yes --socket --port 4567";
    let install = run(&identity, words).with(|command| {
        command.env_remove("XDG_CONFIG_HOME");
    });
    printed(&install.output());
    let unit = identity.scratch().join(UNIT);
    // It looks for the runtime directory of a login session, which there may not be.
    let output = Command::new("systemd-analyze")
        .args(["--user", "verify"])
        .args([&unit, &unit.with_extension("socket")])
        .env("XDG_RUNTIME_DIR", identity.scratch())
        .env("HOME", identity.scratch().join("home"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let name = "oneworker-default.";
    let ours: Vec<_> = said.lines().filter(|line| line.contains(name) || line.contains("Unknown")).collect();
    assert!(ours.is_empty(), "{said}");
}

/// The words of `ExecStart=`, which need no more than this where nothing in them is odd.
fn command_line(unit: &Path) -> Vec<String> {
    let text = fs::read_to_string(unit).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
    line.split("\" \"").map(|word| word.trim_matches('"').to_owned()).collect()
}

#[test]
fn its_command_line_is_the_worker_that_sessions_find() {
    let identity = identity();
    let install = run(&identity, "service install --manager systemd --yes").with(|command| {
        command.env_remove("XDG_CONFIG_HOME");
    });
    printed(&install.output());
    let words = command_line(&identity.scratch().join(UNIT));
    let mut service = Command::new(&words[0]);
    // A service manager hands no variable of a session on.
    service.args(&words[1..]).env_clear().env("PATH", "/usr/bin:/bin");
    let service = oneworker_tests::Run::new(service).start();
    identity.wait_until_ready(service.pid());
    let found = surrounded(identity.ensure(), &identity).patiently().success();
    assert_eq!((found.outcome.as_str(), found.pid), ("reused", service.pid()));
    identity.stop();
    wait_until_gone(found.pid);
    let (output, _) = service.output();
    assert!(output.status.success(), "so that it is not started again: {:?}", output.status);
}
