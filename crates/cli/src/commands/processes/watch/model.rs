//! What is shown, and what each event makes of it. No terminal, no clock, no process.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use coordinator::machine::ProcessIdentity;

use super::end_target::{EndTarget, end_target};
use super::event::{KeyPress, WatchEvent};
use super::pane;
use super::sample::{Sample, SampledProcess};
use super::window::{self, FRAME, WindowSize};

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NextStep {
    Stay,
    End(EndTarget),
    Leave,
}

/// What the rows are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SortOrder {
    Kind,
    Cpu,
    Memory,
}

/// What fills the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ViewMode {
    Table,
    /// One process, and the first line of it that is shown.
    Pane(usize),
    /// A question below the table.
    Question(EndTarget, String),
}

/// What is shown.
#[derive(Debug)]
pub(super) struct WatchModel {
    pub(super) name: String,
    pub(super) interval: Duration,
    pub(super) size: WindowSize,
    /// The rows as they are shown; `None` before the first sample.
    pub(super) seen: Option<Vec<SampledProcess>>,
    pub(super) sort: SortOrder,
    pub(super) mode: ViewMode,
    /// What came of the last key or order.
    pub(super) message: String,
    /// Why the last sample failed.
    pub(super) trouble: Option<String>,
    /// Which row, and whose it was.
    at: usize,
    selected: Option<ProcessIdentity>,
    /// The CPU times of the last sample.
    before: Option<(Instant, HashMap<ProcessIdentity, u64>)>,
    /// Whether an order is being carried out.
    busy: bool,
    lost: bool,
}

impl WatchModel {
    pub(super) fn new(name: &str, interval: Duration, size: WindowSize) -> Self {
        Self {
            name: name.to_owned(),
            interval,
            size,
            seen: None,
            sort: SortOrder::Kind,
            mode: ViewMode::Table,
            message: String::new(),
            trouble: None,
            at: 0,
            selected: None,
            before: None,
            busy: false,
            lost: false,
        }
    }

    /// Whether it ended because the sampler is gone.
    pub(super) fn is_lost(&self) -> bool {
        self.lost
    }

    /// The row that keys are for.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The process in it.
    pub(super) fn selected(&self) -> Option<&SampledProcess> {
        self.seen.as_ref()?.get(self.at)
    }

    /// What this event makes of it.
    pub(super) fn step(&mut self, event: WatchEvent) -> NextStep {
        match event {
            WatchEvent::Key(KeyPress::Interrupt) => return NextStep::Leave,
            WatchEvent::Key(key) => return self.key(key),
            WatchEvent::Resized(size) => self.size = size,
            WatchEvent::Sampled(Ok(sample)) => self.sampled(sample),
            WatchEvent::Sampled(Err(why)) => self.trouble = Some(why),
            WatchEvent::Ended(words) => {
                self.busy = false;
                self.message = words;
            }
            WatchEvent::Lost => {
                self.lost = true;
                return NextStep::Leave;
            }
        }
        NextStep::Stay
    }

    fn key(&mut self, key: KeyPress) -> NextStep {
        match (self.mode.clone(), key) {
            (ViewMode::Question(target, _), KeyPress::Letter('y' | 'Y')) => {
                self.mode = ViewMode::Table;
                self.busy = true;
                "ending it…".clone_into(&mut self.message);
                return NextStep::End(target);
            }
            // Anything else is no.
            (ViewMode::Question(..), _) => {
                self.mode = ViewMode::Table;
                "nothing was ended".clone_into(&mut self.message);
            }
            (_, KeyPress::Letter('q')) => return NextStep::Leave,
            (ViewMode::Pane(_), KeyPress::Escape | KeyPress::Enter | KeyPress::Letter('i')) => {
                self.mode = ViewMode::Table
            }
            (ViewMode::Pane(top), key) => {
                self.mode = ViewMode::Pane(self.moved(top, key).min(self.last_top()))
            }
            (ViewMode::Table, KeyPress::Escape) => return NextStep::Leave,
            (ViewMode::Table, KeyPress::Enter | KeyPress::Letter('i')) if self.selected().is_some() => {
                self.mode = ViewMode::Pane(0);
            }
            (ViewMode::Table, KeyPress::Letter('s')) => self.ask(),
            (ViewMode::Table, KeyPress::Letter('c')) => self.sort_by(SortOrder::Cpu),
            (ViewMode::Table, KeyPress::Letter('m')) => self.sort_by(SortOrder::Memory),
            (ViewMode::Table, KeyPress::Letter(letter)) if !"jk".contains(letter) => {}
            (ViewMode::Table, key) => self.select(self.moved(self.at, key)),
        }
        NextStep::Stay
    }

    fn moved(&self, from: usize, key: KeyPress) -> usize {
        let page = self.size.rows.saturating_sub(FRAME).max(1);
        match key {
            KeyPress::Up | KeyPress::Letter('k') => from.saturating_sub(1),
            KeyPress::Down | KeyPress::Letter('j') => from.saturating_add(1),
            KeyPress::PageUp => from.saturating_sub(page),
            KeyPress::PageDown => from.saturating_add(page),
            KeyPress::First => 0,
            KeyPress::Last => usize::MAX,
            _ => from,
        }
    }

    /// How far down the pane can go.
    fn last_top(&self) -> usize {
        let length = self.selected().map_or(0, |seen| pane::text(seen, self.size.columns).len());
        length.saturating_sub(window::pane_lines(self.size))
    }

    fn select(&mut self, at: usize) {
        let last = self.seen.as_ref().map_or(0, |seen| seen.len().saturating_sub(1));
        self.at = at.min(last);
        self.selected = self.selected().map(|seen| seen.identity.clone());
        self.message.clear();
    }

    /// The same key once more gives the first order back.
    fn sort_by(&mut self, sort: SortOrder) {
        self.sort = if self.sort == sort { SortOrder::Kind } else { sort };
        if let Some(seen) = &mut self.seen {
            sorted(seen, self.sort);
        }
        self.follow();
    }

    fn ask(&mut self) {
        let Some(seen) = self.selected() else { return };
        match end_target(seen) {
            _ if self.busy => "another is being ended; wait for it".clone_into(&mut self.message),
            Ok((target, question)) => {
                self.message.clear();
                self.mode = ViewMode::Question(target, question);
            }
            Err(why) => self.message = why,
        }
    }

    fn sampled(&mut self, sample: Sample) {
        let Sample { at, mut seen } = sample;
        self.trouble = None;
        for (position, process) in seen.iter_mut().enumerate() {
            process.position = position;
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
        if found.is_none() && matches!(self.mode, ViewMode::Pane(_)) {
            self.mode = ViewMode::Table;
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

fn sorted(seen: &mut [SampledProcess], sort: SortOrder) {
    match sort {
        SortOrder::Kind => seen.sort_by_key(|process| process.position),
        SortOrder::Cpu => seen.sort_by(|a, b| b.row.cpu_percent.total_cmp(&a.row.cpu_percent)),
        SortOrder::Memory => seen.sort_by_key(|process| std::cmp::Reverse(process.row.memory_bytes)),
    }
}

#[cfg(test)]
pub(super) mod tests;
