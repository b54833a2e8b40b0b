//! A worker that is started with its listening socket already open, as by a socket unit of systemd.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;

use oneworker_tests::{
    Identity, Run, Running, activated, activated_as, free_port, kill_and_wait, wait_for, wait_until_gone,
};
use rustix::net::{AddressFamily, SocketType};

use crate::identity;

/// An identity on a port of which a service manager has the socket.
fn with_socket() -> (Identity, u16, OwnedFd) {
    let port = free_port();
    (identity().on_port(port).without_backoff(), port, listen(port))
}

fn listen(port: u16) -> OwnedFd {
    TcpListener::bind(("127.0.0.1", port)).unwrap().into()
}

/// The worker that the manager starts; not notified, so that a loser ends.
fn serve(identity: &Identity) -> Run {
    identity.command("serve").args(["--foreground", "--json"])
}

/// A client that comes before there is a worker.
fn ask(port: u16) -> TcpStream {
    let mut client = TcpStream::connect(("127.0.0.1", port)).unwrap();
    client.set_read_timeout(Some(oneworker_tests::PATIENCE)).unwrap();
    let request = format!("GET /health HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
    client.write_all(request.as_bytes()).unwrap();
    client
}

fn answer(mut client: TcpStream) -> String {
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    answer
}

fn ended(worker: Running) -> serde_json::Value {
    let (status, answer) = worker.json();
    assert_eq!(status, 0, "{answer}");
    answer
}

#[test]
fn who_connects_before_the_worker_is_there_is_answered_and_so_is_who_comes_between_two_workers() {
    let (identity, port, socket) = with_socket();
    for epoch in 1..=2 {
        let client = ask(port);
        let worker = activated(serve(&identity), &socket).start();
        let answer = answer(client);
        assert!(
            answer.starts_with("HTTP/1.1 200") && answer.contains(&format!("\"pid\":{}", worker.pid())),
            "{answer}"
        );
        identity.wait_until_ready(worker.pid());
        let found = identity.patient();
        assert_eq!((found.outcome.as_str(), found.pid, found.port), ("reused", worker.pid(), port));
        assert_eq!(found.epoch, epoch);
        identity.stop();
        assert_eq!(ended(worker)["outcome"], "ended");
    }
}

#[test]
fn a_killed_worker_leaves_the_socket_to_the_next() {
    let (identity, port, socket) = with_socket();
    let worker = activated(serve(&identity), &socket).start();
    identity.wait_until_ready(worker.pid());
    kill_and_wait(worker.pid());
    let client = ask(port);
    let next = activated(serve(&identity), &socket).start();
    assert!(answer(client).contains(&format!("\"pid\":{}", next.pid())));
}

#[test]
fn of_many_that_are_started_with_the_socket_one_serves_and_the_others_take_nothing_from_it() {
    let (identity, port, socket) = with_socket();
    let all: Vec<Running> = (0..6).map(|_| activated(serve(&identity), &socket).start()).collect();
    let pid = wait_for("a worker", || {
        let record = identity.record().filter(|record| record["state"] == "ready")?;
        record["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok())
    });
    let (winner, losers): (Vec<_>, Vec<_>) = all.into_iter().partition(|worker| worker.pid() == pid);
    for loser in losers {
        let said = ended(loser);
        assert_eq!((&said["outcome"], &said["pid"]), (&"already_running".into(), &pid.into()), "{said}");
    }
    assert_eq!((winner.len(), identity.only_worker()), (1, pid));
    assert!(answer(ask(port)).contains(&format!("\"pid\":{pid}")));
}

#[test]
fn what_is_no_socket_of_the_identitys_is_refused_before_anything_is_touched() {
    let port = free_port();
    let scratch = tempfile::tempdir().unwrap();
    let deaf = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    let other = free_port();
    let wrong: [(OwnedFd, &str); 6] = [
        (File::open("/dev/null").unwrap().into(), "no TCP socket that listens"),
        (UdpSocket::bind(("127.0.0.1", 0)).unwrap().into(), "of another type"),
        (UnixListener::bind(scratch.path().join("socket")).unwrap().into(), "no Internet address"),
        (deaf, "nobody has called listen"),
        (listen(other), "the identity's is at 127.0.0.1"),
        (TcpListener::bind(("::1", port)).unwrap().into(), "is at [::1]"),
    ];
    for (socket, words) in wrong {
        let identity = identity().on_port(port);
        let failure = activated(serve(&identity), &socket).failure();
        let message = failure.error["message"].as_str().unwrap();
        assert_eq!((failure.code.as_str(), failure.status), ("activation", 49), "{message}");
        assert!(message.contains(words), "{message}");
        assert!(failure.error["help"].as_str().unwrap().contains("service install --socket"));
        assert!(!identity.state_dir().exists());
    }
    let identity = identity().on_port(port);
    let several = activated_as("LISTEN_FDS=2 LISTEN_PID=$$", serve(&identity), &listen(port));
    assert!(several.failure().error["message"].as_str().unwrap().contains("2 sockets were passed"));
}

#[test]
fn a_socket_that_is_for_another_process_is_left_alone() {
    let (identity, port) = (identity().on_port(free_port()), free_port());
    let socket = listen(port);
    let worker = activated_as("LISTEN_FDS=1 LISTEN_PID=1", serve(&identity), &socket).start();
    identity.wait_until_ready(worker.pid());
    assert_ne!(identity.patient().port, port);
    identity.stop();
    wait_until_gone(worker.pid());
}

#[test]
fn any_port_will_do_where_any_is_asked_for() {
    let (identity, port) = (identity(), free_port());
    let socket = listen(port);
    let worker = activated(serve(&identity), &socket).start();
    identity.wait_until_ready(worker.pid());
    assert_eq!(identity.patient().port, port);
}

#[test]
fn the_socket_goes_on_to_a_command_that_takes_it_and_to_nobody_else() {
    let (identity, port, socket) = with_socket();
    let env = identity.scratch().join("env");
    let server = "import os, socket\nlistener = socket.socket(fileno=3)\nwhile True:\n    c, _ = listener.accept(); c.recv(1000); c.sendall(b'HTTP/1.0 200 OK\\r\\n\\r\\n%s:%d' % (os.environ['LISTEN_FDS'].encode(), int(os.environ['LISTEN_PID']) == os.getpid())); c.close()\n";
    let text = format!(
        "[worker]\ncommand = [\"python3\", \"-c\", {server:?}]\nsocket = \"pass\"\n\n[[helper]]\nname = \"curious\"\ncommand = [\"sh\", \"-c\", \"env > {0}.part; ls -l /proc/$$/fd >> {0}.part; mv {0}.part {0}; sleep 600\"]\n",
        env.display()
    );
    fs::write(identity.scratch().join("oneworker.toml"), text).unwrap();
    let client = ask(port);
    let worker = activated(serve(&identity), &socket).start();
    assert!(answer(client).ends_with("1:1"));
    let seen = wait_for("what the helper sees", || fs::read_to_string(&env).ok());
    assert!(!seen.contains("LISTEN_") && !seen.contains("socket:"), "{seen}");
    assert_eq!(identity.patient().port, port);
    identity.stop();
    wait_until_gone(worker.pid());

    let own = "[worker]\ncommand = [\"sleep\", \"600\"]\n";
    fs::write(identity.scratch().join("oneworker.toml"), own).unwrap();
    let failure = activated(serve(&identity), &socket).failure();
    assert!(failure.error["message"].as_str().unwrap().contains("makes one of its own"), "{failure:?}");
}
