//! Histories made by hand: each kind of violation is caught, and what only looks like one is not.

use super::*;
use crate::history::Seen;
use crate::plan::{Session, Squat, Timed};

const DIR: DirId = [1, 100];
const OTHER: DirId = [1, 200];

fn plan(faults: &[Fault]) -> Plan {
    let session = Session { at: 0, install: 0, deadline_ms: 20_000, killed_after: None, failpoint: None };
    Plan {
        seed: 0,
        fixed_port: false,
        small_disk: false,
        hang_limit_ms: 10_000,
        backoff_base_ms: 0,
        thaw_workers: true,
        sessions: vec![session],
        faults: faults.iter().map(|fault| Timed { at: 0, fault: fault.clone() }).collect(),
    }
}

/// A history; times in milliseconds.
#[derive(Default)]
struct Told {
    events: Vec<Event>,
    faults: Vec<Fault>,
}

impl Told {
    fn note(mut self, point: &str, pid: u32, at: u64, dir: DirId) -> Self {
        self.events.push(Event::Note { point: point.into(), pid, at: at * 1_000_000, dirs: vec![dir] });
        self
    }

    fn seen(mut self, seen: Seen) -> Self {
        self.events.push(Event::Campaign(seen));
        self
    }

    /// A worker takes office and draws its epoch.
    fn takes(self, pid: u32, at: u64, dir: DirId) -> Self {
        self.note("claim.locked", pid, at, dir).note("claim.epoch", pid, at, dir)
    }

    fn leaves(self, pid: u32, at: u64) -> Self {
        self.note("office.left", pid, at, DIR)
    }

    fn dies(self, pid: u32, alive: u64, at: u64) -> Self {
        self.seen(Seen::Death { pid, alive: alive * 1_000_000, at: at * 1_000_000 })
    }

    fn fault(mut self, fault: Fault, at: u64, gone: Option<DirId>) -> Self {
        self.faults.push(fault.clone());
        let at = at * 1_000_000;
        self.seen(Seen::Fault { at, fault: fault.clone(), pids: vec![] }).seen(Seen::Done {
            at: at + 1,
            fault,
            done: true,
            gone,
        })
    }

    fn ends(self, call: usize, from: u64, to: u64, answer: Answer) -> Self {
        let (at, ended) = (from * 1_000_000, to * 1_000_000);
        self.seen(Seen::Call { call, command: "ensure".into(), at, deadline_ms: 20_000, failpoint: None })
            .seen(Seen::Return { call, pid: 1000 + call as u32, at: ended, answer })
    }

    /// A call that is told of a worker, with a proof in its midst.
    fn told(self, call: usize, from: u64, to: u64, worker: u32, epoch: u64) -> Self {
        self.note("answer", worker, u64::midpoint(from, to), DIR).told_unproven(call, from, to, worker, epoch)
    }

    fn told_unproven(self, call: usize, from: u64, to: u64, worker: u32, epoch: u64) -> Self {
        self.ends(call, from, to, Answer::Worker { outcome: "reused".into(), worker, epoch })
    }

    fn fails(self, call: usize, code: &str) -> Self {
        self.ends(call, 0, 10, Answer::Error { code: code.into(), message: String::new() })
    }

    fn kinds(&self) -> Vec<&'static str> {
        let verdict = check(&plan(&self.faults), &self.events, 0);
        verdict.violations.iter().map(|violation| violation.kind).collect()
    }
}

fn nothing() -> Vec<&'static str> {
    Vec::new()
}

#[test]
fn a_good_history_has_no_violation() {
    let good = Told::default()
        .takes(7, 10, DIR)
        .told(0, 5, 20, 7, 1)
        .told(1, 21, 22, 7, 1)
        .leaves(7, 30)
        .takes(8, 30, DIR)
        .told(2, 31, 35, 8, 2)
        .dies(7, 31, 36);
    assert_eq!(good.kinds(), nothing());
}

#[test]
fn two_in_office_of_one_directory_are_caught() {
    let by_note = Told::default().takes(7, 10, DIR).takes(8, 20, DIR).leaves(7, 30).leaves(8, 40);
    assert_eq!(by_note.kinds(), ["two in office"]);
    let by_proof = Told::default().takes(7, 10, DIR).takes(8, 20, DIR).note("answer", 7, 25, DIR);
    assert_eq!(by_proof.kinds(), ["two in office"]);
    let by_look = Told::default().takes(7, 10, DIR).takes(8, 20, DIR).dies(7, 21, 30);
    assert_eq!(by_look.kinds(), ["two in office"]);
}

