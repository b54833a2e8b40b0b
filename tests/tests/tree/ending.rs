//! A worker ends, one way or another, and its guardian ends the tree.

use std::fs;
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt;
use std::time::Instant;

use coordinator::machine::Ending;
use coordinator::{EnsureError, EnsureRequest, LaunchCommand, WorkerId, blocking};
use oneworker_tests::{
    AT_ONCE, children_of, hang_up, is_alive, kill, limit_open_files, look, processes_of, terminate, wait_for,
};
use rustix::process::{Pid, Signal, kill_process};

use crate::tree::{Cleanup, Tree, all_of, await_sleepers, digest, sleepers, token};

/// Scripts that do what they can to stay, and how many `sleep`s come of them.
fn stubborn(token: &str) -> (Vec<String>, usize) {
    let scripts = [
        // A child, and a child of it.
        format!("sleep {token} & sleep {token}"),
        // Forked twice.
        format!("(sleep {token} &); (sh -c '(sleep {token} &)'); exec sleep {token}"),
        // In sessions of their own.
        format!(
            "setsid sleep {token} & (setsid sh -c 'setsid sleep {token} & sleep {token}' &); sleep {token}"
        ),
        // Without a variable, nor any signal that can be refused.
        format!(
            "trap '' TERM HUP INT; env -i setsid sh -c 'sleep {token} & sleep {token} & wait' & sleep {token}"
        ),
        // Whose starter has ended by itself, once they had left its group, which ends with it.
        format!("left=$(env -i setsid sh -c 'exec >/dev/null; sleep {token} & (setsid sleep {token} &)')"),
    ];
    (scripts.into(), 2 + 3 + 4 + 3 + 2)
}

fn signal(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(pid.try_into().unwrap()).unwrap(), signal).unwrap();
}

/// A worker with a stubborn tree, complete.
fn grown(token: &str) -> Tree {
    let (scripts, n) = stubborn(token);
    let tree = Tree::start(&digest(), &scripts.iter().map(String::as_str).collect::<Vec<_>>());
    await_sleepers(token, n);
    tree
}

/// Once the guardian is gone, so is everything else: at once, not soon.
fn assert_all_gone(token: &str, tree: &Tree) {
    assert_eq!(all_of(token), [], "left behind");
    assert!(!is_alive(tree.worker) && !is_alive(tree.guardian));
    for port in &tree.ports {
        TcpListener::bind(("127.0.0.1", *port)).expect("the port that a child has held");
    }
}

#[test]
fn nothing_outlives_a_worker_that_is_killed() {
    let cleanup = Cleanup(token());
    let mut tree = grown(&cleanup.0);
    let before: Vec<_> = sleepers(&cleanup.0).into_iter().map(|pid| look(pid).identity).collect();
    kill(tree.worker);
    assert_eq!(tree.ended().signal(), Some(9));
    assert_all_gone(&cleanup.0, &tree);
    for process in before {
        assert!(!is_alive(process.pid.0) || look(process.pid.0).identity != process);
    }
}

#[test]
fn the_tree_ends_with_a_worker_that_ends_by_itself_and_its_status_is_handed_on() {
    let cleanup = Cleanup(token());
    let mut tree = grown(&cleanup.0);
    tree.say("exit 7");
    assert_eq!(tree.ended().code(), Some(7));
    assert_all_gone(&cleanup.0, &tree);
}

#[test]
fn a_crash_is_handed_on() {
    let mut tree = Tree::start(&digest(), &[]);
    tree.say("abort");
    assert_eq!(tree.ended().signal(), Some(libc::SIGABRT));
}

#[test]
fn a_session_that_launches_a_worker_behind_a_guardian_learns_how_it_has_ended() {
    let dir = tempfile::tempdir().unwrap();
    let launch = LaunchCommand::new(env!("CARGO_BIN_EXE_tree-worker"), ["abort"]);
    let id = WorkerId::builder().port("auto").state_dir(dir.path()).build().unwrap();
    let request = EnsureRequest::new(id, launch);
    let begun = Instant::now();
    let error = blocking::ensure_single_worker(&request).unwrap_err();
    assert!(
        matches!(error, EnsureError::LaunchFailed { ending: Ending::Signalled(libc::SIGABRT), .. }),
        "{error:?}"
    );
    assert!(begun.elapsed() < AT_ONCE, "the readiness channel was held open");
}

#[test]
fn sigterm_is_handed_on_to_the_worker_and_no_other_signal_ends_the_guardian() {
    let cleanup = Cleanup(token());
    let mut tree = grown(&cleanup.0);
    hang_up(tree.guardian);
    for other in [Signal::INT, Signal::QUIT, Signal::PIPE, Signal::USR1, Signal::ALARM] {
        signal(tree.guardian, other);
    }
    assert_eq!(tree.ask("ping"), "pong");
    assert!(is_alive(tree.guardian));
    terminate(tree.guardian);
    assert_eq!(tree.ended().signal(), Some(libc::SIGTERM));
    assert_all_gone(&cleanup.0, &tree);
}

