//! What there must be one of: [`Name`], scoped to the user and the state directory, and the small values that
//! describe a worker of it.

use std::fmt;
use std::num::NonZeroU16;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The name of an identity. It becomes a directory's name, so it is kept to what every file system takes.
///
/// ```
/// use oneworker_protocol::Name;
/// assert!("claude-mem".parse::<Name>().is_ok());
/// assert!("../etc".parse::<Name>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

impl Name {
    /// The longest name, in bytes: leaves room for every suffix within the 255 of common file systems.
    pub const MAX_LEN: usize = 64;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Name {
    fn default() -> Self {
        Self("default".to_owned())
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is no [`Name`], [`PortChoice`] or [`ProtocolRange`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{what} {given:?} is not valid: {rule}")]
pub struct InvalidValue {
    /// What kind of value it was to be.
    pub what: &'static str,
    /// What was given.
    pub given: String,
    /// What it has to look like.
    pub rule: &'static str,
}

impl FromStr for Name {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
        let starts_well = text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
        if !starts_well || text.len() > Self::MAX_LEN || !text.chars().all(allowed) || text.ends_with('.') {
            return Err(InvalidValue {
                what: "name",
                given: text.to_owned(),
                rule: "1 to 64 of a-z, 0-9, '-', '_' and '.', beginning with a letter or digit and not ending with '.'",
            });
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for Name {
    type Error = InvalidValue;
    fn try_from(text: String) -> Result<Self, InvalidValue> {
        text.parse()
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

/// A TCP port that something can listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Port(NonZeroU16);

impl Port {
    /// The port of an identity that names none: `37777`.
    pub const DEFAULT: Self = match NonZeroU16::new(37777) {
        Some(port) => Self(port),
        None => unreachable!(),
    };

    /// A port, unless it is 0, which asks the kernel for any.
    pub fn new(port: u16) -> Option<Self> {
        NonZeroU16::new(port).map(Self)
    }

    /// The number.
    pub fn get(self) -> u16 {
        self.0.get()
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Which port a worker shall take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PortChoice {
    /// This one; anybody else on it is an error.
    Fixed(Port),
    /// Any free one; the worker publishes which.
    Auto,
}

impl Default for PortChoice {
    fn default() -> Self {
        Self::Fixed(Port::DEFAULT)
    }
}

impl fmt::Display for PortChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(port) => port.fmt(f),
            Self::Auto => f.write_str("auto"),
        }
    }
}

impl FromStr for PortChoice {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        text.parse().ok().and_then(Port::new).map(Self::Fixed).ok_or_else(|| InvalidValue {
            what: "port",
            given: text.to_owned(),
            rule: "1 to 65535, or 'auto'",
        })
    }
}

/// The number of a tenure, and its fencing token. Grows by at least one with each tenure and is never reused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub u64);

impl Epoch {
    /// The last one: 2<sup>53</sup> − 1, the greatest integer that every reader of JSON keeps exactly (RFC 8259, section 6). One tenure a
    /// millisecond gets there in 285,000 years, so a greater number in a file is garbage.
    pub const LAST: Self = Self((1 << 53) - 1);

    /// The epoch after this one; `None` after the last.
    pub fn next(self) -> Option<Self> {
        (self < Self::LAST).then(|| Self(self.0 + 1))
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The protocol versions that a worker speaks or a session understands, both ends included.
///
/// ```
/// use oneworker_protocol::ProtocolRange;
/// let old: ProtocolRange = "1-2".parse()?;
/// let new: ProtocolRange = "2-4".parse()?;
/// assert!(old.overlaps(new));
/// # Ok::<(), oneworker_protocol::InvalidValue>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ProtocolRange {
    /// The oldest version.
    pub min: u32,
    /// The newest version.
    pub max: u32,
}

impl ProtocolRange {
    /// A range; `None` if it is empty.
    pub fn new(min: u32, max: u32) -> Option<Self> {
        (min <= max).then_some(Self { min, max })
    }

    /// Whether some version lies in both.
    pub fn overlaps(self, other: Self) -> bool {
        self.min <= other.max && other.min <= self.max
    }
}

impl Default for ProtocolRange {
    fn default() -> Self {
        Self { min: 1, max: 1 }
    }
}

impl fmt::Display for ProtocolRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.min == self.max { self.min.fmt(f) } else { write!(f, "{}-{}", self.min, self.max) }
    }
}

impl FromStr for ProtocolRange {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let (min, max) = text.split_once('-').unwrap_or((text, text));
        min.parse().ok().zip(max.parse().ok()).and_then(|(min, max)| Self::new(min, max)).ok_or_else(|| {
            InvalidValue {
                what: "protocol range",
                given: text.to_owned(),
                rule: "a number, or two of them as MIN-MAX",
            }
        })
    }
}
