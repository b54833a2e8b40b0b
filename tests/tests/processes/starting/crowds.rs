//! Many sessions wait for one worker: each waits by itself, hardly uses the machine meanwhile, and has its answer as soon as there is one.

use std::fs::{self, File};
use std::time::{Duration, Instant};

use oneworker_tests::{
    AT_ONCE, Running, agreed, all_at_once, cpu_time, free_port, go_on, wait_for, wait_until_stopped,
};

use crate::identity;

const SESSIONS: usize = 32;

#[test]
fn a_crowd_that_waits_hardly_uses_the_cpu_and_is_answered_as_soon_as_there_is_a_worker() {
    let identity = identity().flag("--hang-limit", "10m");
    let first = identity.ensure_failing("bind.before=stop").patiently().start();
    let record = wait_for("a worker in office", || identity.record());
    let worker = u32::try_from(record["pid"].as_u64().unwrap()).unwrap();
    wait_until_stopped(worker);

    let begun = identity.scratch().join("begun");
    File::create(&begun).unwrap();
    let note = format!("ensure.start=note:{}", begun.display());
    let sessions = all_at_once((0..SESSIONS).map(|_| identity.ensure_failing(&note).patiently()));
    wait_for("all sessions to begin", || {
        (fs::read_to_string(&begun).unwrap().lines().count() == SESSIONS).then_some(())
    });
    let used = || sessions.iter().map(|session| cpu_time(session.pid())).sum::<Duration>();
    let before = used();
    // The pace is what is tested. A loaded machine gives them less of the CPU, and never more.
    std::thread::sleep(Duration::from_secs(1));
    let used = used() - before;
    assert!(!before.is_zero(), "this system does not count: this test shows nothing");
    // Seen: 80 ms.
    assert!(used < Duration::from_millis(600), "{SESSIONS} sessions used {used:?} of a second of waiting");

    go_on(worker);
    let ready = Instant::now();
    let answers: Vec<_> = sessions.into_iter().chain([first]).map(Running::success).collect();
    assert!(ready.elapsed() < AT_ONCE, "{:?}", ready.elapsed());
    assert_eq!(agreed(&answers).pid, worker);
    assert_eq!((identity.tenures(), identity.needless_launches()), (vec![1], 0));
}

#[test]
fn a_crowd_on_one_fixed_port_is_not_in_its_own_way() {
    let port = free_port();
    let identity = identity().on_port(port);
    for epoch in 1..=3 {
        let answers = identity.patient_crowd(SESSIONS);
        let worker = agreed(&answers);
        assert_eq!((worker.port, worker.epoch), (port, epoch));
        assert_eq!((identity.tenures().len() as u64, identity.needless_launches()), (epoch, 0));
        identity.stop();
    }
}
