//! What the events say together: which tenures there were, and how each ended. Not every end is noted: who is killed notes nothing.

use std::time::SystemTime;

use coordinator::Epoch;
use coordinator::lifecycle::{Event, EventKind, Noted};
use coordinator::machine::Pid;

/// A worker's time in office.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PastTenure {
    pub(super) epoch: Epoch,
    pub(super) pid: Option<Pid>,
    pub(super) began: Option<SystemTime>,
    pub(super) end: TenureEnd,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TenureEnd {
    /// Not that anybody has noted.
    Unknown,
    /// In good order, for this reason.
    Left { at: SystemTime, why: String },
    /// A session ended it, for this reason.
    Replaced { at: SystemTime, why: String },
}

/// The tenures, the first one first.
pub(super) fn tenures(events: &[Noted]) -> Vec<PastTenure> {
    let mut tenures: Vec<PastTenure> = Vec::new();
    for event in events.iter().map(|noted| &noted.event) {
        let why = || event.reason.clone().unwrap_or_else(|| "no reason was given".to_owned());
        match event.kind {
            EventKind::TenureBegan => {
                if let Some(office) = office(&mut tenures, event) {
                    office.began = Some(event.at);
                }
            }
            EventKind::TenureEnded => {
                if let Some(office) = office(&mut tenures, event) {
                    office.end = TenureEnd::Left { at: event.at, why: why() };
                }
            }
            // Whoever has been told to leave by a session has noted an end of its own already.
            EventKind::Replaced => {
                if let Some(office) = office(&mut tenures, event)
                    && office.end == TenureEnd::Unknown
                {
                    office.end = TenureEnd::Replaced { at: event.at, why: why() };
                }
            }
            _ => {}
        }
    }
    tenures
}

/// The tenure of this event; a new one if nothing was heard of it yet.
fn office<'a>(tenures: &'a mut Vec<PastTenure>, event: &Event) -> Option<&'a mut PastTenure> {
    let epoch = event.epoch?;
    let at = match tenures.iter().rposition(|office| office.epoch == epoch) {
        Some(at) => at,
        None => {
            tenures.push(PastTenure { epoch, pid: event.worker, began: None, end: TenureEnd::Unknown });
            tenures.len() - 1
        }
    };
    tenures.get_mut(at)
}

/// Where the last tenure begins among the events: with its launch, if that is there.
pub(super) fn last_begins(events: &[Noted]) -> usize {
    let is = |kind: EventKind| move |noted: &Noted| noted.event.kind == kind;
    let Some(began) = events.iter().rposition(is(EventKind::TenureBegan)) else { return 0 };
    let previous = events[..began].iter().rposition(is(EventKind::TenureBegan)).map_or(0, |at| at + 1);
    events[previous..began].iter().rposition(is(EventKind::Launched)).map_or(began, |at| previous + at)
}

#[cfg(test)]
mod tests {
    use super::super::sentence::samples::event;
    use super::*;

    fn history() -> Vec<Noted> {
        vec![
            event(EventKind::Launched, 0, 1, None),
            event(EventKind::TenureBegan, 1, 1, None),
            event(EventKind::TenureEnded, 2, 1, Some("idle")),
            event(EventKind::TenureBegan, 3, 2, None),
            event(EventKind::TenureBegan, 4, 3, None),
            event(EventKind::Replaced, 5, 3, Some("hung")),
            event(EventKind::Refused, 6, 3, Some("cooling_down: …")),
            event(EventKind::Launched, 7, 4, None),
            event(EventKind::ChildReady, 8, 4, None),
            event(EventKind::TenureBegan, 9, 4, None),
        ]
    }

    #[test]
    fn each_tenure_has_its_end_or_none_that_was_noted() {
        let ends: Vec<_> = tenures(&history())
            .into_iter()
            .map(|office| {
                let end = match office.end {
                    TenureEnd::Unknown => "unknown".to_owned(),
                    TenureEnd::Left { why, .. } => format!("left: {why}"),
                    TenureEnd::Replaced { why, .. } => format!("replaced: {why}"),
                };
                (office.epoch.0, end)
            })
            .collect();
        let expected = [(1, "left: idle"), (2, "unknown"), (3, "replaced: hung"), (4, "unknown")];
        assert_eq!(ends, expected.map(|(epoch, end)| (epoch, end.to_owned())));
    }

    #[test]
    fn the_last_tenure_begins_with_its_launch() {
        assert_eq!(last_begins(&history()), 7);
        assert_eq!(last_begins(&history()[..6]), 4, "started by hand");
        assert_eq!(last_begins(&[]), 0);
    }
}
