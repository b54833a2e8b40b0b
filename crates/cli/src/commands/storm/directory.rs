//! The directory of a storm, which nothing else uses.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use coordinator::layout;

/// The directory. When dropped, its workers are ended and it is removed.
pub(super) struct StormDirectory(PathBuf);

impl StormDirectory {
    pub(super) fn make() -> io::Result<Self> {
        let mut made = Err(io::Error::from(io::ErrorKind::AlreadyExists));
        for n in 0..100 {
            let path = std::env::temp_dir().join(format!("oneworker-storm.{}.{n}", std::process::id()));
            made = make_own(&path).map(|()| Self(path));
            if !matches!(&made, Err(error) if error.kind() == io::ErrorKind::AlreadyExists) {
                break;
            }
        }
        made
    }

    /// The state directory of the storm, or of a session that has one of its own.
    pub(super) fn state_dir(&self, own: Option<usize>) -> PathBuf {
        self.0.join(own.map_or("state".to_owned(), |session| format!("state-{session}")))
    }

    /// Where sessions without an election write who is there.
    pub(super) fn pid_file(&self) -> PathBuf {
        self.0.join("naive.pid")
    }

    /// How many workers were in office, by their epochs.
    pub(super) fn tenures(&self) -> usize {
        let epoch =
            |dir: PathBuf| fs::read_to_string(dir.join(layout::EPOCH)).ok()?.trim().parse::<usize>().ok();
        self.state_dirs().into_iter().filter_map(epoch).sum()
    }

    fn state_dirs(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.0).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
    }
}

impl Drop for StormDirectory {
    fn drop(&mut self) {
        for dir in self.state_dirs() {
            // One that does not obey keeps its directory from being removed; the system tidies its temporary files.
            let _ = command("stop", &dir).args(["--force", "--quiet"]).stderr(Stdio::null()).status();
        }
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// This program, for an identity of the storm.
pub(super) fn command(command: &str, state_dir: &Path) -> Command {
    let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("oneworker"));
    let mut built = Command::new(program);
    built
        .args([
            command,
            "--no-config",
            "--name",
            "storm",
            "--port",
            "auto",
            "--deadline",
            "60s",
            "--state-dir",
        ])
        .arg(state_dir);
    // Whatever this user has set for the real ones is not for these.
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("ONEWORKER_")) {
            built.env_remove(name);
        }
    }
    built.stdin(Stdio::null());
    built
}

#[cfg(unix)]
fn make_own(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().mode(0o700).create(path)
}

#[cfg(not(unix))]
fn make_own(path: &Path) -> io::Result<()> {
    fs::create_dir(path)
}
