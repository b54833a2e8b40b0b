use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use coordinator::lifecycle::{EventKind, read_history};
use serde_json::Value;

use crate::process::{is_alive, kill, processes_of};
use crate::run::{Failure, Run, Running, Success};

/// Commands that say what they see once their deadline has passed, also where nobody answers.
const ONLY_LOOK: [&str; 8] = ["status", "doctor", "ps", "reap", "events", "explain", "logs", "purge"];

/// An identity of a test: a state directory of its own. Dropping it ends every process that was started for it.
pub struct Identity {
    root: tempfile::TempDir,
    binary: PathBuf,
    port: String,
    env: Vec<(String, String)>,
    flags: Vec<String>,
}

impl Identity {
    /// A fresh one, with any free port. `binary` is `env!("CARGO_BIN_EXE_oneworker-under-test")`.
    pub fn new(binary: &str) -> Self {
        let root = tempfile::tempdir().expect("a temporary directory");
        std::fs::write(root.path().join("oneworker.toml"), "").expect("an empty configuration");
        Self {
            root,
            binary: PathBuf::from(binary),
            port: "auto".to_owned(),
            env: Vec::new(),
            flags: Vec::new(),
        }
    }

    /// With this port.
    pub fn on_port(mut self, port: u16) -> Self {
        self.port = port.to_string();
        self
    }

    /// With an environment variable in every process (`ONEWORKER_BACKOFF_…`, say).
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With no launch ever held back, for tests that end many workers.
    pub fn without_backoff(self) -> Self {
        self.env("ONEWORKER_BACKOFF_BASE", "0")
    }

    /// With a flag that every command gets, such as `--hang-limit` and its value.
    pub fn flag(mut self, flag: &str, value: &str) -> Self {
        self.flags.extend([flag.to_owned(), value.to_owned()]);
        self
    }

    /// With this hang limit for all sessions, and a worker that does not end itself: its own watchdog has the same limit without this, and a
    /// short one may pass for a worker that is well on a loaded machine.
    pub fn hang_limit(self, limit: &str) -> Self {
        self.flag("--hang-limit", limit).env("ONEWORKER_WATCHDOG", "1h")
    }

    /// The same identity, for a session that asks for another port.
    pub fn ensure_on_port(&self, port: &str) -> Run {
        self.command_on(&self.binary, "ensure", port).arg("--json")
    }

    /// Gives the test's directory to another user, so that the identity can be theirs (root only).
    pub fn owned_by(self, user: u32) -> Self {
        std::os::unix::fs::chown(self.root.path(), Some(user), Some(user)).expect("root's rights");
        self
    }

    /// The binary.
    pub fn binary(&self) -> &Path {
        &self.binary
    }

    /// Another install of the program, in this version and at a path of its own.
    pub fn install(&self, version: &str) -> PathBuf {
        let dir = self.scratch().join("installs").join(version);
        std::fs::create_dir_all(&dir).expect("a directory");
        let program = dir.join("oneworker");
        install(&self.binary, &program);
        std::fs::write(dir.join("oneworker.version"), version).expect("a version");
        program
    }

    /// `ensure --json` of this install, with all the time in the world.
    pub fn ensure_of(&self, install: &Path) -> Run {
        self.command_of(install, "ensure").arg("--json").patiently()
    }

    /// The same, of a session that has an older worker hand over.
    pub fn newest_of(&self, install: &Path) -> Run {
        self.ensure_of(install).args(["--upgrade", "newest"])
    }

    /// A directory that is the test's own, outside the state directory.
    pub fn scratch(&self) -> &Path {
        self.root.path()
    }

    /// The state directory. Its path is in every worker's arguments.
    pub fn state_dir(&self) -> PathBuf {
        self.root.path().join("state")
    }

    /// A file of the state directory.
    pub fn file(&self, name: &str) -> PathBuf {
        self.state_dir().join(name)
    }

    /// A command of the binary, with the identity's flags; nothing is started yet.
    pub fn command(&self, command: &str) -> Run {
        self.command_of(&self.binary, command)
    }

    /// The same with another copy of the binary.
    pub fn command_of(&self, binary: &Path, command: &str) -> Run {
        self.command_on(binary, command, &self.port)
    }

    fn command_on(&self, binary: &Path, command: &str, port: &str) -> Run {
        let mut built = Command::new(binary);
        built.arg(command).arg("--state-dir").arg(self.state_dir()).args(["--port", port]).args(&self.flags);
        // A flag comes before a variable. Those that only look take their time where nobody answers, so they keep the default.
        if !ONLY_LOOK.contains(&command) {
            built.env("ONEWORKER_DEADLINE", crate::PATIENT);
        }
        // No configuration of the user who runs the tests.
        built
            .env("ONEWORKER_CONFIG", self.scratch().join("oneworker.toml"))
            .env("RUST_BACKTRACE", "0")
            .envs(self.env.iter().map(|(k, v)| (k, v)));
        Run::new(built)
    }

    /// `ensure --json`.
    pub fn ensure(&self) -> Run {
        self.command("ensure").arg("--json")
    }

    /// `ensure --json` of a session that has all the time in the world: how long it takes is not what is tested.
    pub fn patient_ensure(&self) -> Run {
        self.ensure().patiently()
    }

    /// Such a session's answer.
    pub fn patient(&self) -> Success {
        self.patient_ensure().success()
    }

    /// The answers of so many such sessions that start at the same instant.
    pub fn patient_crowd(&self, sessions: usize) -> Vec<Success> {
        let crowd = crate::all_at_once((0..sessions).map(|_| self.patient_ensure()));
        crowd.into_iter().map(Running::success).collect()
    }

