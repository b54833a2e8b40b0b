//! Tests of the model, and what other tests make looks of.

use coordinator::machine::{BootId, Pid, StartTime};

use super::*;

/// A process.
pub(in super::super) fn seen(pid: u32, kind: Kind) -> Seen {
    let worker = kind == Kind::Worker;
    Seen {
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
            why: (kind == Kind::Stray).then(|| "it is a \"mem-daemon\"".to_owned()),
        },
        place: 0,
        arguments: vec!["--db".to_owned()],
        parent: Some("sh (1)".to_owned()),
        own: worker,
        log: None,
    }
}

/// A look so many milliseconds after the first one.
pub(in super::super) fn look(after_ms: u64, seen: Vec<Seen>) -> Look {
    use std::sync::OnceLock;
    static BEGIN: OnceLock<Instant> = OnceLock::new();
    Look { at: *BEGIN.get_or_init(Instant::now) + Duration::from_millis(after_ms), seen }
}

/// Before the first look.
pub(in super::super) fn watch() -> Watch {
    Watch::new("notes", Duration::from_secs(2), Size { columns: 80, rows: 24 })
}

fn of(processes: Vec<Seen>) -> Watch {
    let mut watch = watch();
    watch.step(Event::Looked(Ok(look(0, processes))));
    watch
}

fn press(watch: &mut Watch, keys: &str) -> Step {
    let mut last = Step::Stay;
    for letter in keys.chars() {
        last = watch.step(Event::Key(Key::Letter(letter)));
    }
    last
}

fn pids(watch: &Watch) -> Vec<u32> {
    watch.seen.iter().flatten().map(|process| process.row.pid).collect()
}

#[test]
fn the_cpu_is_that_since_the_last_look_and_at_first_that_of_the_whole_life() {
    let mut watch = of(vec![seen(1, Kind::Worker)]);
    let percent = |watch: &Watch| watch.selected().unwrap().row.cpu_percent;
    assert_eq!(percent(&watch), 1.0);
    let spent = |cpu_ms| {
        let mut process = seen(1, Kind::Worker);
        process.row.cpu_ms = cpu_ms;
        process
    };
    watch.step(Event::Looked(Ok(look(2000, vec![spent(1500)]))));
    assert_eq!(percent(&watch), 25.0);
    watch.step(Event::Looked(Ok(look(4000, vec![spent(1500)]))));
    assert_eq!(percent(&watch), 0.0);
    // Another process with the same pid has a life of its own.
    let mut other = spent(9000);
    other.identity.start_time = StartTime(2);
    watch.step(Event::Looked(Ok(look(6000, vec![other]))));
    assert_eq!(percent(&watch), 1.0);
}

#[test]
fn rows_are_sorted_by_cpu_and_memory_and_back_and_the_selection_stays_with_its_process() {
    let mut processes = vec![seen(1, Kind::Worker), seen(2, Kind::Stray), seen(3, Kind::Stray)];
    processes[1].row.cpu_percent = 9.0;
    let mut watch = of(processes);
    press(&mut watch, "j");
    let selected = |watch: &Watch| watch.selected().unwrap().row.pid;
    assert_eq!((pids(&watch), selected(&watch)), (vec![1, 2, 3], 2));
    press(&mut watch, "c");
    assert_eq!((pids(&watch), selected(&watch)), (vec![2, 1, 3], 2));
    press(&mut watch, "m");
    assert_eq!((pids(&watch), selected(&watch)), (vec![3, 2, 1], 2));
    press(&mut watch, "m");
    assert_eq!((pids(&watch), selected(&watch)), (vec![1, 2, 3], 2));
    // One before it goes, then itself.
    watch.step(Event::Looked(Ok(look(9, vec![seen(2, Kind::Stray), seen(3, Kind::Stray)]))));
    assert_eq!((watch.at(), selected(&watch)), (0, 2));
    watch.step(Event::Looked(Ok(look(9, vec![seen(3, Kind::Stray)]))));
    assert_eq!((watch.at(), selected(&watch)), (0, 3));
    watch.step(Event::Looked(Ok(look(9, vec![]))));
    assert!(watch.selected().is_none() && press(&mut watch, "jkisc") == Step::Stay);
}