#[test]
fn what_may_have_been_one_after_the_other_is_not_taken_for_two() {
    let killed = Told::default().takes(7, 10, DIR).takes(8, 20, DIR).dies(7, 19, 30);
    assert_eq!(killed.kinds(), nothing());
    let replaced = Told::default().takes(7, 10, DIR).takes(8, 20, OTHER).leaves(7, 30);
    assert_eq!(replaced.kinds(), nothing());
    // The pids have gone round: the first one's is another process's now.
    let again = Told::default().takes(7, 10, DIR).dies(7, 12, 15).takes(8, 20, DIR).dies(8, 22, 25);
    let session = again.note("elect.won", 7, 30, DIR);
    assert_eq!(session.kinds(), nothing());
    let again = Told::default().takes(7, 10, DIR).takes(8, 20, DIR).dies(8, 22, 25);
    let again = again.note("claim.before", 7, 30, DIR).takes(7, 31, DIR).dies(7, 40, 41);
    assert_eq!(again.kinds(), nothing());
    // Its claim may have failed after the lock, which leaves no note.
    let failed = Told::default().note("claim.locked", 7, 10, DIR).takes(8, 20, DIR).dies(7, 30, 31);
    assert_eq!(failed.kinds(), nothing());
}

#[test]
fn a_launch_beside_a_worker_in_office_is_caught() {
    let office = || Told::default().takes(7, 10, DIR);
    let beside = office().note("elect.won", 5, 20, DIR).note("launch.before", 5, 25, DIR);
    assert_eq!(beside.dies(7, 30, 31).kinds(), ["a launch beside a worker in office"]);
    // It may have looked before the worker was in office, or after it was gone.
    let early =
        Told::default().note("elect.won", 5, 8, DIR).takes(7, 10, DIR).note("launch.before", 5, 25, DIR);
    assert_eq!(early.dies(7, 30, 31).kinds(), nothing());
    let late = office().note("elect.won", 5, 20, DIR).note("launch.before", 5, 25, DIR);
    assert_eq!(late.dies(7, 22, 30).kinds(), nothing());
    // The last election counts.
    let again = office().note("elect.won", 5, 8, DIR).note("elect.won", 5, 20, DIR);
    let again = again.note("launch.before", 5, 25, DIR).dies(7, 30, 31);
    assert_eq!(again.kinds(), ["a launch beside a worker in office"]);
    let replaced = office().fault(Fault::ReplaceDirectory { anew: true }, 15, Some(DIR));
    let replaced = replaced.note("elect.won", 5, 20, DIR).note("launch.before", 5, 25, DIR);
    assert_eq!(replaced.dies(7, 30, 31).kinds(), nothing());
}

#[test]
fn an_answer_that_names_nobody_in_office_is_caught() {
    let never = Told::default().takes(7, 10, DIR).told(0, 11, 12, 9, 1);
    assert_eq!(never.kinds(), ["not in office"]);
    let before = Told::default().takes(7, 10, DIR).leaves(7, 20).told(0, 21, 22, 7, 1);
    assert!(before.kinds().contains(&"not in office"), "{:?}", before.kinds());
    let later = Told::default().told(0, 1, 2, 7, 1).takes(7, 10, DIR);
    assert_eq!(later.kinds(), ["not in office"]);
    let dead = Told::default().takes(7, 10, DIR).dies(7, 15, 20).told_unproven(0, 21, 22, 7, 1);
    assert_eq!(dead.kinds(), ["not in office"]);
}

#[test]
fn an_answer_without_a_proof_during_the_call_is_caught() {
    let told = Told::default().takes(7, 10, DIR).note("answer", 7, 11, DIR).told_unproven(0, 12, 13, 7, 1);
    assert_eq!(told.kinds(), ["unproven"]);
}

#[test]
fn an_answer_of_a_worker_whose_directory_is_gone_is_caught() {
    let replace = Fault::ReplaceDirectory { anew: true };
    let late = Told::default().takes(7, 10, DIR).fault(replace.clone(), 20, Some(DIR)).told(0, 25, 30, 7, 1);
    assert_eq!(late.kinds(), ["superseded"]);
    let across = Told::default().takes(7, 10, DIR).fault(replace, 29, Some(DIR)).told(0, 25, 30, 7, 1);
    assert_eq!(across.kinds(), nothing());
}

