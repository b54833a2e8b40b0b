//! Completions and manual pages.

use std::fs;
use std::process::{Command, Stdio};

use super::{given, printed, run};
use crate::identity;

/// A shell that can check a script without running it, if it is there.
fn accepts(shell: &str, script: &std::path::Path) -> bool {
    let checked = Command::new(shell).arg("-n").arg(script).stderr(Stdio::null()).status();
    checked.map_or(true, |status| status.success())
}

#[test]
fn every_shell_gets_completions_that_know_the_commands() {
    let identity = identity();
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let script = printed(&run(&identity, &format!("completions {shell}")).output());
        for word in ["ensure", "claude-code", "hang-limit"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
        let file = identity.scratch().join(shell);
        fs::write(&file, script).unwrap();
        assert!(shell == "powershell" || accepts(shell, &file), "{shell}");
    }
}

#[test]
fn bash_completes_a_command() {
    let identity = identity();
    let script = printed(&run(&identity, "completions bash").output());
    let asked = "\nCOMP_WORDS=(oneworker ens); COMP_CWORD=1; _oneworker oneworker ens oneworker; echo \"${COMPREPLY[@]}\"";
    let shell = given(oneworker_tests::Run::new(Command::new("bash")), &identity, script + asked);
    assert_eq!(printed(&shell.output()).trim(), "ensure");
}

#[test]
fn each_command_has_a_manual_page() {
    let identity = identity();
    let page = printed(&run(&identity, "man").output());
    assert!(page.contains(".TH") && page.contains("oneworker"), "{page}");
    let dir = identity.scratch().join("man1");
    printed(&run(&identity, &format!("man {}", dir.display())).output());
    for page in ["oneworker.1", "oneworker-ensure.1", "oneworker-hook-install.1"] {
        let text = fs::read_to_string(dir.join(page)).unwrap();
        assert!(text.contains("Examples:") || text.contains("SUBCOMMANDS"), "{page}: {text}");
    }
}
