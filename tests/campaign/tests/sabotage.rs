//! What a campaign is worth: a protection is taken away from the program, and the round in which it matters must end in a violation. With the
//! protection, the same round has none.
//!
//! Only test builds can take a protection away: those with `--cfg oneworker_test` and debug assertions.

// All of this is test code.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::process::{Command, Output};

use oneworker_campaign::plan::{Fault, Plan, Session, Squat, Timed};

const CAMPAIGN: &str = env!("CARGO_BIN_EXE_oneworker-campaign");
/// On a loaded machine a session may come too early or too late for what it is to see. So the plan is tried at several paces: each of these is
/// how many times longer its times are.
const PACES: [u64; 10] = [1, 1, 1, 2, 2, 4, 4, 8, 8, 16];

/// Sessions and faults at these milliseconds.
fn plan(sessions: impl IntoIterator<Item = u64>, faults: impl IntoIterator<Item = (u64, Fault)>) -> Plan {
    let session = |at| Session {
        at,
        install: at as usize % 2,
        deadline_ms: 20_000,
        killed_after: None,
        failpoint: None,
    };
    Plan {
        seed: 0,
        fixed_port: false,
        small_disk: false,
        hang_limit_ms: 500,
        backoff_base_ms: 0,
        thaw_workers: true,
        sessions: sessions.into_iter().map(session).collect(),
        faults: faults.into_iter().map(|(at, fault)| Timed { at, fault }).collect(),
    }
}

/// The plan, so many times slower.
fn at_pace(plan: &Plan, pace: u64) -> Plan {
    let mut plan = plan.clone();
    plan.sessions.iter_mut().for_each(|session| session.at *= pace);
    for timed in &mut plan.faults {
        timed.at *= pace;
        match &mut timed.fault {
            Fault::PauseWorker { ms } | Fault::ReusePid { ms } => *ms *= pace,
            Fault::Squat(squat) => squat.ms *= pace,
            _ => {}
        }
    }
    plan
}

/// Carries out the plan once.
fn round(plan: &Plan, sabotage: Option<&str>) -> Output {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("plan.json");
    std::fs::write(&file, serde_json::to_string(plan).unwrap()).unwrap();
    let mut campaign = Command::new(CAMPAIGN);
    campaign.args(["chaos", "--rounds", "1", "--plan"]).arg(&file).env("TMPDIR", dir.path());
    if let Some(sabotage) = sabotage {
        campaign.env("ONEWORKER_SABOTAGE", sabotage);
    }
    campaign.output().unwrap()
}

fn text(output: &Output) -> String {
    let [out, err] =
        [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    format!("{}\n{out}\n{err}", output.status)
}

/// With the protection there is no violation; without it, soon one of this kind.
fn is_noticed(sabotage: &str, plan: &Plan, kind: &str) {
    let whole = round(plan, None);
    assert!(whole.status.success(), "with all protections: {}", text(&whole));
    let mut last = String::new();
    for pace in PACES {
        let output = round(&at_pace(plan, pace), Some(sabotage));
        last = text(&output);
        if output.status.code() == Some(1) && last.contains(&format!(": {kind}: ")) {
            return;
        }
    }
    panic!("{sabotage} was not noticed: {last}");
}

/// A worker in office is killed, and somebody else answers in its place, as it did.
fn usurped() -> Plan {
    let squat = Squat { ms: 1500, answers: true, kills: true };
    Plan { fixed_port: true, ..plan([0, 500, 600, 700, 800, 900], [(300, Fault::Squat(squat))]) }
}

#[test]
fn a_usurper_that_is_believed_without_proof_is_noticed() {
    is_noticed("health_without_proof", &usurped(), "not in office");
}

#[test]
fn an_old_answer_to_a_challenge_that_comes_twice_is_noticed() {
    is_noticed("challenge_reused", &usurped(), "not in office");
}

/// For a while nothing but the lock tells that there is a worker: until its next self-check.
fn unrecorded() -> Plan {
    plan([0, 400, 800, 1200], [(300, Fault::Delete { file: "worker.json".to_owned() })])
}

#[test]
fn a_launch_past_a_held_lock_is_noticed() {
    is_noticed("held_lock_passed", &unrecorded(), "a launch beside a worker in office");
}

#[test]
fn an_elected_session_that_does_not_look_at_the_lock_is_noticed() {
    is_noticed("no_second_probe", &unrecorded(), "a launch beside a worker in office");
}

#[test]
fn a_second_worker_in_office_after_the_lock_file_was_deleted_is_noticed() {
    let deleted = Fault::Delete { file: "worker.lock".to_owned() };
    // Both are killed in the end, so that the round need not wait for one of them.
    let faults = [(300, Fault::PauseWorker { ms: 1200 }), (400, deleted), (1500, Fault::KillWorker)];
    let plan = Plan { hang_limit_ms: 10_000, ..plan([0, 500], faults) };
    is_noticed("directory_lock_left_out", &plan, "two in office");
}

#[test]
fn an_epoch_that_is_given_out_again_is_noticed() {
    let lost = |file: &str| (400, Fault::Delete { file: file.to_owned() });
    // The worker's database remembers it too.
    let faults = ["epoch", "worker.db", "worker.db-wal", "worker.db-shm"].map(lost);
    let plan = plan([0, 500], [(300, Fault::KillWorker)].into_iter().chain(faults));
    is_noticed("epoch_file_alone", &plan, "one epoch, two workers");
}

#[test]
fn a_stranger_with_a_dead_workers_pid_that_is_taken_for_the_worker_is_noticed() {
    if !oneworker_tests::is_root() {
        println!("only root may choose pids");
        return;
    }
    let plan = plan([0, 2000, 2500, 3000], [(300, Fault::ReusePid { ms: 5000 })]);
    is_noticed("record_believed", &plan, "a bystander was signalled");
}
