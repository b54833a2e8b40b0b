//! How each kind of value is written: the same in a flag, in the environment and in the file.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use coordinator::{InvalidValue, Name, PortChoice, UpgradePolicy};
use serde::Serialize;
use worker::{LogLevel, Plan};

use super::Strays;

/// What is wrong with a value, in words that follow its source.
pub(crate) type Wrong = String;

fn text(raw: &OsStr) -> Result<&str, Wrong> {
    raw.to_str().ok_or_else(|| format!("{raw:?} is not valid UTF-8"))
}

fn rule(wrong: &InvalidValue) -> Wrong {
    format!("{:?} is not valid: {}", wrong.given, wrong.rule)
}

pub(crate) fn name(raw: &OsStr) -> Result<Name, Wrong> {
    text(raw)?.parse().map_err(|wrong| rule(&wrong))
}

pub(crate) fn port(raw: &OsStr) -> Result<PortChoice, Wrong> {
    text(raw)?.parse().map_err(|wrong| rule(&wrong))
}

/// An absolute path. A relative one would be another directory, and so another identity, in every working directory.
pub(crate) fn directory(raw: &OsStr) -> Result<PathBuf, Wrong> {
    let path = Path::new(raw);
    if path.is_absolute() {
        return Ok(path.to_owned());
    }
    let why = match raw.to_str() {
        Some(home) if home.starts_with('~') => "write the home directory in full",
        _ => "a relative one would be another directory in every working directory",
    };
    Err(format!("{raw:?} is not an absolute path: {why}"))
}

pub(crate) fn duration(raw: &OsStr) -> Result<Duration, Wrong> {
    let given = text(raw)?;
    worker::parse_duration(given)
}

/// How long a worker stays that nobody needs: whoever was given it has to have the time to say that he needs it.
pub(crate) fn idle_timeout(raw: &OsStr) -> Result<Duration, Wrong> {
    let duration = duration(raw)?;
    if !duration.is_zero() && duration < Duration::from_secs(1) {
        return Err("must be 0, or at least 1s".to_owned());
    }
    Ok(duration)
}

pub(crate) fn upgrade(raw: &OsStr) -> Result<UpgradePolicy, Wrong> {
    text(raw)?.parse().map_err(|wrong| rule(&wrong))
}

/// Whether a commit waits for the disk: SQLite's words for it.
pub(crate) fn synchronous(raw: &OsStr) -> Result<bool, Wrong> {
    match text(raw)? {
        "full" => Ok(true),
        "normal" => Ok(false),
        given => Err(format!("{given:?} is neither \"full\" nor \"normal\"")),
    }
}

/// An absolute path of a file.
pub(crate) fn file(raw: &OsStr) -> Result<PathBuf, Wrong> {
    match Path::new(raw) {
        path if path.is_absolute() && path.file_name().is_some() => Ok(path.to_owned()),
        path if path.is_absolute() => Err(format!("{raw:?} is not the path of a file")),
        _ => Err(format!(
            "{raw:?} is not an absolute path: a relative one would be another file in every working directory"
        )),
    }
}

/// A duration other than zero.
pub(crate) fn positive(raw: &OsStr) -> Result<Duration, Wrong> {
    let duration = duration(raw)?;
    if duration.is_zero() { Err("must be more than zero".to_owned()) } else { Ok(duration) }
}

pub(crate) fn count(raw: &OsStr) -> Result<u32, Wrong> {
    let given = text(raw)?;
    given.parse().map_err(|_| format!("{given:?} is not a whole number from 0 to {}", u32::MAX))
}

/// A size in bytes, optionally with one of the units KiB, MiB and GiB.
pub(crate) fn bytes(raw: &OsStr) -> Result<u64, Wrong> {
    worker::parse_size(text(raw)?)
}

/// What is started in the worker's place and beside it, as JSON. Programs write it so; people write tables.
pub(crate) fn plan(raw: &OsStr) -> Result<Plan, Wrong> {
    serde_json::from_str(text(raw)?).map_err(|error| format!("is no plan in JSON: {error}"))
}

pub(crate) fn strays(raw: &OsStr) -> Result<Strays, Wrong> {
    let strays: Strays =
        serde_json::from_str(text(raw)?).map_err(|error| format!("are no patterns in JSON: {error}"))?;
    strays.check().map(|()| strays)
}

/// A value that came from JSON becomes JSON again.
pub(crate) fn json(value: &impl Serialize) -> OsString {
    serde_json::to_string(value).unwrap_or_default().into()
}

/// A word of a command. What is passed on as JSON has to be text.
pub(crate) fn word(raw: &OsStr) -> Result<String, Wrong> {
    text(raw).map(str::to_owned)
}

pub(crate) fn variable(raw: &OsStr) -> Result<String, Wrong> {
    let given = text(raw)?;
    if given.is_empty() || given.contains(['=', '\0']) {
        return Err(format!("{given:?} is not the name of an environment variable"));
    }
    Ok(given.to_owned())
}

pub(crate) fn log_level(raw: &OsStr) -> Result<LogLevel, Wrong> {
    text(raw)?.parse().map_err(|wrong: worker::UnknownLevel| wrong.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_needs_a_unit_unless_it_is_zero() {
        let parse = |text: &str| duration(OsStr::new(text)).ok();
        assert_eq!(parse("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(parse("5s"), Some(Duration::from_secs(5)));
        assert_eq!(parse("30m"), Some(Duration::from_secs(1800)));
        assert_eq!(parse("1m 30s"), Some(Duration::from_secs(90)));
        assert_eq!(parse("0"), Some(Duration::ZERO));
        for wrong in ["", "5", "-1s", "5 parsecs", "s", "99999999999999999999s"] {
            assert_eq!(parse(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_worker_that_nobody_needs_stays_for_a_second_at_least() {
        let parse = |text: &str| idle_timeout(OsStr::new(text)).ok();
        assert_eq!(parse("0"), Some(Duration::ZERO));
        assert_eq!(parse("1s"), Some(Duration::from_secs(1)));
        assert_eq!(parse("999ms"), None);
    }

    #[test]
    fn a_database_is_a_file_with_an_absolute_path() {
        assert!(file(OsStr::new("worker.db")).unwrap_err().contains("every working directory"));
        assert!(file(OsStr::new("/")).is_err());
        assert!(file(std::env::temp_dir().join("worker.db").as_os_str()).is_ok());
        assert_eq!(synchronous(OsStr::new("normal")), Ok(false));
        assert!(synchronous(OsStr::new("off")).is_err());
    }

    #[test]
    fn a_size_may_have_a_unit() {
        let parse = |text: &str| bytes(OsStr::new(text)).ok();
        assert_eq!(parse("4096"), Some(4096));
        assert_eq!(parse("16MiB"), Some(16 << 20));
        assert_eq!(parse("2 KiB"), Some(2048));
        for wrong in ["", "MiB", "-1", "1.5GiB", "99999999999999GiB", "10MB"] {
            assert_eq!(parse(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_relative_directory_is_refused_and_says_why() {
        assert!(directory(OsStr::new("state")).unwrap_err().contains("every working directory"));
        assert!(directory(OsStr::new("~/state")).unwrap_err().contains("in full"));
    }

    #[test]
    fn a_variable_name_has_no_equals_sign() {
        assert!(variable(OsStr::new("PATH")).is_ok());
        assert!(variable(OsStr::new("A=b")).is_err());
        assert!(variable(OsStr::new("")).is_err());
    }
}
