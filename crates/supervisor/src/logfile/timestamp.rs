//! The time at the beginning of a log line.

use std::time::{Duration, SystemTime};

/// The last second of the year 9999. RFC 3339 has four digits for the year.
const LAST_SECOND: Duration = Duration::from_secs(253_402_300_799);

/// Returns the current time as log lines begin with it: RFC 3339 with microseconds, UTC. A clock
/// outside the years 1970 to 9999 gives the nearest time within.
pub fn timestamp() -> String {
    format(SystemTime::now())
}

fn format(time: SystemTime) -> String {
    let earliest = SystemTime::UNIX_EPOCH;
    humantime::format_rfc3339_micros(time.clamp(earliest, earliest + LAST_SECOND)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_is_whole_whatever_the_clock_says() {
        let at = |time| format(time);
        let epoch = SystemTime::UNIX_EPOCH;
        let micros = Duration::from_micros(1_770_000_000_000_042);
        assert_eq!(at(epoch + micros), "2026-02-02T02:40:00.000042Z");
        assert_eq!(at(epoch - Duration::from_secs(1)), "1970-01-01T00:00:00.000000Z");
        assert_eq!(at(epoch + LAST_SECOND * 2), "9999-12-31T23:59:59.000000Z");
    }
}
