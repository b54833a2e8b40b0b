//! `tree-worker DIGEST EPOCH SCRIPT...`: a worker with a guardian, which runs these shell scripts as its children, `part-0` and so on, each
//! with a listening socket. Prints what it has started as a line of JSON, and then does what it is told, a line each:
//!
//! - `ping`: prints `pong`;
//! - `exit N`, `abort`: ends so;
//! - `starved`: has all descriptors taken, and prints why no child can be started;
//! - `many N`: starts so many more children, and as many that can't be started, one after the other, and prints how many descriptors and
//!   threads it has got thereby.
//!
//! With the only argument `abort` it does just that, behind its guardian and in front of an orphan of its own.
//!
//! At the end of its input it ends by itself, so that nothing is left behind a test that has died.

// All of this package is test code.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use std::net::TcpListener;
use std::path::PathBuf;

use coordinator::tree::{
    Child, ChildCommand, ChildLimits, Marker, PART_VARIABLE, guard, outlive_guardian, spawn,
};
use coordinator::{Epoch, system};

fn main() {
    oneworker_tests::failpoints::install();
    oneworker_tests::sabotages::install();
    guard().expect("a guardian");
    let mut args = std::env::args().skip(1);
    let digest = args.next().expect("a digest");
    if digest == "abort" {
        let orphan = ["-c", "setsid sleep 600 <&- >&- 2>&- &"];
        std::process::Command::new("sh").args(orphan).env_clear().status().expect("a shell");
        std::process::abort();
    }
    // As one in office.
    outlive_guardian();
    let epoch = Epoch(args.next().expect("an epoch").parse().expect("a number"));
    let marker = Marker::new(&digest, epoch, &*system::machine().random).expect("a marker");

    let mut ports = Vec::new();
    let children: Vec<Child> = args
        .enumerate()
        .map(|(i, script)| {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
            ports.push(listener.local_addr().expect("its address").port());
            let mut command = shell(&script, &marker, &format!("part-{i}"));
            command.sockets.push(listener.into());
            spawn(&command).expect("a child")
        })
        .collect();
    let addressed = ["LISTEN_PID", "WATCHDOG_PID"].map(|name| std::env::var(name).ok());
    let started = serde_json::json!({
        "worker": std::process::id(),
        "guardian": std::os::unix::process::parent_id(),
        "marker": marker.as_str(),
        "children": children.iter().map(|child| child.process().pid.0).collect::<Vec<_>>(),
        "ports": ports,
        "addressed": addressed,
    });
    println!("{started}");

    for line in std::io::stdin().lines() {
        let line = line.expect("a line");
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["ping"] => println!("pong"),
            ["exit", status] => std::process::exit(status.parse().expect("a status")),
            ["abort"] => std::process::abort(),
            ["starved"] => println!("{}", starved(&marker)),
            ["many", n] => println!("{}", many(n.parse().expect("a number"), &marker)),
            _ => panic!("{line:?}"),
        }
    }
}

fn shell(script: &str, marker: &Marker, part: &str) -> ChildCommand {
    let path = std::env::var_os("PATH").expect("PATH");
    ChildCommand {
        program: PathBuf::from("/bin/sh"),
        args: ["-c", script].map(Into::into).to_vec(),
        env: vec![
            ("PATH".into(), path),
            (Marker::VARIABLE.into(), marker.as_str().into()),
            (PART_VARIABLE.into(), part.into()),
        ],
        directory: PathBuf::from("/"),
        umask: 0o077,
        nice: None,
        limits: ChildLimits::default(),
        sockets: Vec::new(),
    }
}

fn starved(marker: &Marker) -> String {
    let mut taken = Vec::new();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        taken.push(file);
    }
    // Each one that is let go lets it come one step further.
    let mut said = Vec::new();
    while let Err(error) = spawn(&shell("", marker, "starved")) {
        said.push(error.to_string());
        taken.pop().expect("enough descriptors");
    }
    said.dedup();
    said.join("; ")
}

fn many(n: usize, marker: &Marker) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let count = |what: &str| std::fs::read_dir(format!("/proc/self/{what}")).expect("/proc").count();
    let before = (count("fd"), count("task"));
    for i in 0..n {
        let mut child = spawn(&shell("exit 3", marker, "many")).expect("a child");
        runtime.block_on(child.ended());
        let mut wrong = shell("", marker, "many");
        if i % 2 == 0 {
            wrong.directory = PathBuf::from("/nonexistent");
        } else {
            wrong.program = PathBuf::from("/nonexistent");
        }
        spawn(&wrong).expect_err("nothing to start");
    }
    // The last thread tells of its child's end just before its own.
    oneworker_tests::wait_for("threads to end", || (count("task") <= before.1).then_some(()));
    format!("{}", count("fd") - before.0)
}
