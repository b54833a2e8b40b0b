//! What a child gets, what it does not, and how it is learnt how it ended.

use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use coordinator::machine::Ending;
use coordinator::tree::{Child, ChildCommand, ChildLimits, Signal, SpawnError, spawn};
use oneworker_tests::{AT_ONCE, PATIENCE, is_alive, look, wait_for};
use tokio::time::timeout;

use crate::tree::{Cleanup, await_sleepers, sleepers, token};

fn shell(script: &str) -> ChildCommand {
    ChildCommand {
        program: PathBuf::from("sh"),
        args: ["-c", script].map(Into::into).to_vec(),
        env: vec![("PATH".into(), std::env::var_os("PATH").unwrap())],
        directory: PathBuf::from("/"),
        umask: 0o022,
        nice: None,
        limits: ChildLimits::default(),
        sockets: Vec::new(),
    }
}

/// Everything that the child says, to the end.
fn output(child: &mut Child) -> String {
    let mut said = String::new();
    child.take_output().unwrap().read_to_string(&mut said).unwrap();
    said
}

fn ended(child: &mut Child) -> Ending {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async { timeout(PATIENCE, child.ended()).await }).expect("an end")
}

/// What the command says, and how it ends.
fn run(command: &ChildCommand) -> (String, Ending) {
    let mut child = spawn(command).unwrap();
    (output(&mut child), ended(&mut child))
}

/// The numbers of its open descriptors, by a shell's own means: whatever listed a directory would open it.
const LIST_DESCRIPTORS: &str =
    "for n in $(seq 0 99); do if [ -e /proc/$$/fd/$n ]; then echo $n; fi; done; readlink /proc/$$/fd/0";

#[test]
fn a_child_has_the_null_device_and_one_pipe_and_nothing_else() {
    // Descriptors that every ordinary child would inherit.
    let null = fs::File::open("/dev/null").unwrap();
    let leaky: Vec<OwnedFd> = (0..20).map(|_| rustix::io::dup(&null).unwrap()).collect();
    let (said, ending) = run(&shell(LIST_DESCRIPTORS));
    drop(leaky);
    assert_eq!(said, "0\n1\n2\n/dev/null\n");
    assert_eq!(ending, Ending::Exited(0));
    assert_eq!(run(&shell("echo out; echo err >&2; echo out")).0, "out\nerr\nout\n");
}

#[test]
fn sockets_are_passed_as_systemd_does_it() {
    let listeners = [TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap()];
    let inodes = listeners.each_ref().map(|listener| {
        let link = fs::read_link(format!("/proc/self/fd/{}", listener.as_raw_fd())).unwrap();
        link.to_str().unwrap().to_owned()
    });
    let mut command = shell(&format!(
        "echo $LISTEN_FDS; [ $LISTEN_PID = $$ ] && echo mine; readlink /proc/$$/fd/3 /proc/$$/fd/4; {LIST_DESCRIPTORS}"
    ));
    command.env.extend([("LISTEN_FDS".into(), "7".into()), ("LISTEN_PID".into(), "1".into())]);
    command.sockets = listeners.into_iter().map(OwnedFd::from).collect();
    let expected = format!("2\nmine\n{}\n{}\n0\n1\n2\n3\n4\n/dev/null\n", inodes[0], inodes[1]);
    assert_eq!(run(&command).0, expected);
    // And not to a child that is passed none.
    command.sockets.clear();
    command.args[1] = "echo \"<$LISTEN_FDS$LISTEN_PID>\"".into();
    assert_eq!(run(&command).0, "<>\n");
}

#[test]
fn the_environment_is_the_given_one_without_the_readiness_channel() {
    let mut command = shell("env | grep -v ^PWD= | grep -v ^_= | sort");
    command.env.extend([("ONEWORKER_READY_FD".into(), "9".into()), ("A".into(), "b c".into())]);
    let path = std::env::var("PATH").unwrap();
    assert_eq!(run(&command).0.lines().collect::<Vec<_>>(), ["A=b c", &format!("PATH={path}")]);
}

