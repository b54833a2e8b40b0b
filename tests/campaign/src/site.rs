//! A round's place: its state directory, and the program from two install paths.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use oneworker_tests::{Tmpfs, processes_of};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::history::DirId;
use crate::plan::Plan;
use crate::port::ReservedPort;
use crate::program::{Program, Values, Verb};

/// The history's file in a round's directory.
pub(crate) const HISTORY: &str = "history.jsonl";

/// Where a round takes place.
pub struct Site {
    /// All of it.
    pub root: PathBuf,
    /// The history.
    pub history: PathBuf,
    /// The disk, if it is a small one.
    pub disk: Option<Tmpfs>,
    program: Program,
    port: Option<ReservedPort>,
    installs: [PathBuf; 2],
    hang_limit_ms: u64,
    backoff_ms: u64,
}

impl Site {
    /// A fresh one, at a path that does not exist yet.
    pub fn prepare(root: PathBuf, program: &Program, plan: &Plan) -> Self {
        std::fs::create_dir_all(root.join("disk")).expect("a directory");
        let installs = ["marketplace/bin", "cache/1.0"].map(|path| root.join(path).join(program.file_name()));
        for install in &installs {
            std::fs::create_dir_all(install.parent().expect("a parent")).expect("a directory");
            // Another file system has no links to it.
            if std::fs::hard_link(&program.executable, install).is_err() {
                std::fs::copy(&program.executable, install).expect("a copy of the program");
            }
        }
        let disk = plan.small_disk.then(|| Tmpfs::mount(&root.join("disk"), "8m").ok()).flatten();
        let site = Self {
            history: root.join(HISTORY),
            disk,
            program: program.clone(),
            port: plan.fixed_port.then(ReservedPort::reserve),
            installs,
            hang_limit_ms: plan.hang_limit_ms,
            backoff_ms: plan.backoff_base_ms,
            root,
        };
        // A process notes only in files that are there.
        for failpoint in plan.failpoints() {
            std::fs::write(site.hits_of(action_of(failpoint)), "").expect("an empty file");
        }
        site
    }

    /// The state directory. Its path is in the arguments of every process of the program.
    pub fn state_dir(&self) -> PathBuf {
        self.root.join("disk/state")
    }

    /// The port that is asked for, if it is a certain one.
    pub fn port(&self) -> Option<u16> {
        self.port.as_ref().map(ReservedPort::get)
    }

    /// The program.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// A command of the program, whose every process notes what it does. A failpoint comes after the note, and is noted once more for itself.
    pub fn command(&self, install: usize, verb: Verb, deadline_ms: u64, failpoint: Option<&str>) -> Command {
        let state_dir = self.state_dir();
        let values = Values {
            state_dir: &state_dir,
            port: self.port(),
            deadline_ms,
            hang_limit_ms: self.hang_limit_ms,
            backoff_ms: self.backoff_ms,
        };
        let mut failpoints = format!("*=note:{}", self.history.display());
        if let Some(failpoint) = failpoint {
            let (point, _) = failpoint.split_once('=').expect("a point and an action");
            let hits = self.hits_of(action_of(failpoint));
            failpoints.push_str(&format!(";{point}=note:{};{failpoint}", hits.display()));
        }
        let mut built = Command::new(&self.installs[install]);
        built
            .args(self.program.arguments(verb).iter().map(|argument| values.fill(argument)))
            .envs(self.program.environment.iter().map(|(name, value)| (name, values.fill(value))))
            .env(oneworker_tests::failpoints::VARIABLE, failpoints)
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        built
    }

    /// How often failpoints did each of the plan's actions.
    pub fn hits(&self, plan: &Plan) -> BTreeMap<String, usize> {
        let actions: BTreeSet<_> = plan.failpoints().map(action_of).collect();
        let count = |action: &str| {
            std::fs::read_to_string(self.hits_of(action)).map_or(0, |notes| notes.lines().count())
        };
        actions.into_iter().map(|action| (action.to_owned(), count(action))).collect()
    }

    fn hits_of(&self, action: &str) -> PathBuf {
        self.root.join(format!("hits-{action}"))
    }

    /// The workers that live.
    pub fn workers(&self) -> Vec<u32> {
        self.processes().into_iter().filter(|(_, serves)| *serves).map(|(pid, _)| pid).collect()
    }

    /// All processes of the program that live, and whether they are workers.
    pub fn processes(&self) -> Vec<(u32, bool)> {
        processes_of(&self.state_dir())
            .into_iter()
            .map(|(pid, args)| (pid, args.contains(&self.program.worker_argument)))
            .collect()
    }

    /// Signals a process of the program, if it is there. Looked at once more while it is held: between two looks its pid may have become a
    /// bystander's.
    pub fn signal(&self, pid: u32, signal: Signal) {
        let Some(id) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return };
        let Ok(held) = pidfd_open(id, PidfdFlags::empty()) else { return };
        let arguments = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        if String::from_utf8_lossy(&arguments).contains(&*self.state_dir().to_string_lossy()) {
            let _ = pidfd_send_signal(&held, signal);
        }
    }
}

/// What a failpoint does: the word after its point.
fn action_of(failpoint: &str) -> &str {
    failpoint.split(['=', ':']).nth(1).unwrap_or_default()
}

/// The directory's device and inode.
pub fn id_of(path: &Path) -> Option<DirId> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).ok().map(|directory| [directory.dev(), directory.ino()])
}
