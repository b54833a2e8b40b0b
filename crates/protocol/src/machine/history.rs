//! The history of an identity: attempts, tenures, ends and their reasons, for people and their tools.
//!
//! Best effort by design: no decision rests on it, and it is never on the hot path.

use std::path::Path;
use std::time::SystemTime;

use async_trait::async_trait;

use super::Pid;
use crate::identity::Epoch;

/// Something worth remembering.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When, for people.
    pub at: SystemTime,
    /// Who noted it.
    pub noted_by: Pid,
    /// What happened.
    pub kind: EventKind,
    /// The worker's process, if one is concerned.
    pub worker: Option<Pid>,
    /// The tenure, if one is concerned.
    pub epoch: Option<Epoch>,
    /// The version concerned.
    pub version: Option<String>,
    /// The path of the program concerned: which install it is.
    pub program: Option<String>,
    /// Why, in words. Of a refusal: the error's stable code, a colon, and its words.
    pub reason: Option<String>,
}

/// The kinds of events. Their names in the database are frozen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// A session launched a worker.
    Launched,
    /// The launch failed.
    LaunchFailed,
    /// The launched worker became ready.
    LaunchReady,
    /// A worker took office.
    TenureBegan,
    /// A worker left office.
    TenureEnded,
    /// A session ended a worker that hung or was too old.
    Replaced,
    /// A session was refused a worker. Of several in a row for the same reason, only the first is noted.
    Refused,
    /// A supervised command or a helper became ready. `worker` is its process.
    ChildReady,
    /// A supervised command or a helper ended by itself, or was ended since it was not well. `worker` is its process.
    ChildEnded,
    /// A hook could not do what it is there for.
    HookFailed,
}

impl EventKind {
    const ALL: [Self; 10] = [
        Self::Launched,
        Self::LaunchFailed,
        Self::LaunchReady,
        Self::TenureBegan,
        Self::TenureEnded,
        Self::Replaced,
        Self::Refused,
        Self::ChildReady,
        Self::ChildEnded,
        Self::HookFailed,
    ];

    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Launched => "launched",
            Self::LaunchFailed => "launch_failed",
            Self::LaunchReady => "launch_ready",
            Self::TenureBegan => "tenure_began",
            Self::TenureEnded => "tenure_ended",
            Self::Replaced => "replaced",
            Self::Refused => "refused",
            Self::ChildReady => "child_ready",
            Self::ChildEnded => "child_ended",
            Self::HookFailed => "hook_failed",
        }
    }

    /// The kind of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// Where events go.
#[async_trait]
pub trait History: Send + Sync {
    /// Notes events, or drops them if that is not possible within 50 ms.
    async fn note(&self, dir: &Path, events: Vec<Event>);
}

/// Keeps nothing: for machines without a history.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoHistory;

#[async_trait]
impl History for NoHistory {
    async fn note(&self, _dir: &Path, _events: Vec<Event>) {}
}
