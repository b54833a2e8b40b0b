//! Tests of the model, and samples for other tests.

use coordinator::machine::{BootId, Pid, StartTime};

use super::super::super::rows::Row;
use super::*;
use crate::census::ProcessKind;

/// A process.
pub(in super::super) fn sampled(pid: u32, kind: ProcessKind) -> SampledProcess {
    let worker = kind == ProcessKind::Worker;
    SampledProcess {
        identity: ProcessIdentity { pid: Pid(pid), start_time: StartTime(1), boot_id: BootId(String::new()) },
        row: Row {
            pid,
            kind,
            name: worker.then(|| "notes".to_owned()),
            source: "cache/10.2.4".to_owned(),
            version: Some("10.2.4".to_owned()),
            epoch: worker.then_some(3),
            state: if worker { "ready" } else { "alive" },
            cpu_percent: 1.0,
            cpu_ms: 1000,
            memory_bytes: u64::from(pid) << 20,
            age_ms: 3_720_000,
            ports: vec![37777],
            started_by: Some("sh (1)".to_owned()),
            program: "/opt/mem-daemon".to_owned(),
            why: (kind == ProcessKind::Stray).then(|| "it is a \"mem-daemon\"".to_owned()),
        },
        position: 0,
        arguments: vec!["--db".to_owned()],
        parent: Some("sh (1)".to_owned()),
        own: worker,
        log: None,
    }
}

/// A sample this many milliseconds after the first one.
pub(in super::super) fn sample(after_ms: u64, seen: Vec<SampledProcess>) -> Sample {
    use std::sync::OnceLock;
    static BEGIN: OnceLock<Instant> = OnceLock::new();
    Sample { at: *BEGIN.get_or_init(Instant::now) + Duration::from_millis(after_ms), seen }
}

/// The model before the first sample.
pub(in super::super) fn watch() -> WatchModel {
    WatchModel::new("notes", Duration::from_secs(2), WindowSize { columns: 80, rows: 24 })
}

fn of(processes: Vec<SampledProcess>) -> WatchModel {
    let mut watch = watch();
    watch.step(WatchEvent::Sampled(Ok(sample(0, processes))));
    watch
}

fn press(watch: &mut WatchModel, keys: &str) -> NextStep {
    let mut last = NextStep::Stay;
    for letter in keys.chars() {
        last = watch.step(WatchEvent::Key(KeyPress::Letter(letter)));
    }
    last
}

fn pids(watch: &WatchModel) -> Vec<u32> {
    watch.seen.iter().flatten().map(|process| process.row.pid).collect()
}

#[test]
fn the_cpu_is_counted_since_the_last_sample() {
    let mut watch = of(vec![sampled(1, ProcessKind::Worker)]);
    let percent = |watch: &WatchModel| watch.selected().unwrap().row.cpu_percent;
    assert_eq!(percent(&watch), 1.0);
    let spent = |cpu_ms| {
        let mut process = sampled(1, ProcessKind::Worker);
        process.row.cpu_ms = cpu_ms;
        process
    };
    watch.step(WatchEvent::Sampled(Ok(sample(2000, vec![spent(1500)]))));
    assert_eq!(percent(&watch), 25.0);
    watch.step(WatchEvent::Sampled(Ok(sample(4000, vec![spent(1500)]))));
    assert_eq!(percent(&watch), 0.0);
    // Another process with the same pid has a life of its own.
    let mut other = spent(9000);
    other.identity.start_time = StartTime(2);
    watch.step(WatchEvent::Sampled(Ok(sample(6000, vec![other]))));
    assert_eq!(percent(&watch), 1.0);
}

#[test]
fn the_selection_stays_with_its_process_when_rows_are_sorted() {
    let mut processes =
        vec![sampled(1, ProcessKind::Worker), sampled(2, ProcessKind::Stray), sampled(3, ProcessKind::Stray)];
    processes[1].row.cpu_percent = 9.0;
    let mut watch = of(processes);
    press(&mut watch, "j");
    let selected = |watch: &WatchModel| watch.selected().unwrap().row.pid;
    assert_eq!((pids(&watch), selected(&watch)), (vec![1, 2, 3], 2));
    press(&mut watch, "c");
    assert_eq!((pids(&watch), selected(&watch)), (vec![2, 1, 3], 2));
    press(&mut watch, "m");
    assert_eq!((pids(&watch), selected(&watch)), (vec![3, 2, 1], 2));
    press(&mut watch, "m");
    assert_eq!((pids(&watch), selected(&watch)), (vec![1, 2, 3], 2));
    // One before it goes, then itself.
    watch.step(WatchEvent::Sampled(Ok(sample(
        9,
        vec![sampled(2, ProcessKind::Stray), sampled(3, ProcessKind::Stray)],
    ))));
    assert_eq!((watch.at(), selected(&watch)), (0, 2));
    watch.step(WatchEvent::Sampled(Ok(sample(9, vec![sampled(3, ProcessKind::Stray)]))));
    assert_eq!((watch.at(), selected(&watch)), (0, 3));
    watch.step(WatchEvent::Sampled(Ok(sample(9, vec![]))));
    assert!(watch.selected().is_none() && press(&mut watch, "jkisc") == NextStep::Stay);
}