#[test]
fn one_epoch_of_two_workers_and_one_that_went_back_are_caught() {
    let two = |second: u64| {
        let first = Told::default().takes(7, 10, DIR).told(0, 11, 12, 7, 5).leaves(7, 13);
        first.takes(8, 20, DIR).told(1, 21, 22, 8, second)
    };
    assert_eq!(two(5).kinds(), ["one epoch, two workers"]);
    assert_eq!(two(4).kinds(), ["an epoch went back", "an answer went back"]);
    assert_eq!(two(6).kinds(), nothing());
    let changed = Told::default().takes(7, 10, DIR).told(0, 11, 12, 7, 5).told(1, 11, 12, 7, 6);
    assert_eq!(changed.kinds(), ["one tenure, two epochs"]);
}

#[test]
fn a_new_line_of_epochs_begins_only_where_both_memories_were_lost() {
    let delete = |file: &str| Fault::Delete { file: file.into() };
    let story = |faults: &[Fault]| {
        let mut told = Told::default().takes(7, 10, DIR).told(0, 11, 12, 7, 5);
        for fault in faults {
            told = told.fault(fault.clone(), 15, None);
        }
        told.leaves(7, 18).takes(8, 20, DIR).told(1, 21, 22, 8, 1)
    };
    assert!(!story(&[delete("epoch")]).kinds().is_empty());
    assert!(!story(&[delete("worker.json"), delete("token")]).kinds().is_empty());
    assert_eq!(story(&[delete("epoch"), delete("worker.json")]).kinds(), nothing());
}

#[test]
fn a_late_answer_is_caught_and_the_slack_is_kept() {
    let took = |ms| {
        let told = Told::default().takes(7, 10, DIR).told(0, 0, ms, 7, 1);
        check(&plan(&[]), &told.events, 0)
    };
    assert_eq!(took(21_000).violations, []);
    assert_eq!(took(21_000).worst_overshoot_ms, 1000);
    assert_eq!(took(23_000).violations[0].kind, "too late");
}

#[test]
fn errors_need_a_reason() {
    for code in
        ["launch_failed", "port_taken", "foreign", "lock_leaked", "state_dir", "timed_out", "no_such_code"]
    {
        assert_eq!(Told::default().fails(0, code).kinds(), ["an error without a reason"], "{code}");
    }
    assert_eq!(
        Told::default().fault(Fault::KillWorker, 1, None).fails(0, "launch_failed").kinds(),
        nothing()
    );
    assert_eq!(
        Told::default().fault(Fault::HangWorker, 1, None).fails(0, "unkillable").kinds(),
        ["an error without a reason"]
    );
    let squat = Fault::Squat(Squat { ms: 5, answers: false, kills: false });
    assert_eq!(Told::default().fault(squat.clone(), 1, None).fails(0, "port_taken").kinds(), nothing());
    assert_eq!(
        Told::default().fault(squat, 1, None).fails(0, "other_machine").kinds(),
        ["an error without a reason"]
    );
}

#[test]
fn sessions_that_die_bystanders_that_are_signalled_and_bad_ends_are_caught() {
    assert_eq!(Told::default().ends(0, 1, 2, Answer::Killed { signal: 9 }).kinds(), ["a session was ended"]);
    assert_eq!(Told::default().ends(0, 1, 2, Answer::Killed { signal: 11 }).kinds(), ["a session was ended"]);
    let by_us = Seen::Fault { at: 0, fault: Fault::KillSession, pids: vec![1000] };
    let killed = Told::default().seen(by_us).ends(0, 1, 2, Answer::Killed { signal: 9 });
    assert_eq!(killed.kinds(), nothing());
    let garbage = Answer::Garbage { output: "thread panicked".into() };
    assert_eq!(Told::default().ends(0, 1, 2, garbage).kinds(), ["no answer"]);
    let signalled = Seen::Signalled { pid: 5, signal: 15, from: 6, at: 1 };
    assert_eq!(Told::default().seen(signalled).kinds(), ["a bystander was signalled"]);
    let wrong = Seen::Wrong { at: 1, what: "an orphan".into() };
    assert_eq!(Told::default().seen(wrong).kinds(), ["the end"]);
}
