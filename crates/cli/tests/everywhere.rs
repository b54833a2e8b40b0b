//! The binary on whatever system this is: storms, ends by force, supervised commands, paths that are no ASCII. What `tests/` says in depth on Linux is said here as
//! far as it is another system's doing. On Windows it is run by `ci/windows.sh`, under Wine; on macOS by `ci/macos.sh`.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use coordinator::machine::{Activity, Pid, ProcessIdentity, Signal};
use serde_json::Value;

/// The variable that makes [`role`] play a part in a process of its own.
const ROLE: &str = "ONEWORKER_TEST_ROLE";
/// The deadline of all commands, however slow the machine is.
const PATIENT: &str = "10m";
/// However slow the machine is.
const PATIENCE: Duration = Duration::from_secs(300);

/// An identity of one test, whose worker ends with it.
struct Identity {
    dir: tempfile::TempDir,
    flags: Vec<String>,
}

impl Identity {
    fn new(name: &str) -> Self {
        let dir = tempfile::Builder::new().prefix(name).tempdir().unwrap();
        Self { dir, flags: vec!["--port".to_owned(), "auto".to_owned()] }
    }

    fn state_dir(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    fn command(&self, verb: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_oneworker"));
        command.arg(verb).arg("--state-dir").arg(self.state_dir()).stdin(Stdio::null());
        command.env("ONEWORKER_DEADLINE", PATIENT);
        command
    }

    fn session(&self) -> Command {
        let mut command = self.command("ensure");
        command.args(["--json"]).args(&self.flags);
        // Many workers are ended here, and no launch is to be held back for it.
        command.env("ONEWORKER_BACKOFF_BASE", "0");
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// One session's answer. Reading it to its end would last as long as the worker, had that inherited the pipe.
    fn ensure(&self, command: &[String]) -> Answer {
        let mut session = self.session();
        if !command.is_empty() {
            session.args(["--env", ROLE, "--"]).args(command).env(ROLE, "serve");
        }
        Answer::of(session.output().unwrap())
    }
}

impl Drop for Identity {
    fn drop(&mut self) {
        let _ = self.command("stop").stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}

#[derive(Debug)]
struct Answer {
    pid: u32,
    epoch: u64,
    port: u16,
}

impl Answer {
    fn of(output: Output) -> Self {
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said} {errors}");
        let json: Value = serde_json::from_str(&said).unwrap();
        let number = |name: &str| json[name].as_u64().unwrap_or_else(|| panic!("no {name} in {said}"));
        Self {
            pid: number("pid").try_into().unwrap(),
            epoch: number("epoch"),
            port: number("port").try_into().unwrap(),
        }
    }
}

fn look(pid: u32) -> Option<ProcessIdentity> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let info = runtime.block_on(coordinator::system::machine().processes.look(Pid(pid))).unwrap()?;
    (info.activity == Activity::Alive).then_some(info.identity)
}

fn kill(pid: u32) {
    let Some(process) = look(pid) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(coordinator::system::machine().processes.signal(&process, Signal::Kill)).unwrap();
}

fn wait_for<T>(what: &str, mut seen: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(seen) = seen() {
            return seen;
        }
        assert!(begun.elapsed() < PATIENCE, "no end of waiting for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn from_environment(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |value| value.parse().unwrap())
}

/// Starts so many sessions at once; gives their answers.
fn storm(identity: &Identity, sessions: u64) -> Vec<Answer> {
    let started: Vec<Child> = (0..sessions).map(|_| identity.session().spawn().unwrap()).collect();
    started.into_iter().map(|session| Answer::of(session.wait_with_output().unwrap())).collect()
}

#[test]
fn a_storm_gets_one_worker() {
    for round in 0..from_environment("EVERYWHERE_ROUNDS", 2) {
        let identity = Identity::new("storm");
        let answers = storm(&identity, from_environment("EVERYWHERE_SESSIONS", 12));
        let workers: BTreeSet<(u32, u64, u16)> =
            answers.iter().map(|answer| (answer.pid, answer.epoch, answer.port)).collect();
        assert_eq!(workers.len(), 1, "round {round}: {workers:?}");
        assert_eq!(answers[0].epoch, 1, "round {round}: it was not the first");
    }
}

#[test]
fn a_worker_that_was_ended_by_force_is_succeeded() {
    let identity = Identity::new("succeeded");
    let first = identity.ensure(&[]);
    kill(first.pid);
    let second = identity.ensure(&[]);
    assert!(second.epoch == first.epoch + 1 && second.pid != first.pid, "{first:?} {second:?}");
    assert_eq!(identity.ensure(&[]).pid, second.pid);
    assert!(identity.command("stop").status().unwrap().success());
    wait_for("the worker to end", || look(second.pid).is_none().then_some(()));
}

#[test]
fn paths_may_have_spaces_and_letters_of_any_kind() {
    let identity = Identity::new("Zwölf Böxkämpfer ж 字");
    let first = identity.ensure(&[]);
    assert_eq!(identity.ensure(&[]).pid, first.pid);
    assert!(identity.state_dir().join("worker.json").is_file());
}

/// Starters and workers are ended at any time; the next session gets a worker all the same, of a higher epoch.
#[test]
fn starters_and_workers_are_ended_at_random() {
    let mut seed = from_environment("EVERYWHERE_SEED", 1);
    println!("EVERYWHERE_SEED={seed}");
    let mut below = |n: u64| {
        // A linear congruential generator (Knuth's constants).
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % n
    };
    let identity = Identity::new("random");
    let mut last = identity.ensure(&[]);
    for round in 0..from_environment("EVERYWHERE_KILLS", 6) {
        kill(last.pid);
        let mut starter = identity.session().spawn().unwrap();
        std::thread::sleep(Duration::from_millis(below(400)));
        let _ = starter.kill();
        starter.wait().unwrap();
        let next = identity.ensure(&[]);
        assert!(next.epoch > last.epoch, "round {round}: {last:?} {next:?}");
        last = next;
    }
}

#[test]
fn a_hook_reads_what_its_agent_says_and_says_what_it_takes() {
    let identity = Identity::new("hook");
    let hook = |event: &str| {
        let mut hook = Command::new(env!("CARGO_BIN_EXE_oneworker"));
        hook.args(["hook", "gemini", "--deadline", PATIENT]).env("ONEWORKER_STATE_DIR", identity.state_dir());
        hook.env("ONEWORKER_PORT", "auto")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut hook = hook.spawn().unwrap();
        // As agents do: written at once, and closed. What comes from PowerShell has lines that end with both.
        let input = format!(
            "{{\"session_id\":\"s\",\r\n\"hook_event_name\":\"{event}\",\"source\":\"startup\"}}\r\n"
        );
        hook.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        // Read to their ends, which the worker does not hold open.
        let output = hook.wait_with_output().unwrap();
        assert!(output.status.success() && output.stdout == b"{}\n", "{output:?}");
    };
    let sessions = || {
        let output = identity.command("session").arg("list").arg("--json").output();
        let list: Value = serde_json::from_slice(&output.unwrap().stdout).unwrap();
        list["sessions"].as_array().unwrap_or_else(|| panic!("{list}")).len()
    };
    hook("SessionStart");
    assert_eq!(sessions(), 1);
    hook("SessionEnd");
    assert_eq!(sessions(), 0);
}

#[test]
fn a_port_that_another_program_has_is_named_and_nothing_is_started() {
    let identity = Identity::new("port");
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = other.local_addr().unwrap().port().to_string();
    let output = identity.command("ensure").args(["--json", "--port", &port]).output().unwrap();
    let json: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    assert_eq!(json["error"]["code"], "port_taken", "{json}");
    assert!(json["error"]["message"].as_str().unwrap().contains(&port), "{json}");
    assert_eq!(output.status.code(), Some(20), "{json}");
    drop(other);
    let freed = identity.command("ensure").args(["--json", "--port", &port]).output();
    assert_eq!(Answer::of(freed.unwrap()).port.to_string(), port);
}

/// Windows lets a profile be moved. `ci/windows.sh` has moved it, and says where to.
#[cfg(windows)]
#[test]
fn a_profile_on_another_drive_has_the_state() {
    let Ok(profile) = std::env::var("ONEWORKER_PROFILE") else {
        eprintln!("skipped: no variable says where the profile is");
        return;
    };
    // Nothing but a name: each of these is to find the directory by itself.
    let name = format!("profile-{}", std::process::id());
    let said = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_oneworker"));
        let output =
            command.args(args).args(["--name", &name, "--json"]).stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let begun = said(&["ensure", "--port", "auto", "--deadline", PATIENT]);
    let status = said(&["status"]);
    let found = said(&["ensure", "--port", "auto", "--deadline", PATIENT]);
    said(&["stop"]);
    assert_eq!((&status["pid"], &found["pid"]), (&begun["pid"], &begun["pid"]), "{status}");
    let state_dir = status["state_dir"].as_str().unwrap();
    assert!(state_dir.starts_with(&profile), "{state_dir} is not below {profile}");
    std::fs::remove_dir_all(state_dir).unwrap();
}

/// This program as a command: it serves, and starts a process that would outlive it.
fn server() -> Vec<String> {
    let program = std::env::current_exe().unwrap().display().to_string();
    vec![program, "--exact".to_owned(), "role".to_owned(), "--nocapture".to_owned()]
}

#[test]
fn role() {
    match std::env::var(ROLE).as_deref() {
        Ok("serve") => serve(),
        Ok("sleep") => std::thread::sleep(Duration::from_secs(300)),
        _ => {}
    }
}

#[allow(clippy::zombie_processes, reason = "it is not waited for, so that it could outlive this process")]
fn serve() {
    let port = std::env::var("ONEWORKER_PORT").unwrap();
    let state_dir = PathBuf::from(std::env::var("ONEWORKER_STATE_DIR").unwrap());
    let mut sleeper = Command::new(std::env::current_exe().unwrap());
    sleeper.args(&server()[1..]).env(ROLE, "sleep").stdout(Stdio::null()).stderr(Stdio::null());
    let sleeper = sleeper.spawn().unwrap();
    std::fs::write(state_dir.join("family"), format!("{} {}", std::process::id(), sleeper.id())).unwrap();
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).unwrap();
    for stream in listener.incoming() {
        let mut stream = stream.unwrap();
        let _ = stream.read(&mut [0; 1024]);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi");
    }
}

fn ask(port: u16) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n").unwrap();
    let mut said = String::new();
    let _ = stream.read_to_string(&mut said);
    said
}

fn family(state_dir: &Path) -> Vec<u32> {
    let written = std::fs::read_to_string(state_dir.join("family")).unwrap();
    written.split(' ').map(|pid| pid.parse().unwrap()).collect()
}

#[test]
fn a_supervised_command_serves_and_its_tree_ends_with_its_worker() {
    let identity = Identity::new("supervised");
    let first = identity.ensure(&server());
    assert!(ask(first.port).ends_with("hi"));
    let old = family(&identity.state_dir());
    assert!(old.iter().all(|pid| look(*pid).is_some()), "{old:?}");
    kill(first.pid);
    let second = identity.ensure(&server());
    assert!(ask(second.port).ends_with("hi"));
    assert!(old.iter().all(|pid| look(*pid).is_none()), "{old:?} of the first tenure live on");

    let new = family(&identity.state_dir());
    assert!(identity.command("stop").status().unwrap().success());
    for pid in new {
        wait_for("the command's tree to end", || look(pid).is_none().then_some(()));
    }
}

#[test]
fn a_command_that_can_not_be_started_says_why() {
    let identity = Identity::new("missing");
    let mut session = identity.session();
    let output = session.args(["--", "no-such-program"]).output().unwrap();
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["error"]["worker_code"], "command_not_found", "{said}");
}
