//! The clock has not gone back behind what was written down. Nothing but times for people rests on it.

use std::time::{Duration, SystemTime};

use coordinator::lifecycle::read_history;

use super::{Case, Finding};

/// Clocks are corrected by as much all the time.
const TOLERANCE: Duration = Duration::from_secs(60);

pub(super) fn examine(case: &Case<'_>) -> Vec<Finding> {
    let noted = read_history(case.dir, 1).ok().and_then(|events| events.last().map(|event| event.at));
    let Some(ahead) = noted.and_then(|noted| noted.duration_since(SystemTime::now()).ok()) else {
        return Vec::new();
    };
    if ahead < TOLERANCE {
        return Vec::new();
    }
    let ahead = humantime::format_duration(Duration::from_secs(ahead.as_secs()));
    let message =
        format!("the last event was noted {ahead} in the future: the clock was set back, or was wrong then");
    vec![Finding::warning(
        message,
        "Set the clock right; no decision rests on it, but the times in history and logs do.",
    )]
}