    /// What a session learns whose worker, or which itself, fails at these points.
    pub fn failing(&self, failpoints: impl AsRef<OsStr>) -> Failure {
        self.ensure_failing(failpoints).patiently().failure()
    }

    /// Leaves a worker in office that is stuck for good, in this way, since it was first asked how it is.
    pub fn stuck(&self, how: &str) -> u32 {
        let asked = self.scratch().join("asked");
        std::fs::write(&asked, "").expect("a file");
        let failpoints = format!("answer=note:{};answer={how}", asked.display());
        crate::wait_for("a worker that is stuck", || {
            // On a loaded machine one session's time may be up before its worker is in office: then the next one asks it.
            let failure = self.ensure_failing(&failpoints).within("1s").failure();
            let codes = ["starting", "timed_out", "unresponsive"];
            assert!(codes.contains(&failure.code.as_str()), "{:?}", failure.error);
            (!std::fs::read(&asked).ok()?.is_empty()).then(|| self.only_worker())
        })
    }

    /// `ensure --json` with failpoints, as `launch.before=kill`.
    pub fn ensure_failing(&self, failpoints: impl AsRef<OsStr>) -> Run {
        self.ensure().env("ONEWORKER_FAILPOINTS", failpoints)
    }

    /// Waits until this process is in office and ready, by its record.
    pub fn wait_until_ready(&self, pid: u32) {
        crate::wait_for(&format!("process {pid} to be ready"), || {
            self.record().filter(|record| record["pid"] == pid && record["state"] == "ready").map(drop)
        });
    }

    /// Waits for a worker's last act of starting, which no session waits for: its note in the history.
    pub fn wait_until_noted(&self) {
        crate::wait_for("the history of the start", || {
            let events = read_history(&self.state_dir(), 10).ok()?;
            events.iter().any(|event| event.kind == EventKind::TenureBegan).then_some(())
        });
    }

    /// `stop`, to its end.
    pub fn stop(&self) {
        let output = self.command("stop").patiently().output();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// The record as JSON, if there is a whole one.
    pub fn record(&self) -> Option<Value> {
        serde_json::from_slice(&std::fs::read(self.file("worker.json")).ok()?).ok()
    }

    /// Changes a JSON file of the state directory.
    pub fn edit(&self, name: &str, change: impl FnOnce(&mut Value)) {
        let path = self.file(name);
        let mut json = serde_json::from_slice(&std::fs::read(&path).expect("a file")).expect("JSON");
        change(&mut json);
        std::fs::write(path, json.to_string()).expect("a file");
    }

    /// The last epoch given out; 0 without one.
    pub fn epoch(&self) -> u64 {
        std::fs::read_to_string(self.file("epoch"))
            .ok()
            .and_then(|text| text.trim().parse().ok())
            .unwrap_or(0)
    }

    /// The `serve` processes of this identity that live, by their arguments.
    pub fn workers(&self) -> Vec<u32> {
        processes_of(&self.state_dir())
            .into_iter()
            .filter(|(_, args)| args.iter().any(|arg| arg == "serve"))
            .map(|(pid, _)| pid)
            .collect()
    }

    /// The only one of them.
    pub fn only_worker(&self) -> u32 {
        let workers = self.workers();
        assert_eq!(workers.len(), 1, "{workers:?}");
        workers[0]
    }

    /// Waits until `pid` is the only `serve` process of this identity: those that lost end by themselves.
    pub fn wait_until_alone(&self, pid: u32) {
        crate::wait_for("all other workers to end", || (self.workers() == [pid]).then_some(()));
    }

    /// Asserts that the next session's worker is a fresh one, and the only one.
    pub fn assert_recovered(&self, epoch_before: u64) -> Success {
        let worker = self.patient();
        assert!(worker.epoch > epoch_before, "epoch {} after {epoch_before}", worker.epoch);
        assert_eq!(worker.epoch, self.epoch());
        self.wait_until_alone(worker.pid);
        worker
    }

    /// The epochs of those who took office, as the log has them. (A worker that was started by hand logs elsewhere.)
    pub fn tenures(&self) -> Vec<u64> {
        let log = self.log();
        let epoch = |line: &str| {
            line.split_once("epoch=")?.1.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
        };
        log.lines().filter(|line| line.contains("in office for")).filter_map(epoch).collect()
    }

    /// How many workers were launched in vain: each says in the log who was in office before it.
    pub fn needless_launches(&self) -> usize {
        self.log().lines().filter(|line| line.starts_with("oneworker: a worker of ")).count()
    }

    /// What the worker wrote to its log.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.file("logs/worker.log")).unwrap_or_default()
    }
}

/// The same program at another path. A link costs nothing, and is never being written to while another test's thread forks: then it could not
/// be executed (`ETXTBSY`). On another file system it must be a copy.
pub fn install(program: &Path, at: &Path) {
    // What is there may be a link to another program, which must not be written into.
    let _ = std::fs::remove_file(at);
    if std::fs::hard_link(program, at).is_err() {
        std::fs::copy(program, at).expect("a copy of the program");
    }
}

impl Drop for Identity {
    fn drop(&mut self) {
        // Only what names this test's own temporary directory in its arguments.
        let end = std::time::Instant::now() + crate::PATIENCE;
        loop {
            let left: Vec<_> = processes_of(self.root.path())
                .into_iter()
                .map(|(pid, _)| pid)
                .filter(|pid| is_alive(*pid))
                .collect();
            if left.is_empty() || std::time::Instant::now() > end {
                return;
            }
            left.into_iter().for_each(kill);
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
    }
}
