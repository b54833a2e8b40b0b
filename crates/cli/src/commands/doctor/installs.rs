//! Other installs of this program, and which versions they are of.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// As `hook install` writes it.
pub(super) const PROGRAM: &str = "oneworker";
/// More are not asked.
const MOST: usize = 8;
/// How long one may take to say its version.
const PATIENCE: Duration = Duration::from_millis(500);

/// Those that `PATH` leads to, in its order, each once.
pub(super) fn in_path() -> Vec<PathBuf> {
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
pub(super) fn is_program(path: &Path) -> bool {
    let Ok(found) = path.metadata() else { return false };
    #[cfg(unix)]
    let executable = std::os::unix::fs::PermissionsExt::mode(&found.permissions()) & 0o111 != 0;
    #[cfg(not(unix))]
    let executable = true;
    found.is_file() && executable
}

/// What it says its version is; `None` if it says none in time.
pub(super) fn version_of(program: &Path) -> Option<String> {
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    let end = Instant::now() + PATIENCE;
    let status = loop {
        match child.try_wait().ok()? {
            Some(status) => break status,
            None if Instant::now() < end => std::thread::sleep(Duration::from_millis(2)),
            None => {
                let _ = child.kill();
                break child.wait().ok()?;
            }
        }
    };
    let mut said = String::new();
    child.stdout.take()?.take(256).read_to_string(&mut said).ok()?;
    let version = said.trim().strip_prefix(PROGRAM)?.trim();
    (status.success() && !version.is_empty()).then(|| version.to_owned())
}