#[test]
fn no_signal_is_blocked_or_ignored() {
    // Rust ignores SIGPIPE, and whoever has started this test may have ignored others.
    let (said, _) = run(&shell("grep -E '^Sig(Blk|Ign)' /proc/self/status"));
    assert_eq!(said, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

#[test]
fn umask_nice_value_and_directory_are_the_given_ones() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = shell("umask; nice; pwd -P");
    (command.umask, command.nice, command.directory) = (0o027, Some(7), dir.path().into());
    let expected = format!("0027\n7\n{}\n", dir.path().canonicalize().unwrap().display());
    assert_eq!(run(&command).0, expected);
}

#[test]
fn open_files_are_limited() {
    let mut command = shell("ulimit -Sn; ulimit -Hn");
    command.limits.open_files = Some(64);
    assert_eq!(run(&command).0, "64\n64\n");
}

#[test]
fn memory_is_limited() {
    let mut command = shell("exec dd if=/dev/zero of=/dev/null bs=256M count=1 status=none");
    assert_eq!(run(&command), (String::new(), Ending::Exited(0)));
    command.limits.memory = Some(64 << 20);
    let (said, ending) = run(&command);
    assert!(said.contains("memory exhausted"), "{said:?}");
    assert_eq!(ending, Ending::Exited(1));
}

#[test]
fn cpu_time_is_limited() {
    let mut command = shell("while :; do :; done");
    command.limits.cpu = Some(Duration::from_millis(10));
    assert_eq!(run(&command).1, Ending::Signalled(libc::SIGXCPU));
    command.args[1] = "trap '' XCPU; while :; do :; done".into();
    assert_eq!(run(&command).1, Ending::Signalled(libc::SIGKILL));
}

#[test]
fn a_child_leads_a_group_that_ends_with_it() {
    let cleanup = Cleanup(token());
    let mut command = shell(&format!("sleep {0} & trap '' TERM; sleep {0} & read never; exit 3", cleanup.0));
    // Its input is at its end, so it goes on at once.
    let mut child = spawn(&command).unwrap();
    assert_eq!(ended(&mut child), Ending::Exited(3));
    wait_for("the group to end", || sleepers(&cleanup.0).is_empty().then_some(()));

    command.args[1] = format!("sleep {0} & wait", cleanup.0).into();
    let mut child = spawn(&command).unwrap();
    let pid = child.process().pid;
    assert_eq!(look(pid.0).identity, *child.process());
    let raw = rustix::process::Pid::from_raw(pid.0.try_into().unwrap());
    assert_eq!(rustix::process::getpgid(raw).ok(), raw);
    // SAFETY: takes and gives numbers. (Not rustix, which takes 0, a leader outside of a container, for impossible.)
    let session = |pid| unsafe { libc::getsid(pid) };
    assert_eq!(session(pid.0.try_into().unwrap()), session(0), "its own session");
    await_sleepers(&cleanup.0, 1);
    child.signal_group(Signal::Terminate).unwrap();
    assert_eq!(ended(&mut child), Ending::Signalled(libc::SIGTERM));
    wait_for("the group to end", || sleepers(&cleanup.0).is_empty().then_some(()));
}

#[test]
fn an_end_is_told_as_often_as_it_is_asked_for_and_cancelling_loses_nothing() {
    let mut child = spawn(&shell("exec sleep 600")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        assert!(timeout(Duration::from_millis(20), child.ended()).await.is_err());
        child.signal_group(Signal::Kill).unwrap();
        for _ in 0..2 {
            assert_eq!(timeout(PATIENCE, child.ended()).await, Ok(Ending::Signalled(libc::SIGKILL)));
        }
    });
    assert!(!is_alive(child.process().pid.0));
    for signal in Signal::ALL {
        child.signal_group(signal).expect("nothing to do");
    }
    assert!(child.take_output().is_some() && child.take_output().is_none());
}

