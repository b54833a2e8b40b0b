use std::ffi::OsStr;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::gate::Gate;
use crate::process::kill;
use crate::terminal::Terminal;

/// The longest that a command may take to end and to let go of its output: more than the longest deadline that a test gives it.
const LONGEST: Duration = Duration::from_secs(900);

/// A command that is about to run.
pub struct Run(Command);

/// A command that runs.
pub struct Running {
    child: Option<Child>,
    what: String,
    begun: Instant,
}

/// A command's success, as `ensure --json` reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Success {
    /// `reused`, `waited`, `started` or `replaced`.
    pub outcome: String,
    /// The worker's address.
    pub url: String,
    /// Its process.
    pub pid: u32,
    /// Its epoch.
    pub epoch: u64,
    /// Its port.
    pub port: u16,
    /// What a person should know.
    pub warnings: Vec<String>,
}

/// A command's failure, as `--json` reports it.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The stable code.
    pub code: String,
    /// The exit status.
    pub status: i32,
    /// All of the error object.
    pub error: Value,
    /// How long it took.
    pub took: Duration,
}

impl Success {
    /// Read from the object that was printed.
    pub fn of(json: &Value) -> Option<Self> {
        let warnings = json["warnings"].as_array().into_iter().flatten();
        Some(Self {
            outcome: json["outcome"].as_str()?.to_owned(),
            url: json["url"].as_str()?.to_owned(),
            pid: json["pid"].as_u64()?.try_into().ok()?,
            epoch: json["epoch"].as_u64()?,
            port: json["port"].as_u64()?.try_into().ok()?,
            warnings: warnings.filter_map(|warning| warning.as_str().map(str::to_owned)).collect(),
        })
    }
}

/// The failure of a session whose deadline comes while it sees what the test is about, which one of `codes` says. On a loaded machine its time
/// may be up before it has seen anything (`timed_out`): then another session gets twice the time.
pub fn once_seen(codes: &[&str], session: impl Fn() -> Run) -> Failure {
    let mut deadline = Duration::from_millis(500);
    loop {
        // A flag would come after the words of a command.
        let deadline_ms = format!("{}ms", deadline.as_millis());
        let failure = session().env("ONEWORKER_DEADLINE", deadline_ms).failure();
        if codes.contains(&failure.code.as_str()) {
            return failure;
        }
        let too_early = failure.code == "timed_out" && deadline < crate::PATIENCE;
        assert!(too_early, "none of {codes:?} within {deadline:?}: {:?}", failure.error);
        deadline *= 2;
    }
}

impl Run {
    /// Of this command, whose output is kept.
    pub fn new(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(command)
    }

    /// With one more argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.0.arg(arg);
        self
    }

    /// With more arguments.
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.0.args(args);
        self
    }

    /// With an environment variable.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.0.env(name, value);
        self
    }

    /// With this deadline, as `5s`.
    pub fn within(self, deadline: &str) -> Self {
        self.args(["--deadline", deadline])
    }

    /// With all the time in the world: how long it takes is not what is tested.
    pub fn patiently(self) -> Self {
        self.within(crate::PATIENT)
    }

    /// In this working directory.
    pub fn in_dir(mut self, dir: impl AsRef<std::path::Path>) -> Self {
        self.0.current_dir(dir);
        self
    }

    /// For what else a test wants to change.
    pub fn with(mut self, change: impl FnOnce(&mut Command)) -> Self {
        change(&mut self.0);
        self
    }

    /// Starts it.
    pub fn start(mut self) -> Running {
        let (begun, what) = (Instant::now(), format!("{:?}", self.0));
        Running { child: Some(self.0.spawn().expect("the binary under test starts")), what, begun }
    }

    /// Starts it on a terminal of this size.
    pub fn on_terminal(self, columns: u16, rows: u16) -> Terminal {
        Terminal::start(self.0, columns, rows)
    }

    /// Starts it behind a gate: it runs when that is opened.
    pub fn start_behind(self, gate: &Gate) -> Running {
        Self(gate.before(&self.0)).start()
    }

    /// The same command, run by a script that calls it as `"$@"`.
    pub fn through(self, script: &str) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", script, "sh"]).arg(self.0.get_program()).args(self.0.get_args());
        shell.envs(self.0.get_envs().filter_map(|(name, value)| Some((name, value?))));
        if let Some(dir) = self.0.get_current_dir() {
            shell.current_dir(dir);
        }
        Self::new(shell)
    }

    /// Runs it to its end.
    pub fn output(self) -> Output {
        self.start().output().0
    }

    /// Runs it to its end: its exit status, and the object that it printed.
    pub fn json(self) -> (i32, Value) {
        self.start().json()
    }

    /// Runs it, and expects success.
    pub fn success(self) -> Success {
        self.start().success()
    }

    /// Runs it, and expects an error.
    pub fn failure(self) -> Failure {
        self.start().failure()
    }
}

impl Running {
    /// Its pid.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    /// Its output when it has ended, and how long it took. Fails the test if it does not end, or if somebody else keeps its output open.
    pub fn output(mut self) -> (Output, Duration) {
        let child = self.child.take().expect("it runs");
        let (pid, begun) = (child.id(), self.begun);
        let (done, ended) = mpsc::channel();
        std::thread::spawn(move || {
            let output = child.wait_with_output();
            // Nobody waits any more if it came too late.
            let _ = done.send((output, begun.elapsed()));
        });
        match ended.recv_timeout(LONGEST) {
            Ok((output, took)) => (output.expect("its output"), took),
            Err(_) => {
                // Not reaped before its output has ended, so the pid is still its own.
                kill(pid);
                panic!("after {LONGEST:?} it, or whoever keeps its output open, has not ended: {}", self.what)
            }
        }
    }

    /// Its exit status when it has ended, and the object that it printed.
    pub fn json(self) -> (i32, Value) {
        let (output, _) = self.output();
        let said = || {
            let [out, err] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
            format!("{:?}\nstdout: {out}\nstderr: {err}", output.status)
        };
        let status = output.status.code().unwrap_or_else(|| panic!("no exit: {}", said()));
        (status, serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("no object: {}", said())))
    }

    /// Expects success.
    pub fn success(self) -> Success {
        let (output, _) = self.output();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let json: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        Success::of(&json).filter(|_| output.status.success()).unwrap_or_else(|| {
            panic!(
                "no success: {:?}\nstdout: {text}\nstderr: {}",
                output.status,
                String::from_utf8_lossy(&output.stderr)
            )
        })
    }

    /// Expects an error.
    pub fn failure(self) -> Failure {
        let (output, took) = self.output();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let json: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        let code = json["error"]["code"].as_str().map(str::to_owned);
        match (code, output.status.code()) {
            (Some(code), Some(status)) if status != 0 => {
                Failure { code, status, error: json["error"].clone(), took }
            }
            _ => panic!(
                "no error: {:?}\nstdout: {text}\nstderr: {}",
                output.status,
                String::from_utf8_lossy(&output.stderr)
            ),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