#[test]
fn the_selection_stays_within_the_rows() {
    let mut watch = of((1..=30).map(|pid| sampled(pid, ProcessKind::Stray)).collect());
    press(&mut watch, "k");
    assert_eq!(watch.at(), 0);
    for (key, at) in [
        (KeyPress::PageDown, 20),
        (KeyPress::PageDown, 29),
        (KeyPress::Down, 29),
        (KeyPress::PageUp, 9),
        (KeyPress::Last, 29),
        (KeyPress::First, 0),
    ] {
        watch.step(WatchEvent::Key(key));
        assert_eq!(watch.at(), at, "{key:?}");
    }
}

#[test]
fn only_a_stray_and_the_own_worker_are_ended_after_a_yes() {
    let mut watch = of(vec![sampled(1, ProcessKind::Worker), sampled(2, ProcessKind::Stray)]);
    assert_eq!(press(&mut watch, "s"), NextStep::Stay);
    assert_eq!(
        press(&mut watch, "y"),
        NextStep::End(EndTarget::Worker(sampled(1, ProcessKind::Worker).identity))
    );
    press(&mut watch, "js");
    assert!(watch.message.contains("another is being ended"), "{}", watch.message);
    watch.step(WatchEvent::Ended("the worker 1 has stopped".to_owned()));
    assert_eq!(
        press(&mut watch, "sy"),
        NextStep::End(EndTarget::Stray(sampled(2, ProcessKind::Stray).identity))
    );
    for kind in [ProcessKind::Guardian, ProcessKind::Command, ProcessKind::Helper, ProcessKind::Session] {
        let mut watch = of(vec![sampled(5, kind)]);
        assert_eq!(press(&mut watch, "sy"), NextStep::Stay, "{kind:?}");
        assert!(!watch.message.is_empty(), "{kind:?}: why not is said");
    }
    let mut foreign = sampled(6, ProcessKind::Worker);
    (foreign.own, foreign.row.name) = (false, Some("other".to_owned()));
    let mut watch = of(vec![foreign]);
    assert_eq!(press(&mut watch, "sy"), NextStep::Stay);
    assert!(watch.message.contains("`oneworker stop --name other`"), "{}", watch.message);
}

#[test]
fn every_other_key_is_a_no() {
    for no in
        [KeyPress::Letter('n'), KeyPress::Escape, KeyPress::Enter, KeyPress::Letter('q'), KeyPress::Down]
    {
        let mut watch = of(vec![sampled(2, ProcessKind::Stray)]);
        press(&mut watch, "s");
        assert_eq!(
            (watch.step(WatchEvent::Key(no)), &watch.mode),
            (NextStep::Stay, &ViewMode::Table),
            "{no:?}"
        );
        assert_eq!(press(&mut watch, "y"), NextStep::Stay, "the question is over");
    }
}

#[test]
fn keys_leave_the_pane_and_the_table() {
    let mut watch = of(vec![sampled(1, ProcessKind::Worker)]);
    press(&mut watch, "i");
    assert_eq!(watch.mode, ViewMode::Pane(0));
    assert_eq!(
        (watch.step(WatchEvent::Key(KeyPress::Escape)), &watch.mode),
        (NextStep::Stay, &ViewMode::Table)
    );
    assert_eq!(watch.step(WatchEvent::Key(KeyPress::Escape)), NextStep::Leave);
    assert_eq!(press(&mut watch, "q"), NextStep::Leave);
    press(&mut watch, "s");
    assert_eq!(watch.step(WatchEvent::Key(KeyPress::Interrupt)), NextStep::Leave);
    press(&mut watch, "ni");
    assert_eq!(press(&mut watch, "q"), NextStep::Leave);
    assert!(!watch.is_lost() && watch.step(WatchEvent::Lost) == NextStep::Leave && watch.is_lost());
}

#[test]
fn the_pane_closes_when_its_process_is_gone() {
    let mut watch = of(vec![sampled(1, ProcessKind::Worker), sampled(2, ProcessKind::Stray)]);
    press(&mut watch, "ji");
    watch.step(WatchEvent::Sampled(Ok(sample(9, vec![sampled(1, ProcessKind::Worker)]))));
    assert_eq!((&watch.mode, watch.message.as_str()), (&ViewMode::Table, "it is gone"));
}

#[test]
fn what_can_not_be_seen_is_said_until_it_can() {
    let mut watch = of(vec![sampled(1, ProcessKind::Worker)]);
    watch.step(WatchEvent::Sampled(Err("dark".to_owned())));
    assert_eq!((watch.trouble.as_deref(), pids(&watch)), (Some("dark"), vec![1]));
    watch.step(WatchEvent::Sampled(Ok(sample(9, vec![]))));
    assert_eq!(watch.trouble, None);
}