#[test]
fn each_signal_is_the_one_that_it_is_called() {
    for signal in Signal::ALL {
        let number = match signal {
            Signal::Terminate => libc::SIGTERM,
            Signal::Interrupt => libc::SIGINT,
            Signal::Quit => libc::SIGQUIT,
            Signal::HangUp => libc::SIGHUP,
            Signal::Kill => libc::SIGKILL,
            Signal::User1 => libc::SIGUSR1,
            Signal::User2 => libc::SIGUSR2,
        };
        let mut command = shell("exec sleep 600");
        command.limits.open_files = Some(64);
        let mut child = spawn(&command).unwrap();
        child.signal_group(signal).unwrap();
        assert_eq!(ended(&mut child), Ending::Signalled(number), "{signal}");
    }
}

#[test]
fn a_thread_named_after_its_child_waits_for_it() {
    let child = spawn(&shell("exec sleep 600")).unwrap();
    let name = format!("child-{}\n", child.process().pid);
    let exists = || {
        fs::read_dir("/proc/self/task")
            .unwrap()
            .filter_map(|task| fs::read_to_string(task.unwrap().path().join("comm")).ok())
            .any(|found| found == name)
    };
    assert!(exists());
    child.signal_group(Signal::Kill).unwrap();
    wait_for("the thread to end", || (!exists()).then_some(()));
}

#[test]
fn what_can_not_be_started_says_why_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str, mode: u32| {
        let path = dir.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    };
    let failure = |change: &dyn Fn(&mut ChildCommand)| {
        let mut command = shell("");
        change(&mut command);
        let begun = std::time::Instant::now();
        let error = spawn(&command).expect_err("an error");
        assert!(begun.elapsed() < AT_ONCE);
        println!("{error}");
        error
    };
    let program = |path: PathBuf| failure(&|command| command.program.clone_from(&path));

    for missing in ["/no/such/program", "no-such-program", "./no-such-program", "", "/etc/passwd/x"] {
        let error = program(missing.into());
        assert!(matches!(&error, SpawnError::NoSuchProgram { program } if program == missing), "{error:?}");
    }
    let no_interpreter = file("no-interpreter", "#!/no/such/interpreter\n", 0o755);
    let not_executable = [
        file("no-permission", "#!/bin/sh\n", 0o644),
        file("no-program", "neither script nor program\n", 0o755),
        no_interpreter.clone(),
        dir.path().to_owned(),
    ];
    for path in not_executable {
        let error = program(path);
        assert!(matches!(error, SpawnError::NotExecutable { .. }), "{error:?}");
    }
    assert!(program(no_interpreter).to_string().contains("interpreter"));
    // The same by name, along the child's own PATH.
    let by_name = |name: &str| {
        failure(&|command| {
            command.program = name.into();
            command.env = vec![("PATH".into(), dir.path().into())];
        })
    };
    assert!(matches!(by_name("no-permission"), SpawnError::NotExecutable { .. }));
    assert!(matches!(by_name("no-interpreter"), SpawnError::NotExecutable { .. }));
    assert!(matches!(by_name("sh"), SpawnError::NoSuchProgram { .. }));

    for directory in ["/no/such/directory", "/etc/passwd", ""] {
        let error = failure(&|command| command.directory = directory.into());
        assert!(matches!(error, SpawnError::Directory { .. }), "{error:?}");
    }
    let malformed: [&dyn Fn(&mut ChildCommand); 4] = [
        &|command| command.args.push("a\0b".into()),
        &|command| command.env.push(("A".into(), "a\0b".into())),
        &|command| command.env.push(("A=B".into(), "c".into())),
        &|command| command.env.push(("".into(), "c".into())),
    ];
    for change in malformed {
        assert!(matches!(failure(change), SpawnError::Malformed { .. }));
    }
    let too_many = failure(&|command| command.limits.open_files = Some(u64::MAX - 1));
    assert!(
        matches!(too_many, SpawnError::NotPermitted { what: "the limit of open files", .. }),
        "{too_many:?}"
    );
}
