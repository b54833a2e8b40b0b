//! `oneworker adopt`: the daemon that has the port is replaced there, and nobody else is touched.

use std::fs;
use std::net::TcpStream;
use std::process::{Command, Stdio};

use oneworker_tests::{
    Bystander, Debugger, Failure, NOBODY, PATIENT, Run, as_user, free_port, is_alive, kill, needs_root,
    once_seen, wait_for, wait_until_gone,
};
use serde_json::{Value, json};

use crate::identity;
use crate::mess::{Mess, Unmanaged};

/// A daemon from before has the identity's port.
fn taken(args: &[&str]) -> (Mess, Unmanaged, u16) {
    let port = free_port();
    let mess = Mess::of(identity().on_port(port).without_backoff());
    let daemon = mess.daemon(&mess.cache, &[&["--port", &port.to_string()], args].concat());
    (mess, daemon, port)
}

fn adopt(mess: &Mess) -> Run {
    mess.identity.command("adopt").arg("--json").patiently()
}

fn adopted(run: Run) -> Value {
    let (status, answer) = run.json();
    assert_eq!((status, &answer["outcome"]), (0, &"adopted".into()), "{answer:#}");
    answer
}

/// Refused with this, and the message has these words.
fn refused(run: Run, code: &str, words: &str) -> Failure {
    let failure = run.failure();
    assert_eq!(failure.code, code, "{:#}", failure.error);
    assert!(failure.error["message"].as_str().unwrap().contains(words), "{:#}", failure.error);
    failure
}

#[test]
fn the_daemon_on_the_port_is_replaced_there_and_nobody_else_is_touched() {
    let (mess, daemon, port) = taken(&[]);
    let duplicate = mess.daemon(&mess.marketplace, &["--port", &port.to_string()]);
    let mut bystander = Bystander::start();
    let (status, shown) = adopt(&mess).json();
    assert_eq!((status, &shown["outcome"]), (8, &"shown".into()), "{shown:#}");
    assert_eq!(
        (&shown["daemon"]["pid"], &shown["daemon"]["health_status"]),
        (&daemon.pid().into(), &200.into())
    );
    assert!(is_alive(daemon.pid()) && !mess.identity.state_dir().exists(), "nobody has said yes");

    let answer = adopted(adopt(&mess).arg("--yes"));
    assert_eq!(answer["daemon"]["ended"], "terminated", "{answer:#}");
    assert_eq!((&answer["worker"]["port"], &answer["worker"]["outcome"]), (&port.into(), &"started".into()));
    wait_until_gone(daemon.pid());
    assert!(is_alive(duplicate.pid()), "that is for reap");
    bystander.assert_untouched();
    let worker = mess.identity.patient();
    assert_eq!(
        (worker.pid, worker.port, worker.outcome.as_str()),
        (mess.identity.only_worker(), port, "reused")
    );
    assert_eq!(answer["worker"]["pid"], worker.pid);
    let told = mess.identity.command("events").output();
    let told = String::from_utf8(told.stdout).unwrap();
    assert!(
        told.contains(&format!("oneworker adopt: kept office while process {} ended", daemon.pid())),
        "{told}"
    );

    refused(adopt(&mess).arg("--yes"), "already_running", "is in office");
    assert_eq!(mess.identity.patient().pid, worker.pid);
}

#[test]
fn whoever_does_not_end_is_killed_and_what_it_started_is_told_of() {
    let helper_of = |mess: &Mess| mess.helper();
    let port = free_port();
    let mess = Mess::of(identity().on_port(port).without_backoff());
    let helper = helper_of(&mess);
    let daemon = mess.daemon(&mess.cache, &["--port", &port.to_string(), "--deaf", "--helper", &helper]);
    let output = mess.identity.command("adopt").args(["--yes", "--within", "300ms"]).patiently().output();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && said.contains("did not obey and was killed"), "{said}");
    assert!(
        said.contains("1 processes that it had started are left") && said.contains("`oneworker reap"),
        "{said}"
    );
    let out = String::from_utf8(output.stdout).unwrap();
    assert_eq!(out.lines().last(), Some(format!("http://127.0.0.1:{port}").as_str()), "{out}");
    wait_until_gone(daemon.pid());
    assert!(is_alive(daemon.helper.unwrap()));
    assert_eq!(mess.identity.patient().port, port);
}

