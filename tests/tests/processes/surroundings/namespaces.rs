//! Sessions in namespaces of their own, as containers have: what a pid or an address means there is another matter, so nobody is hurt for it.

use oneworker_tests::{AT_ONCE, cannot_unshare, go_on, is_alive, stop, unshare};

use crate::identity;

const PID_NAMESPACE: &str = "--pid --fork --mount-proc";
const NET_NAMESPACE: &str = "--net";

#[test]
fn a_session_in_another_pid_namespace_reuses_a_worker_that_is_well() {
    if cannot_unshare(PID_NAMESPACE) {
        return;
    }
    let identity = identity();
    let worker = identity.patient();
    let answer = unshare(identity.ensure(), PID_NAMESPACE).success();
    assert_eq!((answer.pid, answer.outcome.as_str()), (worker.pid, "reused"));
}

#[test]
fn a_session_in_another_pid_namespace_leaves_a_stopped_worker_alone() {
    if cannot_unshare(PID_NAMESPACE) {
        return;
    }
    let identity = identity().hang_limit("2s");
    let worker = identity.patient();
    stop(worker.pid);
    for _ in 0..2 {
        let failure = unshare(identity.patient_ensure(), PID_NAMESPACE).failure();
        assert_eq!(failure.code, "other_machine", "{:?}", failure.error);
        assert!(failure.error["what"].as_str().unwrap().contains("pid namespace"), "{:?}", failure.error);
    }
    assert!(is_alive(worker.pid), "it was killed");
    go_on(worker.pid);
    assert_eq!((identity.patient().pid, identity.tenures()), (worker.pid, vec![1]));
}

#[test]
fn a_session_in_another_network_namespace_says_so_and_leaves_the_worker_alone() {
    if cannot_unshare(NET_NAMESPACE) {
        return;
    }
    let identity = identity().hang_limit("2s");
    let worker = identity.patient();
    for network in
        [NET_NAMESPACE.to_owned(), format!("{NET_NAMESPACE} sh -c 'ip link set lo up; exec \"$@\"' sh")]
    {
        let failure = unshare(identity.patient_ensure(), &network).failure();
        assert_eq!(failure.code, "other_machine", "{:?}", failure.error);
        assert_eq!(failure.error["what"], "network namespace");
        assert!(failure.took < AT_ONCE, "{:?}", failure.took);
    }
    let answer = identity.patient();
    assert_eq!((answer.pid, answer.outcome.as_str()), (worker.pid, "reused"));
    assert!(!identity.file("suspect.json").exists(), "it is suspected");
}
