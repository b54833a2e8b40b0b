//! What the tests of this program share: a worker with a guardian and a tree of its own, and looking at what is left of it.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use coordinator::machine::ProcessIdentity;
use coordinator::tree::Marker;
use coordinator::{Epoch, system};
use oneworker_tests::{is_alive, kill, look, processes_of, wait_for};

const TREE_WORKER: &str = env!("CARGO_BIN_EXE_tree-worker");

/// An argument of `sleep` that no other process on this machine has: about an hour.
pub(crate) fn token() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("3600.{:010}{:06}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// An identity's digest that no other test has.
pub(crate) fn digest() -> String {
    let mut bytes = [0; 16];
    system::machine().random.fill(&mut bytes).unwrap();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn marker(digest: &str, epoch: u64) -> Marker {
    Marker::new(digest, Epoch(epoch), &*system::machine().random).unwrap()
}

/// The processes that are `sleep TOKEN`.
pub(crate) fn sleepers(token: &str) -> Vec<u32> {
    let of_token = processes_of(Path::new(token)).into_iter();
    of_token.filter(|(_, args)| args.iter().any(|arg| arg == token)).map(|(pid, _)| pid).collect()
}

/// Waits until there are so many, and tells which.
pub(crate) fn await_sleepers(token: &str, n: usize) -> Vec<ProcessIdentity> {
    let pids = wait_for(&format!("{n} sleepers"), || Some(sleepers(token)).filter(|found| found.len() == n));
    pids.into_iter().map(|pid| look(pid).identity).collect()
}

/// Everything that has the token in an argument, scripts too.
pub(crate) fn all_of(token: &str) -> Vec<(u32, Vec<String>)> {
    processes_of(Path::new(token))
}

/// Ends whatever has the token when dropped, so that a test that fails leaves nothing behind.
pub(crate) struct Cleanup(pub(crate) String);

impl Drop for Cleanup {
    fn drop(&mut self) {
        for (pid, _) in all_of(&self.0) {
            kill(pid);
        }
    }
}

/// A worker with a guardian and children.
pub(crate) struct Tree {
    /// What was started: the guardian, which has been the worker before.
    process: Child,
    output: BufReader<ChildStdout>,
    pub(crate) worker: u32,
    pub(crate) guardian: u32,
    pub(crate) children: Vec<u32>,
    pub(crate) ports: Vec<u16>,
    pub(crate) marker: String,
    /// `LISTEN_PID` and `WATCHDOG_PID`.
    pub(crate) addressed: [Option<String>; 2],
}

impl Tree {
    pub(crate) fn start(digest: &str, scripts: &[&str]) -> Self {
        Self::start_with(digest, scripts, |_| {})
    }

    pub(crate) fn start_with(digest: &str, scripts: &[&str], change: impl FnOnce(&mut Command)) -> Self {
        let mut command = command(digest, scripts);
        change(&mut command);
        let mut process = command.spawn().unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let started: serde_json::Value = serde_json::from_str(&line).unwrap();
        let numbers = |name: &str| started[name].as_array().unwrap().iter().map(|n| n.as_u64().unwrap());
        let pid = |name: &str| started[name].as_u64().unwrap().try_into().unwrap();
        let tree = Self {
            worker: pid("worker"),
            guardian: pid("guardian"),
            children: numbers("children").map(|pid| pid.try_into().unwrap()).collect(),
            ports: numbers("ports").map(|port| port.try_into().unwrap()).collect(),
            marker: started["marker"].as_str().unwrap().to_owned(),
            addressed: [0, 1].map(|i| started["addressed"][i].as_str().map(str::to_owned)),
            process,
            output,
        };
        assert_eq!(tree.guardian, tree.process.id(), "the guardian is what was started");
        tree
    }

    /// Tells it something.
    pub(crate) fn say(&mut self, line: &str) {
        writeln!(self.process.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Tells it something, and returns what it answers.
    pub(crate) fn ask(&mut self, line: &str) -> String {
        self.say(line);
        let mut answer = String::new();
        self.output.read_line(&mut answer).unwrap();
        answer.trim().to_owned()
    }

    /// How what was started has ended.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        wait_for("the guardian to end", || self.process.try_wait().unwrap())
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        // Its guardian ends the rest.
        if is_alive(self.worker) && self.process.try_wait().unwrap().is_none() {
            kill(self.worker);
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The command that starts one, to which a service manager addresses one of its variables.
pub(crate) fn command(digest: &str, scripts: &[&str]) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", "LISTEN_PID=1 WATCHDOG_PID=$$ exec \"$0\" \"$@\"", TREE_WORKER, digest, "1"])
        .args(scripts)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    command
}
