//! What is released, made of the binary under test, and installed as its users do, without a network.

mod archives;
mod npm;
mod pypi;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use oneworker_tests::agreed;
use xtask::{Packages, Target};

use crate::{BINARY, identity};

/// In seconds since 1970.
const MOMENT: &str = "1700000000";

/// What the small program says.
const SMALL: &str = "small";

/// Packages of this machine's binary.
struct Packaged {
    dir: tempfile::TempDir,
    packages: Packages,
}

/// The target that this machine runs.
fn target() -> Target {
    Target::of_this_machine().expect("nothing is released for this machine")
}

/// `cargo xtask dist` of this program.
fn dist(target: Target, program: &Path, out: &Path) -> Result<Packages, xtask::Error> {
    let mut binary = OsString::from(format!("{target}="));
    binary.push(program);
    let words = [
        "xtask",
        "dist",
        "--moment",
        MOMENT,
        "--target",
        target.triple(),
        "--documented-by",
        BINARY,
        "--binary",
    ];
    xtask::run(words.map(OsString::from).into_iter().chain([binary, "--out".into(), out.into()]))
}

/// The binary under test, packaged.
fn packaged() -> Packaged {
    let dir = tempfile::tempdir().unwrap();
    // Without what is for debuggers, which is most of it.
    let program = dir.path().join("stripped");
    said(Command::new("strip").arg("-o").arg(&program).arg(BINARY));
    let packages = dist(target(), &program, &dir.path().join("dist")).unwrap();
    Packaged { dir, packages }
}

/// A small program in the binary's place, for tests of what is around it: packing the binary takes seconds.
fn packaged_quickly() -> Packaged {
    let dir = tempfile::tempdir().unwrap();
    let program = small_program(dir.path(), "-static");
    let packages = dist(target(), &program, &dir.path().join("dist")).unwrap();
    Packaged { dir, packages }
}

/// A program that says [`SMALL`], linked so.
fn small_program(dir: &Path, linked: &str) -> PathBuf {
    let (source, program) = (dir.join("small.c"), dir.join("small"));
    fs::write(
        &source,
        format!("int puts(const char *);\nint main(void) {{ return puts({SMALL:?}) < 0; }}\n"),
    )
    .unwrap();
    said(Command::new("cc").args([linked, "-s", "-o"]).arg(&program).arg(&source));
    program
}

impl Packaged {
    /// A directory of the test's own.
    fn scratch(&self) -> &Path {
        self.dir.path()
    }

    /// Those files whose paths begin and end so.
    fn files(&self, begin: &str, end: &str) -> Vec<PathBuf> {
        let named = |file: &&String| file.starts_with(begin) && file.ends_with(end);
        self.packages.files.iter().filter(named).map(|file| self.packages.out.join(file)).collect()
    }
}

/// Whether a test has to do without a program that it needs. Where everything is tested, it does not.
fn lacks(program: &str) -> bool {
    let there = Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success());
    if !there {
        assert!(std::env::var_os("CI").is_none(), "the packages can't be tested without {program}");
        eprintln!("skipped: this needs {program}");
    }
    !there
}

/// Standard output of what has to succeed.
fn said(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{stdout}\n{stderr}", output.status);
    stdout.trim().to_owned()
}

/// Asserts that what was installed does what the binary does: the same answers, the same exit statuses, and one worker, which is `binary`.
fn assert_works(installed: &Path, binary: &Path) {
    let identity = identity();
    let command = |name: &str| identity.command_of(installed, name).arg("--json");
    let version = said(Command::new(installed).arg("--version"));
    assert_eq!(version, format!("oneworker {}", env!("CARGO_PKG_VERSION")));
    assert_eq!(Command::new(installed).arg("--no-such-flag").output().unwrap().status.code(), Some(2));
    assert_eq!(command("status").json().0, 3, "there is no worker yet");

    let worker = command("ensure").patiently().success();
    assert_eq!(worker.outcome, "started");
    let program = fs::read_link(format!("/proc/{}/exe", worker.pid)).unwrap();
    assert_eq!(program, binary.canonicalize().unwrap());
    agreed([&worker, &identity.patient()]);
    assert_eq!(identity.only_worker(), worker.pid);
    identity.stop();
}
