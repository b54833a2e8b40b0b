//! Who was in office when, and never two at once.

use std::collections::HashMap;

use super::{Round, Violation};
use crate::history::{DirId, Event, Seen};

/// A worker's time in office, as far as its notes and the campaign's looks tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenure {
    /// Whose.
    pub pid: u32,
    /// Of which directory; `None` if the note names none, or several.
    pub dir: Option<DirId>,
    /// When it had certainly begun.
    pub taken: u64,
    /// Until when it certainly lasted.
    pub held_until: u64,
    /// When it was certainly over, or could be of no use any more.
    pub over: u64,
}

/// When a process came by which point, and the directories that it had open there.
type Note<'a> = (u64, &'a str, &'a [DirId]);

/// All tenures of a history, by beginning.
pub(super) fn of(events: &[Event]) -> Vec<Tenure> {
    let mut notes: HashMap<u32, Vec<Note<'_>>> = HashMap::new();
    let mut deaths: HashMap<u32, Vec<(u64, u64)>> = HashMap::new();
    for event in events {
        match event {
            Event::Note { point, pid, at, dirs } => {
                notes.entry(*pid).or_default().push((*at, point.as_str(), dirs.as_slice()));
            }
            Event::Campaign(Seen::Death { pid, alive, at }) => {
                deaths.entry(*pid).or_default().push((*alive, *at));
            }
            Event::Campaign(_) => {}
        }
    }
    let mut tenures = Vec::new();
    for (pid, notes) in &mut notes {
        notes.sort_by_key(|(at, ..)| *at);
        for (index, (taken, point, dirs)) in notes.iter().enumerate() {
            if *point != "claim.locked" {
                continue;
            }
            // A pid may be given again: what follows the death, or another claim, is another process's.
            let next_claim = notes[index + 1..]
                .iter()
                .find(|(_, point, _)| matches!(*point, "claim.before" | "claim.locked"))
                .map(|(at, ..)| *at);
            let death = deaths.get(pid).and_then(|deaths| {
                deaths.iter().find(|(_, dead)| dead >= taken && next_claim.is_none_or(|next| *dead <= next))
            });
            let end = death.map(|(_, dead)| *dead).or(next_claim).unwrap_or(u64::MAX);
            let own: Vec<_> = notes[index + 1..].iter().take_while(|(at, ..)| *at < end).collect();
            let left = own.iter().find(|(_, point, _)| *point == "office.left").map(|(at, ..)| *at);
            // Before this point a claim that fails lets go without a note.
            let established = own.iter().any(|(_, point, _)| *point == "claim.epoch");
            let last_note = own.last().map_or(*taken, |(at, ..)| *at);
            let last_life = death.map_or(0, |(alive, _)| if established { *alive } else { 0 });
            let held_until = left.unwrap_or_else(|| last_note.max(last_life));
            let over = left.unwrap_or(end);
            let dir = if let [one] = *dirs { Some(*one) } else { None };
            tenures.push(Tenure { pid: *pid, dir, taken: *taken, held_until, over });
        }
    }
    tenures.sort_by_key(|tenure| tenure.taken);
    tenures
}

/// No two at once in one directory.
pub(super) fn check(round: &Round, violations: &mut Vec<Violation>) {
    for (index, one) in round.tenures.iter().enumerate() {
        for other in &round.tenures[index + 1..] {
            if one.dir.is_some() && one.dir == other.dir && other.taken < one.held_until {
                violations.push(Violation {
                    kind: "two in office",
                    what: format!(
                        "process {} took office {} us before process {} was last seen in it",
                        other.pid,
                        (one.held_until - other.taken) / 1000,
                        one.pid
                    ),
                    at: other.taken,
                });
            }
        }
    }
}
