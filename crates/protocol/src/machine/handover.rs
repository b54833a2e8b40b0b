//! What a successor and the running worker say to each other.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::processes::ProcessIdentity;

/// What a successor asks the worker in office for, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandOver {
    /// Who takes over.
    #[serde(flatten)]
    pub successor: ProcessIdentity,
    /// For how long nobody else may take office; at most a minute counts.
    pub lasts_ms: u64,
}

impl HandOver {
    /// The longest time that office is kept for a successor.
    pub(crate) const LONGEST: Duration = Duration::from_secs(60);

    /// For how long nobody else may take office.
    pub fn lasts(&self) -> Duration {
        Duration::from_millis(self.lasts_ms).min(Self::LONGEST)
    }
}

/// What a worker says to one that asks for its office.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HandOverReply {
    /// It goes.
    Agreed,
    /// It does not know such requests: it is of a version from before there were any.
    Unknown,
    /// Not now, or not to this one.
    Refused(String),
}