#[test]
fn a_guardian_keeps_no_descriptor_and_no_directory_and_has_one_thread() {
    let tree = Tree::start(&digest(), &["exec sleep 600"]);
    let proc = format!("/proc/{}", tree.guardian);
    wait_for("the guardian to let go", || {
        let fds: Vec<_> = fs::read_dir(format!("{proc}/fd"))
            .unwrap()
            .map(|fd| fs::read_link(fd.unwrap().path()).unwrap_or_default())
            .collect();
        (fds == ["/dev/null"; 3].map(std::path::PathBuf::from)).then_some(())
    });
    assert_eq!(fs::read_to_string(format!("{proc}/comm")).unwrap(), "oneworker-guard\n");
    assert_eq!(fs::read_link(format!("{proc}/cwd")).unwrap().to_str(), Some("/"));
    assert_eq!(fs::read_dir(format!("{proc}/task")).unwrap().count(), 1);
}

#[test]
fn a_guardian_sleeps_while_its_worker_works() {
    let mut tree = Tree::start(&digest(), &["exec sleep 600"]);
    let woken = |tree: &Tree| {
        let status = fs::read_to_string(format!("/proc/{}/status", tree.guardian)).unwrap();
        status.lines().filter(|line| line.contains("ctxt_switches")).map(str::to_owned).collect::<Vec<_>>()
    };
    let asleep = |tree: &Tree| {
        let waits = fs::read_to_string(format!("/proc/{}/wchan", tree.guardian)).unwrap();
        waits.contains("sigtimedwait") || waits == "0"
    };
    wait_for("the guardian to fall asleep", || asleep(&tree).then_some(()));
    tree.ask("many 10");
    let before = woken(&tree);
    tree.ask("many 100");
    assert_eq!(woken(&tree), before);
}

#[test]
fn what_a_service_manager_addresses_to_the_guardian_is_for_the_worker() {
    let tree = Tree::start(&digest(), &[]);
    assert_eq!(tree.addressed, [Some("1".to_owned()), Some(tree.worker.to_string())]);
}

#[test]
fn a_process_with_several_threads_gets_no_guardian_and_is_left_as_it_was() {
    // A test has a thread of its own.
    let error = coordinator::tree::guard().unwrap_err();
    assert!(error.to_string().contains("several threads"), "{error}");
    assert_eq!(rustix::process::child_subreaper().unwrap(), None);
}

#[test]
fn orphans_are_reaped_while_the_worker_lives() {
    let cleanup = Cleanup(token());
    let script = format!("for i in 1 2 3 4 5 6 7 8 9; do (sleep 0.01 &); done; exec sleep {}", cleanup.0);
    let tree = Tree::start(&digest(), &[&script]);
    await_sleepers(&cleanup.0, 1);
    wait_for("the orphans to be reaped", || (children_of(tree.guardian) == [tree.worker]).then_some(()));
}

#[test]
fn signals_that_the_worker_was_started_with_are_the_same_behind_the_guardian() {
    let tree = Tree::start(&digest(), &[]);
    let signals = |process: &str, name: &str| {
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
        let digits = status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
        // The highest are the C library's own.
        u64::from_str_radix(&digits, 16).unwrap() & ((1 << 31) - 1)
    };
    let worker = tree.worker.to_string();
    assert_eq!(signals(&worker, "SigBlk:"), 0, "blocked");
    // What whoever runs the tests has ignored (nohup, say), and what Rust itself does.
    assert_eq!(signals(&worker, "SigIgn:"), signals("self", "SigIgn:") | 1 << (libc::SIGPIPE - 1), "ignored");
}

#[test]
fn a_worker_that_was_launched_from_within_the_tree_is_left_alone() {
    let cleanup = Cleanup(token());
    let inner = Cleanup(token());
    let helper = env!("CARGO_BIN_EXE_tree-worker");
    let dir = tempfile::tempdir().unwrap();
    let fifo = dir.path().join("input");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &fifo,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    let keep_open = fs::OpenOptions::new().read(true).write(true).open(&fifo).unwrap();
    // As a launcher does it: a session of its own, another environment, and a readiness channel.
    let script = format!(
        "(env -i PATH=\"$PATH\" ONEWORKER_READY_FD=9 setsid {helper} abcd 1 'sleep {inner} & (setsid sleep {inner} &); wait' \
         <{fifo} >/dev/null &); sleep {outer}",
        inner = inner.0,
        outer = cleanup.0,
        fifo = fifo.display(),
    );

    let mut tree = Tree::start(&digest(), &[&script]);
    await_sleepers(&cleanup.0, 1);
    await_sleepers(&inner.0, 2);
    kill(tree.worker);
    assert_eq!(tree.ended().signal(), Some(9));
    assert_eq!(sleepers(&cleanup.0), [0; 0]);
    assert_eq!(sleepers(&inner.0).len(), 2, "another tenure was ended");
    // It ends at the end of its input, and its own guardian ends its tree.
    drop(keep_open);
    wait_for("the nested tree to end", || processes_of(inner.0.as_ref()).is_empty().then_some(()));
}

#[test]
fn without_descriptors_there_is_no_process_and_it_is_said_why() {
    let mut tree = Tree::start_with(&digest(), &[], |command| limit_open_files(64)(command));
    // In the C library's words.
    let too_many_open_files = std::io::Error::from(rustix::io::Errno::MFILE);
    assert_eq!(tree.ask("starved"), format!("cannot start a process: {too_many_open_files}"));
}

#[test]
fn hundreds_of_children_leave_no_descriptor_and_no_thread() {
    let mut tree = Tree::start(&digest(), &[]);
    assert_eq!(tree.ask("many 200"), "0");
}
