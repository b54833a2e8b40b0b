//! Where this program is installed, and in which versions.

use std::io::{Read, Seek};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use semver::Version;

/// As `hook install` writes it.
pub(crate) const PROGRAM: &str = "oneworker";
/// More are not asked.
const MOST: usize = 8;
/// How long one may take to say its version.
const PATIENCE: Duration = Duration::from_secs(1);
/// The longest version, in bytes.
const LONGEST: u64 = 256;

/// Those that `PATH` leads to, in its order, each once.
pub(crate) fn in_path() -> Vec<PathBuf> {
    let name = format!("{PROGRAM}{}", std::env::consts::EXE_SUFFIX);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut found: Vec<PathBuf> = Vec::new();
    // A relative folder is another one for every session.
    for program in std::env::split_paths(&path).filter(|dir| dir.is_absolute()).map(|dir| dir.join(&name)) {
        let Some(program) = program.canonicalize().ok().filter(|program| is_program(program)) else {
            continue;
        };
        if found.len() < MOST && !found.contains(&program) {
            found.push(program);
        }
    }
    found
}

/// Whether it is a file that can be executed.
pub(crate) fn is_program(path: &Path) -> bool {
    let Ok(found) = path.metadata() else { return false };
    #[cfg(unix)]
    let executable = std::os::unix::fs::PermissionsExt::mode(&found.permissions()) & 0o111 != 0;
    #[cfg(not(unix))]
    let executable = true;
    found.is_file() && executable
}

/// What it says its version is; `None` if it says none in time, and is ended then.
pub(crate) fn version_of(program: &Path) -> Option<Version> {
    // Not a pipe: what such a program has started may keep that open.
    let mut said = tempfile::tempfile().ok()?;
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null()).stdout(said.try_clone().ok()?).stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    let end = Instant::now() + PATIENCE;
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => break,
            Ok(None) if Instant::now() < end => std::thread::sleep(Duration::from_millis(2)),
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                return None;
            }
        }
    }
    let mut text = String::new();
    said.rewind().ok()?;
    said.take(LONGEST).read_to_string(&mut text).ok()?;
    text.trim().strip_prefix(PROGRAM)?.trim().parse().ok()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn only_what_says_a_version_in_time_has_one() {
        let dir = tempfile::tempdir().unwrap();
        let says = |script: &str| {
            let program = dir.path().join("program");
            // Written by another process: a fork of another test must not have it open for writing when it is executed.
            let made = Command::new("sh")
                .args(["-c", "printf '#!/bin/sh\n%s\n' \"$1\" > \"$2\" && chmod 755 \"$2\"", "sh", script])
                .arg(&program)
                .status();
            assert!(made.unwrap().success());
            version_of(&program)
        };
        assert_eq!(says("echo oneworker 1.2.3-rc.1+b"), Some("1.2.3-rc.1+b".parse().unwrap()));
        assert_eq!(
            says("sleep 600 & echo oneworker 1.2.3"),
            Some(Version::new(1, 2, 3)),
            "who holds its output is not waited for"
        );
        for other in [
            "echo 1.2.3",
            "echo oneworker",
            "echo oneworker 1.2.3; exit 1",
            "sleep 600",
            "yes oneworker 1.2.3",
            ":",
        ] {
            assert_eq!(says(other), None, "{other}");
        }
        assert_eq!(version_of(Path::new("/dev/null")), None);
        assert_eq!(version_of(&dir.path().join("missing")), None);
    }
}
