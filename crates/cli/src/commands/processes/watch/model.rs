//! What is shown, and what each event makes of it. No terminal, no clock, no process.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use coordinator::machine::ProcessIdentity;

use super::super::rows::Row;
use super::{pane, picture};
use crate::census::Kind;

/// What was seen of the processes at one time.
#[derive(Clone, Debug)]
pub(super) struct Look {
    pub(super) at: Instant,
    /// In the order of `ps`.
    pub(super) seen: Vec<Seen>,
}

/// A process, and what the pane says of it besides its row.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// Which one, also when its pid is another's.
    pub(super) identity: ProcessIdentity,
    pub(super) row: Row,
    /// Where `ps` has it.
    pub(super) place: usize,
    pub(super) arguments: Vec<String>,
    pub(super) parent: Option<String>,
    /// Whether it belongs to the identity that was asked for.
    pub(super) own: bool,
    /// Of the worker's log: its path and its last lines.
    pub(super) log: Option<(String, String)>,
}

/// What happens.
#[derive(Clone, Debug)]
pub(super) enum Event {
    Key(Key),
    /// The window has this size.
    Resized(Size),
    /// It was looked, or could not be.
    Looked(Result<Look, String>),
    /// What became of an order.
    Ended(String),
    /// Nobody looks any more.
    Lost,
}

/// A window's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) columns: usize,
    pub(super) rows: usize,
}

/// A key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
    Enter,
    Escape,
    Interrupt,
    Letter(char),
}

/// Whom to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// As `oneworker stop` does, if it still is this one.
    Worker(ProcessIdentity),
    /// As `oneworker reap` does.
    Stray(ProcessIdentity),
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Stay,
    End(Target),
    Leave,
}

/// What the rows are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    Kind,
    Cpu,
    Memory,
}

/// What fills the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Table,
    /// One process, and the first line of it that is shown.
    Pane(usize),
    /// A question below the table.
    Question(Target, String),
}

/// What is shown.
#[derive(Debug)]
pub(super) struct Watch {
    pub(super) name: String,
    pub(super) interval: Duration,
    pub(super) size: Size,
    /// The rows as they are shown; `None` before the first look.
    pub(super) seen: Option<Vec<Seen>>,
    pub(super) sort: Sort,
    pub(super) mode: Mode,
    /// What came of the last key or order.
    pub(super) message: String,
    /// Why it could not be looked the last time.
    pub(super) trouble: Option<String>,
    /// Which row, and whose it was.
    at: usize,
    selected: Option<ProcessIdentity>,
    /// The CPU times of the last look.
    before: Option<(Instant, HashMap<ProcessIdentity, u64>)>,
    /// Whether an order is being carried out.
    busy: bool,
    lost: bool,
}

impl Watch {
    pub(super) fn new(name: &str, interval: Duration, size: Size) -> Self {
        Self {
            name: name.to_owned(),
            interval,
            size,
            seen: None,
            sort: Sort::Kind,
            mode: Mode::Table,
            message: String::new(),
            trouble: None,
            at: 0,
            selected: None,
            before: None,
            busy: false,
            lost: false,
        }
    }

    /// Whether it ended because nobody looks any more.
    pub(super) fn is_lost(&self) -> bool {
        self.lost
    }

    /// The row that keys are for.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The process in it.
    pub(super) fn selected(&self) -> Option<&Seen> {
        self.seen.as_ref()?.get(self.at)
    }

    /// What this event makes of it.
    pub(super) fn step(&mut self, event: Event) -> Step {
        match event {
            Event::Key(Key::Interrupt) => return Step::Leave,
            Event::Key(key) => return self.key(key),
            Event::Resized(size) => self.size = size,
            Event::Looked(Ok(look)) => self.looked(look),
            Event::Looked(Err(why)) => self.trouble = Some(why),
            Event::Ended(words) => {
                self.busy = false;
                self.message = words;
            }
            Event::Lost => {
                self.lost = true;
                return Step::Leave;
            }
        }
        Step::Stay
    }

    fn key(&mut self, key: Key) -> Step {
        match (self.mode.clone(), key) {
            (Mode::Question(target, _), Key::Letter('y' | 'Y')) => {
                self.mode = Mode::Table;
                self.busy = true;
                "ending it…".clone_into(&mut self.message);
                return Step::End(target);
            }
            // Anything else is no.
            (Mode::Question(..), _) => {
                self.mode = Mode::Table;
                "nothing was ended".clone_into(&mut self.message);
            }
            (_, Key::Letter('q')) => return Step::Leave,
            (Mode::Pane(_), Key::Escape | Key::Enter | Key::Letter('i')) => self.mode = Mode::Table,
            (Mode::Pane(top), key) => self.mode = Mode::Pane(self.moved(top, key).min(self.last_top())),
            (Mode::Table, Key::Escape) => return Step::Leave,
            (Mode::Table, Key::Enter | Key::Letter('i')) if self.selected().is_some() => {
                self.mode = Mode::Pane(0);
            }
            (Mode::Table, Key::Letter('s')) => self.ask(),
            (Mode::Table, Key::Letter('c')) => self.sort_by(Sort::Cpu),
            (Mode::Table, Key::Letter('m')) => self.sort_by(Sort::Memory),
            (Mode::Table, Key::Letter(letter)) if !"jk".contains(letter) => {}
            (Mode::Table, key) => self.select(self.moved(self.at, key)),
        }
        Step::Stay
    }