/// One that drains has closed its port already: a session would start a worker beside it.
#[test]
fn no_session_starts_a_worker_while_the_daemon_is_still_ending() {
    let port = free_port();
    // Office is kept meanwhile, which must not look like a worker that hangs.
    let mess = Mess::of(identity().on_port(port).hang_limit("1h"));
    let daemon = mess.daemon(&mess.cache, &["--port", &port.to_string(), "--lingers"]);
    let running = adopt(&mess).args(["--yes", "--within", PATIENT]).start();
    wait_for("the port to be closed", || TcpStream::connect(("127.0.0.1", port)).is_err().then_some(()));
    once_seen(&["starting"], || mess.identity.ensure());
    assert!(is_alive(daemon.pid()), "the daemon has ended too early for this test");
    assert_eq!(mess.identity.workers(), [0; 0]);
    // One that has time waits, and gets the worker.
    let waiting = mess.identity.patient_ensure().start();
    // The end of what it still had to do.
    kill(daemon.pid());
    let (status, answer) = running.json();
    assert_eq!((status, &answer["daemon"]["ended"]), (0, &"terminated".into()), "{answer:#}");
    assert_eq!(answer["worker"]["pid"], waiting.success().pid);
    assert!(!is_alive(daemon.pid()));
}

#[test]
fn a_bystander_is_refused_unless_it_is_named_and_has_the_port() {
    let (mess, daemon, port) = taken(&[]);
    let nothing = json!({ "worker": [["another-program"]] }).to_string();
    let failure = refused(
        adopt(&mess).args(["--yes", "--strays", &nothing]),
        "port_taken",
        "nothing that [strays] in the configuration describes",
    );
    assert_eq!((&failure.error["port"], &failure.error["pid"]), (&port.into(), &daemon.pid().into()));
    let mut bystander = Bystander::start();
    let named = bystander.pid().to_string();
    refused(
        adopt(&mess).args(["--yes", &named]),
        "usage",
        &format!("process {named} does not have port {port}"),
    );
    refused(adopt(&mess).args(["--yes", "4194304"]), "usage", "there is no process 4194304 of this user");
    let free = identity();
    refused(free.command("adopt").args(["--json", "--yes"]), "usage", "any free port");
    bystander.assert_untouched();
    assert!(is_alive(daemon.pid()));
    let named = daemon.pid().to_string();
    let answer = adopted(adopt(&mess).args(["--yes", "--strays", &nothing, &named]));
    assert_eq!(answer["daemon"]["pid"], daemon.pid());
}

#[test]
fn where_nobody_has_the_port_there_is_nothing_to_replace() {
    let identity = identity().on_port(free_port());
    let failure = identity.command("adopt").args(["--json", "--yes"]).failure();
    assert_eq!((failure.code.as_str(), failure.status), ("not_running", 3), "{:#}", failure.error);
    assert!(failure.error["help"].as_str().unwrap().contains("oneworker ensure"));
}

#[test]
fn a_daemon_of_another_user_is_refused() {
    if needs_root() {
        return;
    }
    let port = free_port();
    let mess = Mess::of(identity().on_port(port));
    let db = mess.database();
    fs::set_permissions(mess.identity.scratch(), std::os::unix::fs::PermissionsExt::from_mode(0o777))
        .unwrap();
    let mut command = Command::new(mess.cache.join("mem-daemon"));
    command.args(["daemon", "--db"]).arg(&db).args(["--port", &port.to_string()]);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    as_user(NOBODY)(&mut command);
    let mut daemon = command.spawn().unwrap();
    wait_for("the port", || TcpStream::connect(("127.0.0.1", port)).ok());
    refused(adopt(&mess).arg("--yes"), "port_taken", "of another user");
    refused(adopt(&mess).args(["--yes", &daemon.id().to_string()]), "usage", "of this user");
    assert!(daemon.try_wait().unwrap().is_none());
    daemon.kill().unwrap();
    daemon.wait().unwrap();
}

#[test]
fn a_worker_of_another_identity_and_what_a_debugger_has_are_refused() {
    let other = identity().on_port(free_port());
    let worker = other.patient();
    let mess = Mess::of(identity().on_port(worker.port));
    let named = worker.pid.to_string();
    for run in [adopt(&mess).arg("--yes"), adopt(&mess).args(["--yes", &named])] {
        refused(run, "usage", "belongs to a worker of");
    }
    assert_eq!(other.patient().pid, worker.pid);
    let (mess, daemon, _) = taken(&[]);
    let debugger = Debugger::halt(daemon.pid()).expect("ptrace");
    let failure = refused(adopt(&mess).arg("--yes"), "under_debugger", "a debugger");
    assert_eq!(failure.status, 13);
    assert!(is_alive(daemon.pid()));
    drop(debugger);
}

