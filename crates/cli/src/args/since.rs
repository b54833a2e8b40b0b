//! A point in time, as people write one.

use std::str::FromStr;
use std::time::{Duration, SystemTime};

use coordinator::InvalidValue;

/// From when on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Since(pub(crate) SystemTime);

impl FromStr for Since {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let age = |age: Duration| SystemTime::now().checked_sub(age).unwrap_or(SystemTime::UNIX_EPOCH);
        let time = humantime::parse_duration(text).ok().map(age).or_else(|| rfc3339(text));
        time.map(Self).ok_or_else(|| InvalidValue {
            what: "time",
            given: text.to_owned(),
            rule: "a duration with its unit, such as 10m, or a time with its zone, such as 2026-01-31T08:00:00Z",
        })
    }
}

/// A time of RFC 3339, whatever its zone.
fn rfc3339(text: &str) -> Option<SystemTime> {
    let text = text.to_ascii_uppercase();
    if let Ok(time) = humantime::parse_rfc3339(&text) {
        return Some(time);
    }
    let (local, zone) = text.split_at_checked(text.len().checked_sub("+00:00".len())?)?;
    let local = humantime::parse_rfc3339(&format!("{local}Z")).ok()?;
    let (sign, offset) = zone.split_at_checked(1)?;
    let (hours, minutes) = offset.split_once(':')?;
    let [hours, minutes] = [(hours, 23), (minutes, 59)].map(|(number, most)| {
        let plain = number.len() == 2 && number.bytes().all(|byte| byte.is_ascii_digit());
        number.parse::<u64>().ok().filter(|number| plain && *number <= most)
    });
    let ahead = Duration::from_secs((hours? * 60 + minutes?) * 60);
    match sign {
        "+" => local.checked_sub(ahead),
        "-" => local.checked_add(ahead),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> Option<u64> {
        let Since(time) = text.parse().ok()?;
        Some(time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs())
    }

    #[test]
    fn a_time_is_read_whatever_its_zone() {
        let utc = seconds("2026-01-31T08:00:00Z").unwrap();
        assert_eq!(utc, 1_769_846_400);
        for same in [
            "2026-01-31t08:00:00.25z",
            "2026-01-31T10:30:00+02:30",
            "2026-01-31T07:00:00-01:00",
            "2026-01-31T08:00:00+00:00",
        ] {
            assert_eq!(seconds(same), Some(utc), "{same}");
        }
    }

    #[test]
    fn an_age_is_counted_back_from_now() {
        let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        let before = now() - 600;
        let found = seconds("10m").unwrap();
        assert!((before..=now() - 600).contains(&found), "{found}");
        assert!("100000y".parse::<Since>().unwrap().0 < SystemTime::now(), "before there were dates");
    }

    #[test]
    fn anything_else_is_refused_and_says_what_is_meant() {
        for wrong in [
            "",
            "10",
            "yesterday",
            "-5m",
            "2026-01-31",
            "2026-01-31T08:00:00",
            "2026-13-31T08:00:00Z",
            "2026-01-31T08:00:00+1:00",
            "2026-01-31T08:00:00+99:00",
            "2026-01-31T08:00:00ü00:00",
        ] {
            assert!(wrong.parse::<Since>().is_err(), "{wrong:?}");
        }
        let error = "10".parse::<Since>().unwrap_err().to_string();
        assert!(error.contains("such as 10m"), "{error}");
    }
}