    fn moved(&self, from: usize, key: Key) -> usize {
        let page = self.size.rows.saturating_sub(picture::FRAME).max(1);
        match key {
            Key::Up | Key::Letter('k') => from.saturating_sub(1),
            Key::Down | Key::Letter('j') => from.saturating_add(1),
            Key::PageUp => from.saturating_sub(page),
            Key::PageDown => from.saturating_add(page),
            Key::First => 0,
            Key::Last => usize::MAX,
            _ => from,
        }
    }

    /// How far down the pane can go.
    fn last_top(&self) -> usize {
        let length = self.selected().map_or(0, |seen| pane::text(seen, self.size.columns).len());
        length.saturating_sub(pane::room(self.size))
    }

    fn select(&mut self, at: usize) {
        let last = self.seen.as_ref().map_or(0, |seen| seen.len().saturating_sub(1));
        self.at = at.min(last);
        self.selected = self.selected().map(|seen| seen.identity.clone());
        self.message.clear();
    }

    /// The same key once more gives the first order back.
    fn sort_by(&mut self, sort: Sort) {
        self.sort = if self.sort == sort { Sort::Kind } else { sort };
        if let Some(seen) = &mut self.seen {
            sorted(seen, self.sort);
        }
        self.follow();
    }

    fn ask(&mut self) {
        let Some(seen) = self.selected() else { return };
        match target(seen) {
            _ if self.busy => "another is being ended; wait for it".clone_into(&mut self.message),
            Ok((target, question)) => {
                self.message.clear();
                self.mode = Mode::Question(target, question);
            }
            Err(why) => self.message = why,
        }
    }

    fn looked(&mut self, look: Look) {
        let Look { at, mut seen } = look;
        self.trouble = None;
        for (place, process) in seen.iter_mut().enumerate() {
            process.place = place;
        }
        if let Some((before, times)) = &self.before {
            for process in &mut seen {
                // The first time, it is the share of its life.
                if let Some(spent) = times.get(&process.identity) {
                    process.row.cpu_percent = share(
                        process.row.cpu_ms.saturating_sub(*spent),
                        at.saturating_duration_since(*before),
                    );
                }
            }
        }
        let times = seen.iter().map(|process| (process.identity.clone(), process.row.cpu_ms)).collect();
        self.before = Some((at, times));
        sorted(&mut seen, self.sort);
        self.seen = Some(seen);
        self.follow();
    }

    /// The selection stays with its process; if that is gone, with its place.
    fn follow(&mut self) {
        let Some(seen) = &self.seen else { return };
        let found = seen.iter().position(|process| Some(&process.identity) == self.selected.as_ref());
        if found.is_none() && matches!(self.mode, Mode::Pane(_)) {
            self.mode = Mode::Table;
            "it is gone".clone_into(&mut self.message);
        }
        self.at = found.unwrap_or(self.at).min(seen.len().saturating_sub(1));
        self.selected = self.selected().map(|process| process.identity.clone());
    }
}

/// Of one CPU, in per cent, to a tenth.
#[allow(clippy::cast_precision_loss, reason = "a tenth of a per cent is shown")]
fn share(spent_ms: u64, of: Duration) -> f64 {
    let of = of.as_secs_f64() * 1000.0;
    if of > 0.0 { (1000.0 * spent_ms as f64 / of).round() / 10.0 } else { 0.0 }
}

fn sorted(seen: &mut [Seen], sort: Sort) {
    match sort {
        Sort::Kind => seen.sort_by_key(|process| process.place),
        Sort::Cpu => seen.sort_by(|a, b| b.row.cpu_percent.total_cmp(&a.row.cpu_percent)),
        Sort::Memory => seen.sort_by_key(|process| std::cmp::Reverse(process.row.memory_bytes)),
    }
}

/// Who is ended where this row is chosen, and the question; or why nobody is.
fn target(seen: &Seen) -> Result<(Target, String), String> {
    let (pid, name) = (seen.row.pid, seen.row.name.as_deref().unwrap_or_default());
    match seen.row.kind {
        Kind::Worker | Kind::Supervisor if seen.own => {
            let question = format!("Stop the worker of {name:?}, pid {pid}?");
            Ok((Target::Worker(seen.identity.clone()), question))
        }
        Kind::Worker | Kind::Supervisor => {
            Err(format!("it is the worker of another identity: `oneworker stop --name {name}` ends it"))
        }
        Kind::Stray => Ok((Target::Stray(seen.identity.clone()), format!("End the stray {pid}?"))),
        Kind::Guardian | Kind::Command | Kind::Helper => Err(format!(
            "a {} is the worker's: it ends with the worker, and alone it would be missed",
            seen.row.kind.word()
        )),
        Kind::Session => Err("a session is whoever works there; it is not ended from here".to_owned()),
    }
}

#[cfg(test)]
#[path = "model_tests.rs"]
pub(super) mod tests;
