//! What the system refuses: rights, disks, sockets, signals, processes, descriptors, other namespaces, strange clocks. A refusal is named, is
//! never taken for "nothing runs", and hurts no worker that does.

#![allow(missing_docs, reason = "the names say it")]
#![allow(clippy::unwrap_used, reason = "a test that can not go on has failed")]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use coordinator::machine::{ProcessIdentity, ProcessInfo};
use coordinator::{
    Backoff, EnsureError, LaunchCommand, Outcome, ProtocolRange, ReplaceReason, Worker, WorkerSpec, blocking,
    system,
};
use oneworker_tests::{
    Bystander, Failure, Forbidden, Identity, NOBODY, Run, Success, Tmpfs, as_user, forbid, free_port, go_on,
    is_alive, is_root, kill, limit_open_files, stop, wait_until_gone,
};
use serde_json::{Value, json};

const BINARY: &str = env!("CARGO_BIN_EXE_oneworker-under-test");
const ANY_PROTOCOL: &str = env!("CARGO_BIN_EXE_any-protocol");

/// What an error that waits for nothing takes at most, on a loaded machine.
const AT_ONCE: Duration = Duration::from_secs(10);

fn identity() -> Identity {
    Identity::new(BINARY)
}

fn patient(identity: &Identity) -> Success {
    identity.ensure().args(["--deadline", "60s"]).success()
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// The command as a user without rights, if this is root; root may write everywhere.
fn without_rights(run: Run) -> Run {
    if is_root() { run.with(as_user(NOBODY)) } else { run }
}

/// Says why a test shows nothing.
fn needs_root() -> bool {
    if !is_root() {
        eprintln!("skipped: this needs root");
    }
    !is_root()
}

fn refused(run: Run, why: &str) -> Failure {
    let failure = run.args(["--deadline", "60s"]).failure();
    assert_eq!(failure.code, "state_dir", "{:?}", failure.error);
    assert!(failure.error["message"].as_str().unwrap().contains(why), "{:?}", failure.error);
    assert!(failure.took < AT_ONCE, "{:?}", failure.took);
    failure
}

// ---- the state directory

#[test]
fn a_state_directory_that_can_not_be_made_is_named_at_once() {
    let mut identity = identity();
    if is_root() {
        identity = identity.owned_by(NOBODY);
    }
    set_mode(identity.scratch(), 0o500);
    refused(without_rights(identity.ensure()), "Permission denied");
    set_mode(identity.scratch(), 0o700);
    assert_eq!(without_rights(identity.ensure()).success().epoch, 1);
}

#[test]
fn a_state_directory_that_can_not_be_written_to_is_named_at_once() {
    let mut identity = identity();
    fs::create_dir(identity.state_dir()).unwrap();
    if is_root() {
        identity = identity.owned_by(NOBODY);
        std::os::unix::fs::chown(identity.state_dir(), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    set_mode(&identity.state_dir(), 0o500);
    let failure = without_rights(identity.ensure()).args(["--deadline", "60s"]).failure();
    assert!(matches!(failure.code.as_str(), "state_dir" | "lock_failed"), "{:?}", failure.error);
    assert!(failure.error["message"].as_str().unwrap().contains("Permission denied"), "{:?}", failure.error);
    assert!(failure.took < AT_ONCE, "{:?}", failure.took);
    set_mode(&identity.state_dir(), 0o700);
    assert_eq!(without_rights(identity.ensure()).success().epoch, 1);
}

#[test]
fn another_users_state_directory_is_refused_and_left_as_it_is() {
    if needs_root() {
        return;
    }
    let identity = identity();
    fs::create_dir(identity.state_dir()).unwrap();
    std::os::unix::fs::chown(identity.state_dir(), Some(NOBODY), Some(NOBODY)).unwrap();
    set_mode(&identity.state_dir(), 0o777);
    refused(identity.ensure(), "sudo -u");
    assert_eq!(mode(&identity.state_dir()), 0o777);
    assert_eq!(fs::read_dir(identity.state_dir()).unwrap().count(), 0);
}

#[test]
fn root_makes_no_state_directory_in_another_users_home() {
    if needs_root() {
        return;
    }
    let identity = identity();
    std::os::unix::fs::chown(identity.scratch(), Some(NOBODY), Some(NOBODY)).unwrap();
    refused(identity.ensure(), "sudo -u");
    assert!(!identity.state_dir().exists());
}

#[test]
fn a_symbolic_link_is_no_state_directory() {
    let identity = identity();
    let target = identity.scratch().join("target");
    fs::create_dir(&target).unwrap();
    symlink(&target, identity.state_dir()).unwrap();
    refused(identity.ensure(), "symbolic link");
    assert_eq!(fs::read_dir(target).unwrap().count(), 0);
}

#[test]
fn a_file_is_no_state_directory() {
    let identity = identity();
    fs::write(identity.state_dir(), "precious").unwrap();
    refused(identity.ensure(), "not a directory");
    assert_eq!(fs::read_to_string(identity.state_dir()).unwrap(), "precious");
}

#[test]
fn a_state_directory_that_is_open_to_all_is_closed() {
    let identity = identity();
    fs::create_dir(identity.state_dir()).unwrap();
    set_mode(&identity.state_dir(), 0o777);
    patient(&identity);
    assert_eq!(mode(&identity.state_dir()), 0o700);
    for secret in ["token", "proof.key"] {
        assert_eq!(mode(&identity.file(secret)), 0o600, "{secret}");
    }
}

#[test]
fn another_users_file_in_the_state_directory_is_not_believed() {
    if needs_root() {
        return;
    }
    let identity = identity();
    let first = patient(&identity);
    kill(first.pid);
    wait_until_gone(first.pid);
    for name in ["worker.json", "proof.key", "launch.json", "epoch"] {
        std::os::unix::fs::chown(identity.file(name), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let next = patient(&identity);
    assert_eq!((next.outcome.as_str(), next.epoch), ("started", 1), "what another user wrote was believed");
}

#[test]
fn a_relative_state_directory_is_a_mistake_of_the_caller() {
    let identity = identity();
    let run = Command::new(BINARY)
        .args(["ensure", "--json", "--no-config", "--state-dir", "relative"])
        .current_dir(identity.scratch())
        .output()
        .unwrap();
    assert_eq!(run.status.code(), Some(2), "{}", String::from_utf8_lossy(&run.stderr));
    let json: Value = serde_json::from_slice(&run.stdout).unwrap();
    assert!(json["error"]["message"].as_str().unwrap().contains("absolute"), "{json}");
    assert!(!identity.scratch().join("relative").exists());
}

#[test]
fn home_and_its_like_do_not_change_which_identity_is_meant() {
    let elsewhere = tempfile::tempdir().unwrap();
    let state_dir = |change: &dyn Fn(&mut Command)| {
        let mut command = Command::new(BINARY);
        command.args(["config", "show", "--json", "--no-config"]).env_remove("ONEWORKER_STATE_DIR");
        change(&mut command);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let json: Value = serde_json::from_slice(&output.stdout).unwrap();
        json["settings"]["state_dir"]["value"].as_str().unwrap().to_owned()
    };
    let usual = state_dir(&|_| {});
    assert_eq!(state_dir(&|command| _ = command.env_remove("HOME")), usual);
    for name in ["HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR", "TMPDIR", "USER", "LOGNAME"] {
        assert_eq!(state_dir(&|command| _ = command.env(name, elsewhere.path())), usual, "{name}");
    }
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
}

// ---- a full disk

fn small_disk(identity: &Identity) -> Option<Tmpfs> {
    if needs_root() {
        return None;
    }
    Tmpfs::mount(&identity.state_dir(), "512k")
        .map_err(|why| eprintln!("skipped: this system forbids mounting: {why}"))
        .ok()
}

#[test]
fn a_full_disk_is_named_leaves_nothing_half_written_and_is_forgotten_when_there_is_room() {
    let identity = identity();
    let Some(disk) = small_disk(&identity) else { return };
    disk.fill();
    let failure = identity.ensure().args(["--deadline", "60s"]).failure();
    let code = failure.error["worker_code"].as_str().unwrap_or(&failure.code);
    assert_eq!(code, "state_dir", "{:?}", failure.error);
    assert!(failure.error["message"].as_str().unwrap().contains("No space left"), "{:?}", failure.error);
    assert!(failure.took < AT_ONCE, "{:?}", failure.took);
    for entry in fs::read_dir(identity.state_dir()).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap();
        assert!(!name.starts_with(".tmp-"), "{name} was left");
        assert!(
            !["worker.json", "epoch", "token", "proof.key", "launch.json"].contains(&name.as_str()),
            "{name} was left"
        );
    }
    disk.clear();
    assert_eq!(patient(&identity).epoch, 1);
}

#[test]
fn a_worker_goes_on_serving_when_the_disk_fills_and_stops_in_good_order() {
    let identity = identity();
    let Some(disk) = small_disk(&identity) else { return };
    let worker = patient(&identity);
    disk.fill();
    for _ in 0..5 {
        let answer = patient(&identity);
        assert_eq!((answer.pid, answer.outcome.as_str()), (worker.pid, "reused"));
    }
    identity.stop();
    wait_until_gone(worker.pid);
    disk.clear();
    assert_eq!(patient(&identity).epoch, 2);
}

#[test]
fn a_hung_worker_is_replaced_on_a_full_disk_too_as_soon_as_there_is_room() {
    let identity = identity().flag("--hang-limit", "1s");
    let Some(disk) = small_disk(&identity) else { return };
    let worker = patient(&identity);
    disk.fill();
    stop(worker.pid);
    let failure = identity.ensure().args(["--deadline", "30s"]).failure();
    assert_eq!(failure.error["worker_code"], "state_dir", "{:?}", failure.error);
    assert!(!is_alive(worker.pid));
    disk.clear();
    assert_eq!(patient(&identity).epoch, 2);
}

// ---- clocks and times that can't be

/// Changes a JSON file of the state directory.
fn edit(path: &Path, change: impl FnOnce(&mut Value)) {
    let mut json: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    change(&mut json);
    fs::write(path, json.to_string()).unwrap();
}

const PAST: u64 = 0;
const FUTURE: u64 = u64::MAX / 2;

#[test]
fn no_date_of_a_file_or_in_a_record_makes_a_running_worker_old_or_new() {
    let identity = identity();
    let worker = patient(&identity);
    for (moment, date) in
        [(PAST, SystemTime::UNIX_EPOCH), (FUTURE, SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 33))]
    {
        edit(&identity.file("worker.json"), |record| {
            record["started_at_ms"] = moment.into();
            record["started"] = moment.into();
        });
        for entry in fs::read_dir(identity.state_dir()).unwrap().flatten() {
            // One that the worker is just writing may have its final name by now.
            let Ok(file) = fs::File::open(entry.path()) else { continue };
            file.set_times(fs::FileTimes::new().set_modified(date).set_accessed(date)).unwrap();
        }
        let answer = patient(&identity);
        assert_eq!((answer.pid, answer.epoch), (worker.pid, 1));
        // `status` computes with them too.
        assert_eq!(identity.command("status").output().status.code(), Some(0));
    }
    kill(worker.pid);
    wait_until_gone(worker.pid);
    assert_eq!(patient(&identity).epoch, 2);
}

#[test]
fn a_launch_that_failed_in_the_far_past_holds_nothing_back() {
    let identity = identity();
    let first = patient(&identity);
    kill(first.pid);
    wait_until_gone(first.pid);
    edit(&identity.file("launch.json"), |note| {
        note["at"] = PAST.into();
        note["outcome"] = json!({ "how": "failed" });
        note["failures"] = 1000.into();
    });
    assert_eq!(patient(&identity).epoch, 2);
}

#[test]
fn a_launch_that_failed_in_the_far_future_holds_nothing_back_for_ever() {
    let identity = identity();
    for (epoch, outcome) in [json!({ "how": "failed" }), json!({ "how": "ready", "epoch": 2, "at": FUTURE })]
        .into_iter()
        .enumerate()
    {
        let worker = patient(&identity);
        assert_eq!(worker.epoch, epoch as u64 + 1);
        kill(worker.pid);
        wait_until_gone(worker.pid);
        edit(&identity.file("launch.json"), |note| {
            note["at"] = FUTURE.into();
            note["outcome"] = outcome;
            note["failures"] = 1000.into();
        });
    }
    assert_eq!(patient(&identity).epoch, 3);
}

#[test]
fn a_launch_of_the_far_future_is_not_waited_for_for_ever() {
    let identity = identity().flag("--hang-limit", "500ms");
    let mut bystander = Bystander::start();
    let first = patient(&identity);
    kill(first.pid);
    wait_until_gone(first.pid);
    let process = info(bystander.pid()).identity;
    edit(&identity.file("launch.json"), |note| {
        note["at"] = FUTURE.into();
        note["outcome"] = Value::Null;
        note["process"] = serde_json::to_value(&process).unwrap();
    });
    assert_eq!(patient(&identity).epoch, 2);
    bystander.assert_untouched();
}

fn info(pid: u32) -> ProcessInfo {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(system::machine().processes.look(coordinator::machine::Pid(pid))).unwrap().unwrap()
}

fn suspicion(process: &ProcessIdentity, at: u64, watched_ms: u64) -> String {
    json!({
        "schema": 1, "process": process, "since": at, "last": at, "watched_ms": watched_ms, "attempts": 3, "effort_ms": 0,
    })
    .to_string()
}

#[test]
fn a_suspicion_from_the_far_future_does_not_protect_a_hung_worker() {
    let identity = identity().flag("--hang-limit", "1s");
    let first = patient(&identity);
    stop(first.pid);
    fs::write(identity.file("suspect.json"), suspicion(&info(first.pid).identity, FUTURE, 0)).unwrap();
    let next = identity.ensure().args(["--deadline", "30s"]).success();
    assert_eq!((next.outcome.as_str(), next.epoch), ("replaced", 2));
}

#[test]
fn a_suspicion_of_another_process_does_not_condemn_this_one() {
    let identity = identity().flag("--hang-limit", "10m");
    let worker = patient(&identity);
    stop(worker.pid);
    let mut process = info(worker.pid).identity;
    process.start_time.0 -= 1;
    fs::write(identity.file("suspect.json"), suspicion(&process, PAST, 100_000_000)).unwrap();
    let failure = identity.ensure().args(["--deadline", "1s"]).failure();
    assert_eq!(failure.code, "unresponsive", "{:?}", failure.error);
    go_on(worker.pid);
    assert_eq!(patient(&identity).pid, worker.pid);
}

// ---- sandboxes

fn not_permitted(run: Run) -> Failure {
    let failure = run.args(["--deadline", "30s"]).failure();
    assert_eq!(failure.code, "not_permitted", "{:?}", failure.error);
    assert!(failure.took < AT_ONCE, "{:?}", failure.took);
    failure
}

fn without_sockets_nothing_is_started(errno: i32) {
    for port in ["auto".to_owned(), free_port().to_string()] {
        let identity = identity();
        for _ in 0..4 {
            not_permitted(identity.ensure_on_port(&port).with(forbid(Forbidden::Sockets(errno))));
        }
        assert_eq!(
            (identity.workers(), identity.epoch()),
            (vec![], 0),
            "something was started on port {port}"
        );
        // And no session outside of the sandbox is held back for it.
        assert_eq!(identity.ensure().success().epoch, 1);
    }
}

fn without_sockets_a_worker_is_left_alone(errno: i32) {
    // The shortest limit: a worker that only this session can't reach must not be taken for hung.
    let identity = identity().flag("--hang-limit", "500ms");
    let worker = patient(&identity);
    for _ in 0..3 {
        not_permitted(identity.ensure().with(forbid(Forbidden::Sockets(errno))));
    }
    assert!(is_alive(worker.pid), "it was killed");
    assert_eq!((patient(&identity).pid, identity.tenures()), (worker.pid, vec![1]));
    assert!(!identity.file("suspect.json").exists(), "it is suspected");
}

#[test]
fn a_sandbox_without_sockets_is_named_and_nothing_is_started_in_it() {
    without_sockets_nothing_is_started(libc::EPERM);
}

#[test]
fn a_sandbox_without_this_family_of_sockets_is_named_and_nothing_is_started_in_it() {
    without_sockets_nothing_is_started(libc::EAFNOSUPPORT);
}

#[test]
fn a_session_without_sockets_leaves_the_worker_alone() {
    without_sockets_a_worker_is_left_alone(libc::EPERM);
}

#[test]
fn a_session_without_this_family_of_sockets_leaves_the_worker_alone() {
    without_sockets_a_worker_is_left_alone(libc::EAFNOSUPPORT);
}

#[test]
fn a_session_that_may_not_signal_reuses_a_worker_and_starts_one() {
    let identity = identity();
    let started = identity.ensure().args(["--deadline", "60s"]).with(forbid(Forbidden::Signals)).success();
    let reused = identity.ensure().with(forbid(Forbidden::Signals)).success();
    assert_eq!((reused.pid, reused.outcome.as_str()), (started.pid, "reused"));
}

#[test]
fn a_session_that_may_not_signal_says_so_before_a_hung_worker() {
    let identity = identity().flag("--hang-limit", "500ms");
    let worker = patient(&identity);
    stop(worker.pid);
    let failure = not_permitted(identity.ensure().with(forbid(Forbidden::Signals)));
    assert_eq!(failure.error["what"], "signal the worker");
    assert!(is_alive(worker.pid));
    assert_eq!(identity.tenures(), [1]);
    // Who may, does.
    assert_eq!(patient(&identity).epoch, 2);
}

#[test]
fn a_session_that_may_not_start_processes_says_so_and_reuses_a_worker() {
    let identity = identity();
    for _ in 0..4 {
        let failure = not_permitted(identity.ensure().with(forbid(Forbidden::Processes)));
        assert_eq!(failure.error["what"], "start a process");
    }
    // That held nobody back.
    let worker = identity.ensure().success();
    let reused = identity.ensure().with(forbid(Forbidden::Processes)).success();
    assert_eq!((reused.pid, reused.outcome.as_str(), reused.epoch), (worker.pid, "reused", 1));
}

// ---- other namespaces

/// The command in namespaces of its own.
fn unshare(run: Run, flags: &str) -> Run {
    run.through(&format!(r#"exec unshare {flags} "$@""#))
}

fn cannot_unshare(flags: &str) -> bool {
    let works = Command::new("unshare")
        .args(flags.split(' '))
        .arg("true")
        .output()
        .is_ok_and(|output| output.status.success());
    if !works {
        eprintln!("skipped: this system forbids unshare {flags}");
    }
    !works
}

const PID_NAMESPACE: &str = "--pid --fork --mount-proc";
const NET_NAMESPACE: &str = "--net";

#[test]
fn a_session_in_another_pid_namespace_reuses_a_worker_that_is_well() {
    if cannot_unshare(PID_NAMESPACE) {
        return;
    }
    let identity = identity();
    let worker = patient(&identity);
    let answer = unshare(identity.ensure(), PID_NAMESPACE).success();
    assert_eq!((answer.pid, answer.outcome.as_str()), (worker.pid, "reused"));
}

#[test]
fn a_session_in_another_pid_namespace_leaves_a_stopped_worker_alone() {
    if cannot_unshare(PID_NAMESPACE) {
        return;
    }
    let identity = identity().flag("--hang-limit", "500ms");
    let worker = patient(&identity);
    stop(worker.pid);
    for _ in 0..2 {
        let failure = unshare(identity.ensure().args(["--deadline", "20s"]), PID_NAMESPACE).failure();
        assert_eq!(failure.code, "other_machine", "{:?}", failure.error);
        assert!(failure.error["what"].as_str().unwrap().contains("pid namespace"), "{:?}", failure.error);
    }
    assert!(is_alive(worker.pid), "it was killed");
    go_on(worker.pid);
    assert_eq!((patient(&identity).pid, identity.tenures()), (worker.pid, vec![1]));
}

#[test]
fn a_session_in_another_network_namespace_says_so_and_leaves_the_worker_alone() {
    if cannot_unshare(NET_NAMESPACE) {
        return;
    }
    let identity = identity().flag("--hang-limit", "500ms");
    let worker = patient(&identity);
    for network in
        [NET_NAMESPACE.to_owned(), format!("{NET_NAMESPACE} sh -c 'ip link set lo up; exec \"$@\"' sh")]
    {
        let failure = unshare(identity.ensure().args(["--deadline", "20s"]), &network).failure();
        assert_eq!(failure.code, "other_machine", "{:?}", failure.error);
        assert_eq!(failure.error["what"], "network namespace");
        assert!(failure.took < AT_ONCE, "{:?}", failure.took);
    }
    let answer = patient(&identity);
    assert_eq!((answer.pid, answer.outcome.as_str()), (worker.pid, "reused"));
    assert!(!identity.file("suspect.json").exists(), "it is suspected");
}

// ---- too many open files

#[test]
fn too_few_descriptors_are_named_in_time_and_never_cost_a_worker_its_office() {
    let (running, empty) =
        (identity().flag("--hang-limit", "500ms"), identity().flag("--hang-limit", "500ms"));
    let worker = patient(&running);
    let mut worked = 0;
    for limit in 3..24 {
        for identity in [&running, &empty] {
            // A limit for the session alone: its worker is to have what it needs.
            let (output, took) =
                identity.ensure().args(["--deadline", "20s"]).with(limit_open_files(limit)).start().output();
            let said = format!(
                "{limit}: {:?} {}{}",
                output.status,
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
            assert!(took < AT_ONCE, "{took:?} {said}");
            match output.status.code() {
                Some(0) => worked += 1,
                // The system's loader needs one to find a dynamic program's libraries.
                Some(127) if said.contains("open files") => {}
                Some(_) => {
                    let json: Value =
                        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{said}"));
                    assert!(
                        json["error"]["message"]
                            .as_str()
                            .is_some_and(|message| message.contains("open files")),
                        "{said}"
                    );
                }
                None => panic!("{said}"),
            }
            assert!(is_alive(worker.pid), "{limit}: the worker was killed");
        }
    }
    assert!(worked > 0, "no limit was enough: this test shows nothing");
    assert_eq!((patient(&running).pid, running.tenures()), (worker.pid, vec![1]));
}

// ---- protocols

/// A session of the library that speaks these protocol versions and would start a worker that speaks `program`'s.
fn spec(identity: &Identity, (min, max): (u32, u32), program: (u32, u32)) -> WorkerSpec {
    let args = [
        "serve".into(),
        identity.state_dir().into_os_string(),
        program.0.to_string().into(),
        program.1.to_string().into(),
    ];
    WorkerSpec::builder(LaunchCommand::new(PathBuf::from(ANY_PROTOCOL), args))
        .port("auto")
        .state_dir(identity.state_dir())
        .protocol(ProtocolRange::new(min, max).unwrap())
        .deadline(Duration::from_secs(30))
        .backoff(Backoff { base: Duration::ZERO, ..Backoff::default() })
        .build()
        .unwrap()
}

fn ensure(identity: &Identity, range: (u32, u32)) -> Result<Worker, EnsureError> {
    blocking::ensure_single_worker(&spec(identity, range, range))
}

#[test]
fn a_worker_with_only_older_protocols_is_replaced_once_for_all_sessions() {
    let identity = identity();
    let old = ensure(&identity, (1, 1)).unwrap();
    let answers: Vec<_> = std::thread::scope(|scope| {
        let sessions: Vec<_> = (0..10).map(|_| scope.spawn(|| ensure(&identity, (2, 3)))).collect();
        sessions.into_iter().map(|session| session.join().unwrap().unwrap()).collect()
    });
    let new = &answers[0];
    assert!(answers.iter().all(|answer| (answer.pid, answer.epoch) == (new.pid, new.epoch)), "{answers:?}");
    assert_eq!((new.epoch.0, new.protocol.max), (2, 3));
    let replaced = answers.iter().filter_map(|answer| match &answer.outcome {
        Outcome::Replaced { why: ReplaceReason::Outdated { pid, .. } } => Some(*pid),
        _ => None,
    });
    assert_eq!(replaced.collect::<Vec<_>>(), [old.pid]);
    wait_until_gone(old.pid.0);
}

#[test]
fn a_worker_with_an_overlapping_protocol_is_reused_by_old_and_new() {
    let identity = identity();
    let worker = ensure(&identity, (2, 3)).unwrap();
    for range in [(1, 2), (3, 9), (2, 2), (1, 9)] {
        let answer = ensure(&identity, range).unwrap();
        assert_eq!((answer.pid, answer.outcome), (worker.pid, Outcome::Reused), "{range:?}");
    }
}

#[test]
fn a_worker_with_only_newer_protocols_is_left_alone_and_both_are_named() {
    let identity = identity();
    let worker = ensure(&identity, (2, 3)).unwrap();
    match ensure(&identity, (1, 1)) {
        Err(EnsureError::TooNew { pid, worker_protocol, protocol, .. }) => {
            assert_eq!((pid, worker_protocol.min, worker_protocol.max, protocol.max), (worker.pid, 2, 3, 1));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(ensure(&identity, (2, 3)).unwrap().pid, worker.pid, "it was downgraded");
}

#[test]
fn a_session_whose_own_program_speaks_only_older_protocols_says_so_and_does_not_replace_for_ever() {
    let identity = identity();
    let answer = blocking::ensure_single_worker(&spec(&identity, (2, 3), (1, 1)));
    let Err(EnsureError::TooNew { worker_protocol, protocol, .. }) = answer else { panic!("{answer:?}") };
    assert_eq!((worker_protocol.max, protocol.min), (1, 2));
    assert_eq!(identity.epoch(), 1, "it was replaced by its like");
}
