//! The clock has not gone back behind what was written down. Nothing but times for people rests on it.

use std::time::{Duration, SystemTime};

use coordinator::lifecycle::read_history;

use super::{Case, Finding};

/// Clocks are corrected by as much all the time.
const TOLERANCE: Duration = Duration::from_secs(60);

pub(super) fn examine(case: &Case<'_>) -> Vec<Finding> {
    let noted = read_history(case.dir, 1).ok().and_then(|events| events.last().map(|event| event.at));
    let record = case.sight.as_ref().ok().and_then(|sight| sight.record.as_ref());
    let began = record
        .and_then(|record| SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(record.started_at_ms)));
    let places = [("the last event was noted", noted), ("the last worker took office", began)];
    let ahead = places.into_iter().find_map(|(what, at)| {
        let ahead = at?.duration_since(SystemTime::now()).ok()?;
        (ahead >= TOLERANCE).then_some((what, ahead))
    });
    let Some((what, ahead)) = ahead else { return Vec::new() };
    let ahead = humantime::format_duration(Duration::from_secs(ahead.as_secs()));
    let message = format!("{what} {ahead} in the future: the clock was set back, or was wrong then");
    vec![Finding::warning(
        message,
        "Set the clock right; no decision rests on it, but the times in history and logs do.",
    )]
}
