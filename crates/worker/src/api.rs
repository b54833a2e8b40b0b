//! What is said over the worker's HTTP API, as JSON: the same types on both sides.

use coordinator::machine::Pid;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The longest session, kind and key, in bytes.
pub const LONGEST_NAME: usize = 256;

/// An observation that a client hands in.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewObservation {
    /// The session that it comes from.
    pub session: String,
    /// What kind of thing it is.
    pub kind: String,
    /// What is searched.
    pub text: String,
    /// Any JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Box<RawValue>>,
    /// Whoever tries again uses the same one, and nothing is doubled: of those with one key, the first is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

impl NewObservation {
    /// What is wrong with it, in words.
    pub fn wrong(&self) -> Option<String> {
        let names =
            [("session", Some(&self.session)), ("kind", Some(&self.kind)), ("key", self.key.as_ref())];
        names.into_iter().find_map(|(name, value)| wrong_name(name, value?))
    }
}

/// What is wrong with a name, in words.
fn wrong_name(what: &str, value: &str) -> Option<String> {
    let fits = (1..=LONGEST_NAME).contains(&value.len());
    (!fits).then(|| format!("{what} must have 1 to {LONGEST_NAME} bytes"))
}

/// What became of one that was handed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Its number. Later ones have higher numbers.
    pub id: i64,
    /// Whether it was not there before.
    pub new: bool,
}

/// A request that was refused.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Refusal {
    /// Why.
    pub error: Reason,
}

/// Why a request was refused.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Reason {
    /// A stable code.
    pub code: String,
    /// In words.
    #[serde(default)]
    pub message: String,
}

/// The answer to those that were handed in, in their order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Taken {
    /// So many were not there before.
    pub new: usize,
    /// One for each.
    pub observations: Vec<Receipt>,
}

/// An observation that is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Observation {
    /// Its number.
    pub id: i64,
    /// When it came, in milliseconds since 1970.
    pub at_ms: i64,
    /// See [`NewObservation`].
    pub session: String,
    /// See [`NewObservation`].
    pub kind: String,
    /// See [`NewObservation`].
    pub text: String,
    /// See [`NewObservation`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Box<RawValue>>,
    /// See [`NewObservation`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// After a search: where its words are, with `[` and `]` around them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snippet: Option<String>,
    /// After a search: the better, the lower (BM25).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rank: Option<f64>,
}

/// A list of observations.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Listed {
    /// In the order of their numbers; after a search, the best first.
    pub observations: Vec<Observation>,
    /// What to ask for next, as `after`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<i64>,
}

/// Which observations are meant; nothing means all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    /// The one of this number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<i64>,
    /// Those of this session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Those of this kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Those that came then or later, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since_ms: Option<i64>,
    /// Those that came earlier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before_ms: Option<i64>,
}

/// A session's lease, to be begun or gone on with.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeaseRequest {
    /// Its name.
    pub session: String,
    /// How long it lasts unless it is gone on with; twelve hours without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_ms: Option<u64>,
    /// With the death of this process it ends too. Need not be named again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<Pid>,
    /// The process's start time, so that no later one with its pid is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<u64>,
}

impl LeaseRequest {
    /// What is wrong with it, in words.
    pub fn wrong(&self) -> Option<String> {
        wrong_name("session", &self.session)
    }
}

/// A lease.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LeaseInfo {
    /// The session's name.
    pub session: String,
    /// When it began, in milliseconds since 1970.
    pub began_ms: i64,
    /// When it was last heard of.
    pub touched_ms: i64,
    /// How long it lasts from now on, unless it is gone on with.
    pub ends_in_ms: u64,
    /// The process that it ends with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<Pid>,
}

/// All leases.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Leases {
    /// The oldest first.
    pub sessions: Vec<LeaseInfo>,
}
