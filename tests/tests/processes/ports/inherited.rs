//! A listening socket outlives its program in whoever inherited it: the port then listens for a dead program, and answers nobody.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};

use oneworker_tests::{AT_ONCE, Bystander, free_port};

use crate::identity;

/// Descriptors of a process beyond the standard streams, with what they lead to and their flags (proc_pid_fdinfo(5)).
fn opened(pid: u32) -> Vec<(String, i32)> {
    let open = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten();
    open.filter_map(|fd| {
        let number: u32 = fd.file_name().to_str()?.parse().ok()?;
        let leads_to = fs::read_link(fd.path()).ok()?.display().to_string();
        let info = fs::read_to_string(format!("/proc/{pid}/fdinfo/{number}")).ok()?;
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:"))?;
        (number > 2).then_some((leads_to, i32::from_str_radix(flags.trim(), 8).ok()?))
    })
    .collect()
}

#[test]
fn nothing_that_a_worker_has_open_is_inherited_by_a_program_that_it_starts() {
    let identity = identity();
    let open = opened(identity.patient().pid);
    assert!(
        open.iter().any(|(leads_to, _)| leads_to.starts_with("socket:")),
        "this test shows nothing: {open:?}"
    );
    for (leads_to, flags) in &open {
        assert!(flags & libc::O_CLOEXEC != 0, "{leads_to} would be inherited: {open:?}");
    }
}

#[test]
fn a_port_that_is_left_to_a_dead_programs_child_is_named_with_the_child_and_used_when_it_has_gone() {
    let port = free_port();
    let identity = identity().on_port(port);
    let mut child = Bystander::inheriting(TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap());
    for _ in 0..2 {
        let failure = identity.patient_ensure().failure();
        assert_eq!(
            (failure.code.as_str(), &failure.error["port"], &failure.error["pid"], &failure.error["program"]),
            ("port_taken", &port.into(), &child.pid().into(), &"sleep".into()),
            "{:?}",
            failure.error
        );
        assert!(failure.took < AT_ONCE, "{:?}", failure.took);
    }
    assert_eq!(identity.epoch(), 1, "something was launched against a taken port");
    child.assert_untouched();
    drop(child);
    assert_eq!(identity.patient().port, port);
}
