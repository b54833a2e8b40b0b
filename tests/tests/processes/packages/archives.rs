use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use super::{dist, packaged_quickly, said, small_program, target};
use crate::BINARY;
use xtask::{Error, Target};

#[test]
fn the_same_binary_gives_the_same_bytes() {
    let first = packaged_quickly();
    // Elsewhere, later, by another name and with another mode.
    let copy = first.scratch().join("copy");
    fs::copy(small_program(first.scratch(), "-static"), &copy).unwrap();
    said(Command::new("chmod").arg("700").arg(&copy));
    let second = dist(target(), &copy, &first.scratch().join("again")).unwrap();
    assert_eq!(first.packages.files, second.files);
    assert!(second.files.len() >= 5, "{:?}", second.files);
    for file in &second.files {
        let bytes = |out: &std::path::Path| fs::read(out.join(file)).unwrap();
        assert!(bytes(&first.packages.out) == bytes(&second.out), "{file} differs");
    }
}

#[test]
fn an_archive_has_all_that_its_user_needs() {
    let packaged = packaged_quickly();
    let out = &packaged.packages.out;
    let listed = said(Command::new("sha256sum").args(["--check", "SHA256SUMS"]).current_dir(out));
    let all_but_the_list = packaged.packages.files.len() - 1;
    assert_eq!(listed.lines().filter(|line| line.ends_with(": OK")).count(), all_but_the_list, "{listed}");

    let archive = &packaged.files("oneworker-", ".tar.gz")[0];
    let unpacked = packaged.scratch().join("unpacked");
    fs::create_dir(&unpacked).unwrap();
    said(Command::new("tar").arg("-xzf").arg(archive).arg("-C").arg(&unpacked));
    let top = unpacked.join(format!("oneworker-{}-{}", env!("CARGO_PKG_VERSION"), target()));
    for (shell, file) in [
        ("bash", "oneworker.bash"),
        ("fish", "oneworker.fish"),
        ("powershell", "_oneworker.ps1"),
        ("zsh", "_oneworker"),
    ] {
        let packed = fs::read_to_string(top.join("completions").join(file)).unwrap();
        assert_eq!(packed.trim(), said(Command::new(BINARY).args(["completions", shell])), "{shell}");
    }
    let pages = packaged.scratch().join("pages");
    said(Command::new(BINARY).arg("man").arg(&pages));
    said(Command::new("diff").arg("-r").arg(&pages).arg(top.join("man")));
    let documents: BTreeSet<_> = fs::read_dir(&top)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| top.join(name).is_file())
        .collect();
    let expected = ["CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT", "README.md", "oneworker"];
    assert_eq!(documents, expected.map(str::to_owned).into());

    let details = said(Command::new("tar").env("TZ", "UTC").arg("-tvzf").arg(archive));
    let line = details.lines().find(|line| line.ends_with("/oneworker")).unwrap();
    assert!(line.starts_with("-rwxr-xr-x 0/0") && line.contains("2023-11-14 22:13"), "{line}");
}

#[test]
fn a_program_for_another_system_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let program = small_program(dir.path(), "-static");
    for other in Target::ALL.into_iter().filter(|other| *other != target()) {
        let refused = dist(other, &program, &dir.path().join("out")).unwrap_err();
        assert!(matches!(&refused, Error::Foreign { target, .. } if *target == other), "{refused}");
    }
    assert!(!dir.path().join("out").exists());
}

#[test]
fn a_program_that_needs_libraries_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let program = small_program(dir.path(), "-rdynamic");
    let refused = dist(target(), &program, &dir.path().join("out")).unwrap_err().to_string();
    assert!(refused.contains("linked dynamically"), "{refused}");
}