#[test]
fn the_selection_stays_within_the_rows() {
    let mut watch = of((1..=30).map(|pid| seen(pid, Kind::Stray)).collect());
    press(&mut watch, "k");
    assert_eq!(watch.at(), 0);
    for (key, at) in [
        (Key::PageDown, 20),
        (Key::PageDown, 29),
        (Key::Down, 29),
        (Key::PageUp, 9),
        (Key::Last, 29),
        (Key::First, 0),
    ] {
        watch.step(Event::Key(key));
        assert_eq!(watch.at(), at, "{key:?}");
    }
}

#[test]
fn a_stray_and_the_own_worker_are_ended_after_a_yes_and_nobody_else_is() {
    let mut watch = of(vec![seen(1, Kind::Worker), seen(2, Kind::Stray)]);
    assert_eq!(press(&mut watch, "s"), Step::Stay);
    assert_eq!(press(&mut watch, "y"), Step::End(Target::Worker(seen(1, Kind::Worker).identity)));
    press(&mut watch, "js");
    assert!(watch.message.contains("another is being ended"), "{}", watch.message);
    watch.step(Event::Ended("the worker 1 has stopped".to_owned()));
    assert_eq!(press(&mut watch, "sy"), Step::End(Target::Stray(seen(2, Kind::Stray).identity)));
    for kind in [Kind::Guardian, Kind::Command, Kind::Helper, Kind::Session] {
        let mut watch = of(vec![seen(5, kind)]);
        assert_eq!(press(&mut watch, "sy"), Step::Stay, "{kind:?}");
        assert!(!watch.message.is_empty(), "{kind:?}: why not is said");
    }
    let mut foreign = seen(6, Kind::Worker);
    (foreign.own, foreign.row.name) = (false, Some("other".to_owned()));
    let mut watch = of(vec![foreign]);
    assert_eq!(press(&mut watch, "sy"), Step::Stay);
    assert!(watch.message.contains("`oneworker stop --name other`"), "{}", watch.message);
}

#[test]
fn every_other_key_is_a_no() {
    for no in [Key::Letter('n'), Key::Escape, Key::Enter, Key::Letter('q'), Key::Down] {
        let mut watch = of(vec![seen(2, Kind::Stray)]);
        press(&mut watch, "s");
        assert_eq!((watch.step(Event::Key(no)), &watch.mode), (Step::Stay, &Mode::Table), "{no:?}");
        assert_eq!(press(&mut watch, "y"), Step::Stay, "the question is over");
    }
}

#[test]
fn keys_leave_the_pane_and_the_table() {
    let mut watch = of(vec![seen(1, Kind::Worker)]);
    press(&mut watch, "i");
    assert_eq!(watch.mode, Mode::Pane(0));
    assert_eq!((watch.step(Event::Key(Key::Escape)), &watch.mode), (Step::Stay, &Mode::Table));
    assert_eq!(watch.step(Event::Key(Key::Escape)), Step::Leave);
    assert_eq!(press(&mut watch, "q"), Step::Leave);
    press(&mut watch, "s");
    assert_eq!(watch.step(Event::Key(Key::Interrupt)), Step::Leave);
    press(&mut watch, "ni");
    assert_eq!(press(&mut watch, "q"), Step::Leave);
    assert!(!watch.is_lost() && watch.step(Event::Lost) == Step::Leave && watch.is_lost());
}

#[test]
fn the_pane_closes_when_its_process_is_gone() {
    let mut watch = of(vec![seen(1, Kind::Worker), seen(2, Kind::Stray)]);
    press(&mut watch, "ji");
    watch.step(Event::Looked(Ok(look(9, vec![seen(1, Kind::Worker)]))));
    assert_eq!((&watch.mode, watch.message.as_str()), (&Mode::Table, "it is gone"));
}

#[test]
fn what_can_not_be_seen_is_said_until_it_can() {
    let mut watch = of(vec![seen(1, Kind::Worker)]);
    watch.step(Event::Looked(Err("dark".to_owned())));
    assert_eq!((watch.trouble.as_deref(), pids(&watch)), (Some("dark"), vec![1]));
    watch.step(Event::Looked(Ok(look(9, vec![]))));
    assert_eq!(watch.trouble, None);
}
