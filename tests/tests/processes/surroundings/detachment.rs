//! Detachment: nothing of the session is left in the worker. A hook's `$(…)` must return while the worker lives on.

use std::fs;
use std::io::{PipeReader, Read};
use std::os::fd::AsRawFd;
use std::sync::mpsc;

use oneworker_tests::{PATIENCE, hang_up, is_alive};

use crate::identity;

/// What the descriptors of a process lead to.
fn descriptors(pid: u32) -> Vec<(i32, String)> {
    let open = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten();
    let named =
        open.filter_map(|fd| Some((fd.file_name().to_str()?.parse().ok()?, fs::read_link(fd.path()).ok()?)));
    named.map(|(fd, link)| (fd, link.to_string_lossy().into_owned())).collect()
}

/// A field of `/proc/PID/stat`, numbered as in its manual.
fn stat_field(pid: u32, number: usize) -> String {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit_once(')').unwrap().1.split_whitespace().nth(number - 3).unwrap().to_owned()
}

#[test]
fn command_substitution_returns_while_the_worker_lives_on() {
    let identity = identity();
    let output = identity.command("ensure").through(r#"out=$("$@") && echo "<$out>""#).output();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.starts_with("<http://127.0.0.1:") && said.ends_with(">\n"), "{said}");
    assert!(is_alive(identity.only_worker()));
}

#[test]
fn standard_output_and_error_end_with_the_session() {
    let identity = identity();
    let output = identity.ensure().output();
    assert!(output.status.success());
    assert!(is_alive(identity.only_worker()));
}

#[test]
fn a_worker_holds_none_of_the_pipes_that_its_session_was_given() {
    let identity = identity();
    let (mut reader, writer): (PipeReader, _) = std::io::pipe().unwrap();
    let ours = fs::read_link(format!("/proc/self/fd/{}", reader.as_raw_fd())).unwrap();
    let many = r#"exec 3>&1 4>&1 5>&1 6>&1 7>&1 8>&1 9>&1; out=$("$@") && echo "<$out>""#;
    let run = identity.command("ensure").through(many).with(|command| {
        command.stdout(writer.try_clone().unwrap()).stderr(writer);
    });
    let output = run.output();
    assert!(output.status.success());
    let pid = identity.only_worker();
    let open = descriptors(pid);
    assert!(open.iter().all(|(_, link)| *link != ours.to_string_lossy()), "{open:?}");
    let (done, ended) = mpsc::channel();
    std::thread::spawn(move || {
        let mut said = String::new();
        reader.read_to_string(&mut said).map(|_| done.send(said))
    });
    let said = ended.recv_timeout(PATIENCE).expect("the pipe's end: somebody still holds it");
    assert!(said.starts_with("<http://127.0.0.1:"), "{said}");
    assert!(is_alive(pid));
}

#[test]
fn the_monitor_of_a_start_holds_none_of_the_sessions_pipes_either() {
    let identity = identity();
    // The worker takes its time, so the session gives up; its monitor must not keep the caller waiting.
    let status = |deadline: &str| {
        let run = identity.ensure_failing("bind.before=block").within(deadline);
        let output = run.through(r#"out=$("$@"); echo "$?""#).output();
        String::from_utf8(output.stdout).unwrap()
    };
    // On a loaded machine its time may be up before it has launched one.
    let said = ["500ms", "2s", "8s"].into_iter().map(status).find(|said| said != "15\n");
    assert_eq!(said.as_deref(), Some("10\n"));
    assert!(is_alive(identity.only_worker()), "the worker goes on starting");
}

#[test]
fn a_worker_is_in_a_session_of_its_own_without_a_terminal() {
    let identity = identity();
    let worker = identity.ensure().success();
    let (session, group) = (stat_field(worker.pid, 6), stat_field(worker.pid, 5));
    assert_ne!(session, stat_field(std::process::id(), 6));
    assert_ne!(group, stat_field(std::process::id(), 5));
    assert_eq!(stat_field(worker.pid, 7), "0", "a controlling terminal");
    assert_ne!(stat_field(worker.pid, 4), std::process::id().to_string(), "it is a child of the test");
}

#[test]
fn a_worker_works_in_the_state_directory_with_a_private_umask() {
    let identity = identity();
    let worker = identity.ensure().in_dir("/").success();
    let cwd = fs::read_link(format!("/proc/{}/cwd", worker.pid)).unwrap();
    assert_eq!(cwd, identity.state_dir().canonicalize().unwrap());
    let status = fs::read_to_string(format!("/proc/{}/status", worker.pid)).unwrap();
    assert!(status.lines().any(|line| line == "Umask:\t0077"), "{status}");
}

#[test]
fn a_worker_reads_nothing_and_writes_to_its_log() {
    let identity = identity();
    let worker = identity.ensure().success();
    let open = descriptors(worker.pid);
    let leads_to = |fd: i32| open.iter().find(|(number, _)| *number == fd).map(|(_, link)| link.as_str());
    let log = identity.file("logs/worker.log").canonicalize().unwrap();
    assert_eq!(leads_to(0), Some("/dev/null"));
    assert_eq!((leads_to(1), leads_to(2)), (log.to_str(), log.to_str()));
}

#[test]
fn secrets_and_proxies_of_the_session_do_not_reach_the_worker_unless_named() {
    let identity = identity();
    let run = identity
        .ensure()
        .env("SECRET", "hunter2")
        .env("http_proxy", "http://127.0.0.1:1")
        .env("WANTED", "yes");
    let worker = run.env("TMPDIR", "/nowhere").args(["--env", "WANTED"]).success();
    let environment = fs::read(format!("/proc/{}/environ", worker.pid)).unwrap();
    let environment = String::from_utf8_lossy(&environment).into_owned();
    let has = |name: &str| environment.split('\0').any(|variable| variable.starts_with(&format!("{name}=")));
    assert!(!environment.contains("hunter2"), "{environment}");
    assert!(!has("http_proxy") && !has("TMPDIR"), "{environment}");
    assert!(has("WANTED") && has("PATH") && has("HOME"), "{environment}");
}

#[test]
fn the_terminals_hang_up_does_not_end_a_worker() {
    let identity = identity();
    let worker = identity.patient();
    hang_up(worker.pid);
    // It is heard by the same event loop that answers; a worker that obeys it says that it is leaving before it does.
    for _ in 0..3 {
        let answer = identity.patient();
        assert_eq!((answer.pid, answer.outcome.as_str()), (worker.pid, "reused"));
    }
    assert_eq!(identity.record().unwrap()["state"], "ready");
}

#[test]
fn a_session_in_a_directory_that_is_gone_starts_a_worker_that_works_elsewhere() {
    let identity = identity();
    let gone = identity.scratch().join("gone");
    let script = format!(r#"mkdir "{0}" && cd "{0}" && rmdir "{0}" && exec "$@""#, gone.display());
    let worker = identity.patient_ensure().through(&script).success();
    let cwd = fs::read_link(format!("/proc/{}/cwd", worker.pid)).unwrap();
    assert_eq!(cwd, identity.state_dir().canonicalize().unwrap());
}
