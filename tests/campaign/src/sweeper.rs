//! The sweeper: a small process that outlives the campaign for a moment. However the campaign ends, nothing of it is left.

use std::io::Read;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use oneworker_tests::{kill, processes_of};

/// The campaign's end of it. Dropping it, or dying, lets the sweeper sweep.
pub struct Sweeper {
    process: Child,
    lifeline: Option<ChildStdin>,
}

impl Sweeper {
    /// One that watches over this directory.
    pub fn start(dir: &Path) -> Self {
        use std::os::unix::process::CommandExt;
        let mut process = Command::new(std::env::current_exe().expect("this program"))
            .arg("sweep")
            .arg(dir)
            .stdin(Stdio::piped())
            // What interrupts the campaign from a terminal must not end it.
            .process_group(0)
            .spawn()
            .expect("the sweeper");
        let lifeline = process.stdin.take();
        Self { process, lifeline }
    }
}

impl Drop for Sweeper {
    fn drop(&mut self) {
        self.lifeline.take();
        let _ = self.process.wait();
    }
}

/// Waits until the campaign is gone, ends every process that names its directory, and removes that.
pub fn run(dir: &Path) -> ExitCode {
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    sweep(dir);
    // What is kept was copied elsewhere.
    let _ = std::fs::remove_dir_all(dir);
    ExitCode::SUCCESS
}

/// Ends every process that names this directory in its arguments, and unmounts what is mounted below it.
pub fn sweep(dir: &Path) {
    let end = Instant::now() + oneworker_tests::PATIENCE;
    let mut clean = 0;
    // Twice in a row, since a process that was just forked has its arguments only after it has executed something.
    while clean < 2 && Instant::now() < end {
        let left = processes_of(dir);
        clean = if left.is_empty() { clean + 1 } else { 0 };
        left.into_iter().for_each(|(pid, _)| kill(pid));
        std::thread::sleep(Duration::from_millis(20));
    }
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    for mount in mounts.lines().filter_map(|line| line.split(' ').nth(1)) {
        if Path::new(mount).starts_with(dir) {
            let _ = Command::new("umount").arg("-l").arg(mount).status();
        }
    }
}
