//! Durations and sizes as people write them: `5s` and `16MiB`.

/// Parses a number of bytes, optionally with one of the units KiB, MiB and GiB.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub fn parse_size(given: &str) -> Result<u64, String> {
    let units = [("KiB", 1u64 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];
    let (number, unit) = units
        .iter()
        .find_map(|(suffix, unit)| given.strip_suffix(suffix).map(|number| (number.trim_end(), *unit)))
        .unwrap_or((given, 1));
    number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit)).ok_or_else(|| {
        format!("{given:?} is not a size: write a number of bytes, or one with KiB, MiB or GiB")
    })
}

/// Parses a duration with its unit, or 0.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub fn parse_duration(given: &str) -> Result<std::time::Duration, String> {
    humantime::parse_duration(given.trim())
        .map_err(|_| format!("{given:?} is not a duration: write it with its unit, such as 250ms, 5s or 30m"))
}

/// For `#[serde(with)]`: a duration.
pub(crate) mod duration {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(crate) fn serialize<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&humantime::format_duration(*value))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        super::parse_duration(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// For `#[serde(with)]`: a duration that may be missing.
pub(crate) mod some_duration {
    use std::time::Duration;

    use serde::{Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        value: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => super::duration::serialize(value, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        super::duration::deserialize(deserializer).map(Some)
    }
}

/// For `#[serde(with)]`: a size that may be missing.
pub(crate) mod some_size {
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(crate) fn serialize<S: Serializer>(value: &Option<u64>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => serializer.collect_str(value),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
        super::parse_size(&String::deserialize(deserializer)?).map(Some).map_err(de::Error::custom)
    }
}
