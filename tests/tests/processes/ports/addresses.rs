//! Which address is asked, and which is given: the worker's own, whatever port, proxy or name the session has in mind.

use std::fs;
use std::io::ErrorKind;
use std::net::{Ipv6Addr, TcpListener};

use oneworker_tests::{cannot_unshare, free_port, unshare};

use crate::identity;

#[test]
fn a_worker_on_another_port_than_asked_for_is_reused_with_a_warning() {
    let identity = identity();
    let worker = identity.patient();
    let other = free_port();
    let answer = identity.ensure_on_port(&other.to_string()).success();
    assert_eq!((answer.pid, answer.port, answer.outcome.as_str()), (worker.pid, worker.port, "reused"));
    assert!(
        answer.warnings.iter().any(|warning| warning.contains(&other.to_string())),
        "{:?}",
        answer.warnings
    );
    let same = identity.ensure_on_port(&worker.port.to_string()).success();
    assert_eq!((same.pid, same.warnings), (worker.pid, vec![]));
    assert_eq!(identity.workers(), [worker.pid]);
}

#[test]
fn any_port_will_do_if_the_session_says_so() {
    let (one, other) = (identity(), identity());
    let (first, second) = (one.patient(), other.patient());
    assert_ne!(first.port, second.port);
    assert_eq!(one.ensure_on_port("auto").success().warnings, Vec::<String>::new());
}

#[test]
fn a_name_that_means_another_address_leads_nobody_elsewhere() {
    const MOUNTS: &str = "--mount";
    if cannot_unshare(MOUNTS) {
        return;
    }
    let port = free_port();
    let Ok(other) = TcpListener::bind((Ipv6Addr::LOCALHOST, port)) else {
        return eprintln!("skipped: this system has no IPv6");
    };
    other.set_nonblocking(true).unwrap();
    let identity = identity().on_port(port);
    let hosts = identity.scratch().join("hosts");
    fs::write(&hosts, "::1 localhost\n").unwrap();
    let misled = || {
        let script = format!(r#"mount --bind "{}" /etc/hosts && exec "$@""#, hosts.display());
        unshare(identity.patient_ensure().through(&script), MOUNTS).success()
    };
    let worker = misled();
    assert_eq!(worker.url, format!("http://127.0.0.1:{port}"));
    assert_eq!((misled().pid, misled().outcome.as_str()), (worker.pid, "reused"));
    assert_eq!(other.accept().map(drop).unwrap_err().kind(), ErrorKind::WouldBlock, "it was asked");
}

#[test]
fn proxies_of_the_session_are_neither_used_nor_passed_on() {
    let identity = identity();
    let with_proxies = || {
        let mut run = identity.patient_ensure();
        for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
            run = run.env(name, "http://127.0.0.1:1");
        }
        run.env("NO_PROXY", "").env("no_proxy", "")
    };
    let started = with_proxies().success();
    let reused = with_proxies().success();
    assert_eq!((reused.pid, reused.outcome.as_str()), (started.pid, "reused"));
    let environment = fs::read(format!("/proc/{}/environ", started.pid)).unwrap();
    assert!(
        !String::from_utf8_lossy(&environment).to_lowercase().contains("proxy"),
        "the worker has the session's proxies"
    );
}