#[test]
fn a_worker_that_fails_is_told_of_with_what_brings_the_daemon_back() {
    let (mess, daemon, port) = taken(&[]);
    let failure = adopt(&mess).args(["--yes", "--", "sh", "-c", "echo broken >&2; exit 3"]).failure();
    assert_eq!((failure.code.as_str(), failure.status), ("worker_failed", 33), "{:#}", failure.error);
    wait_until_gone(daemon.pid());
    let database = mess.database();
    let command =
        json!([mess.cache.join("mem-daemon"), "daemon", "--db", database, "--port", port.to_string()]);
    assert_eq!(failure.error["daemon_command"], command, "{:#}", failure.error);
    let help = failure.error["help"].as_str().unwrap();
    let line = help.rsplit_once("variables that it needs: ").unwrap().1;
    assert!(
        failure.error["log_tail"].as_str().is_some_and(|tail| tail.contains("exit")),
        "{:#}",
        failure.error
    );
    // The line does what is said of it.
    let mut again = Command::new("sh");
    again.args(["-c", &format!("{line} & echo $!")]).stdin(Stdio::null()).stderr(Stdio::null());
    let mut child = again.stdout(Stdio::null()).spawn().unwrap();
    child.wait().unwrap();
    wait_for("the daemon of before", || TcpStream::connect(("127.0.0.1", port)).ok());
}

#[test]
fn the_same_program_goes_on_supervised_with_the_configuration_that_is_printed() {
    let (mess, daemon, port) = taken(&[]);
    let printed = mess.identity.command("adopt").arg("--print-config").output();
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    let printed = String::from_utf8(printed.stdout).unwrap();
    assert!(
        printed.contains("\"{port}\"") && printed.contains("ready = { http = \"/health\" }"),
        "{printed}"
    );
    assert!(is_alive(daemon.pid()), "it only prints");
    let config = mess.identity.scratch().join("oneworker.toml");
    let strays = fs::read_to_string(&config).unwrap();
    fs::write(&config, strays + &printed).unwrap();
    let answer = adopted(adopt(&mess).arg("--yes"));
    wait_until_gone(daemon.pid());
    let child = u32::try_from(answer["worker"]["child_pid"].as_u64().unwrap()).unwrap();
    let line = fs::read_to_string(format!("/proc/{child}/cmdline")).unwrap();
    assert!(line.contains("mem-daemon") && line.contains(&port.to_string()), "{line:?}");
    assert_eq!(answer["worker"]["port"], port);
    assert_eq!(fs::read_link(format!("/proc/{child}/cwd")).unwrap(), std::env::current_dir().unwrap());
}

#[test]
fn adopt_asks_and_replaces_after_a_yes_only() {
    let (mess, daemon, port) = taken(&[]);
    for (answer, code) in [("n\n", 8), ("y\n", 0)] {
        let mut terminal = mess.identity.command("adopt").patiently().on_terminal(200, 50);
        terminal.wait_for_text(&format!("Replace process {}? [y/N]", daemon.pid()));
        terminal.wait_for_text("By hand it would be started again with");
        assert!(is_alive(daemon.pid()), "nobody has said yes");
        terminal.press(answer);
        assert_eq!(terminal.status().code(), Some(code), "{answer:?}: {}", terminal.written());
    }
    wait_until_gone(daemon.pid());
    assert_eq!(mess.identity.patient().port, port);
}

#[test]
fn another_daemon_that_has_taken_the_port_before_the_yes_is_left_alone() {
    let (mess, daemon, port) = taken(&[]);
    let mut terminal = mess.identity.command("adopt").patiently().on_terminal(200, 50);
    terminal.wait_for_text("[y/N]");
    let pid = daemon.pid();
    drop(daemon);
    let next = mess.daemon(&mess.marketplace, &["--port", &port.to_string()]);
    terminal.press("y\n");
    assert_eq!(terminal.status().code(), Some(2), "{}", terminal.written());
    terminal.wait_for_text(&format!("process {} has the port now, and no longer process {pid}", next.pid()));
    assert!(is_alive(next.pid()));
}

#[test]
fn a_launch_that_is_held_back_is_waited_for() {
    let port = free_port();
    let backoff = |identity: oneworker_tests::Identity| {
        identity.env("ONEWORKER_BACKOFF_FREE", "0").env("ONEWORKER_BACKOFF_BASE", "2s")
    };
    let mess = Mess::of(backoff(identity().on_port(port)));
    mess.identity.ensure().patiently().args(["--", "sh", "-c", "exit 3"]).failure();
    let held = mess.identity.ensure().patiently().failure();
    assert_eq!(held.code, "cooling_down", "{:#}", held.error);
    let daemon = mess.daemon(&mess.cache, &["--port", &port.to_string()]);
    let answer = adopted(adopt(&mess).arg("--yes"));
    assert_eq!(answer["worker"]["port"], port);
    wait_until_gone(daemon.pid());
}
