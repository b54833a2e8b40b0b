//! Where this program is installed, and in which versions.

use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, PipeReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
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

/// A copy of the program, and the version that it says it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Install {
    pub(crate) program: PathBuf,
    pub(crate) version: Version,
}

impl Install {
    /// Asks this program. `None` if it does not answer as this program does.
    pub(crate) fn ask(program: PathBuf) -> Option<Self> {
        let version = version_of(&program)?;
        Some(Self { program, version })
    }

    /// What the worker is launched with.
    pub(crate) fn program(&self) -> &OsStr {
        self.program.as_os_str()
    }
}

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

/// Why a program will not be where it is for long, and what to do; `None` if nothing says so. What is written into settings is to stay.
pub(crate) fn passing(program: &Path) -> Option<&'static str> {
    program.components().find_map(|part| match part.as_os_str().to_str()? {
        // npx(1), and `libnpmexec`: below npm's cache.
        "_npx" => Some("is in npx's cache: run `npm install --global oneworker`, and then that one"),
        // A program with the mark of a download is run from a disk image that is made for the occasion, read-only and under another path each time
        // (Apple, "Gatekeeper and runtime protection in macOS").
        "AppTranslocation" => Some(
            "was downloaded, and macOS runs it from another place each time: move it with the Finder, or run `xattr -d com.apple.quarantine` on it",
        ),
        // The environments of uvx; the number is that of the cache's format (https://docs.astral.sh/uv/concepts/cache/).
        name if name.strip_prefix("archive-v").is_some_and(|number| number.parse::<u32>().is_ok()) => {
            Some("is in uv's cache: run `uv tool install oneworker`, and then that one")
        }
        _ => None,
    })
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

/// What it says its version is, in its first line; `None` if it says none in time, and is ended then.
pub(crate) fn version_of(program: &Path) -> Option<Version> {
    let end = Instant::now() + PATIENCE;
    let (said, says) = io::pipe().ok()?;
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null()).stdout(says).stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    // With it the last end of the pipe that is this process's.
    drop(command);
    let line = first_line(said, end);
    let ended_well = loop {
        match child.try_wait() {
            Ok(None) if line.is_some() && Instant::now() < end => {
                std::thread::sleep(Duration::from_millis(2));
            }
            Ok(Some(status)) => break status.success(),
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                break false;
            }
        }
    };
    line.filter(|_| ended_well)?.trim().strip_prefix(PROGRAM)?.trim().parse().ok()
}

/// The first line, and no more of it than a version has. What such a program has started may keep its pipe open for as long as it likes.
fn first_line(said: PipeReader, end: Instant) -> Option<String> {
    let (done, line) = mpsc::channel();
    std::thread::Builder::new()
        .spawn(move || {
            let mut line = String::new();
            if BufReader::new(said.take(LONGEST)).read_line(&mut line).is_ok() {
                // Nobody waits any more if it came too late.
                let _ = done.send(line);
            }
        })
        .ok()?;
    line.recv_timeout(end.saturating_duration_since(Instant::now())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_will_not_stay_is_told_from_what_may() {
        for (program, of) in [
            ("/home/a/.npm/_npx/2f8a/node_modules/@oneworker/linux-x64/bin/oneworker", "npx"),
            ("/home/a/.cache/uv/archive-v0/Yb2/bin/oneworker", "uv"),
            ("/private/var/folders/x/T/AppTranslocation/5E/d/oneworker", "macOS"),
        ] {
            assert!(passing(Path::new(program)).is_some_and(|why| why.contains(of)), "{program}");
        }
        for program in [
            "/usr/local/bin/oneworker",
            "/home/a/project/node_modules/@oneworker/linux-x64/bin/oneworker",
            "/home/a/.local/share/uv/tools/oneworker/bin/oneworker",
            "/home/a/my_npx/oneworker",
            "/home/a/archive-videos/oneworker",
        ] {
            assert_eq!(passing(Path::new(program)), None, "{program}");
        }
    }

    #[cfg(unix)]
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
        // On a loaded machine a shell may need more than its time: then it is asked again.
        let says_at_last = |script: &str| (0..60).find_map(|_| says(script));
        assert_eq!(says_at_last("echo oneworker 1.2.3-rc.1+b"), Some("1.2.3-rc.1+b".parse().unwrap()));
        let left = dir.path().join("left");
        let leaves = format!("sleep 600 & echo $! >> {}; echo oneworker 1.2.3", left.display());
        let said = says_at_last(&leaves);
        let left = std::fs::read_to_string(left).unwrap();
        assert!(Command::new("kill").args(left.split_whitespace()).status().unwrap().success());
        assert_eq!(said, Some(Version::new(1, 2, 3)), "who holds its output is not waited for");
        for other in [
            "echo 1.2.3",
            "echo oneworker",
            "echo oneworker 1.2.3; exit 1",
            "exec sleep 600",
            "yes oneworker 1.2.3",
            ":",
        ] {
            assert_eq!(says(other), None, "{other}");
        }
        assert_eq!(version_of(Path::new("/dev/null")), None);
        assert_eq!(version_of(&dir.path().join("missing")), None);
    }
}
