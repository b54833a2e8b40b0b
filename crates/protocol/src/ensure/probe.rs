//! Probing the worker over the network: record, key, challenge, proof.

use std::net::SocketAddr;
use std::time::Duration;

use super::context::Context;
use super::published::Published;
use super::suspicion::Silence;
use crate::error::EnsureError;
use crate::machine::{Activity, Pid, ProbeAnswer, ProcessInfo};
use crate::proof::{Challenge, Health};
use crate::record::{Record, WorkerState};
use crate::sabotage::{self, Sabotage};

/// What a probe found. A proof that was made during this call comes with it, or it is only a hint,
/// to be diagnosed with the tenure lock.
#[derive(Debug)]
pub(super) enum Probed {
    /// It proved itself and speaks our protocol.
    Ready(Box<Health>),
    /// It proved itself and speaks our protocol, but this session wants another version in its
    /// place.
    Replaceable(Box<Health>),
    /// It proved itself and is newer than this session can talk to.
    TooNew(Box<Health>),
    /// It proved itself and is older than this session can talk to.
    Outdated(Box<Health>),
    /// It says that it is leaving.
    Leaving,
    /// It says that it is starting.
    Starting {
        /// The process that says so.
        pid: Pid,
        /// Its answer, if it can be probed already and proved itself.
        proven: Option<Box<Health>>,
    },
    /// No answer in time.
    Silent,
    /// Something answers, but it is not this worker.
    Foreign {
        /// Where.
        address: SocketAddr,
        /// What was wrong.
        what: String,
    },
    /// Nothing answers, or there is no address to probe.
    Absent,
}

impl Probed {
    /// Returns the error of a call whose time is up, which found this last, and this process as the
    /// lock's holder.
    pub(super) fn unanswered(
        &self,
        process: &ProcessInfo,
        silence: Silence,
        waited: Duration,
    ) -> EnsureError {
        let (pid, activity) = (process.identity.pid, process.activity);
        match self {
            Self::Foreign { address, what } => EnsureError::Foreign { address: *address, what: what.clone() },
            Self::Starting { .. } if activity == Activity::Alive => {
                EnsureError::Starting { pid: Some(pid), waited }
            }
            Self::Leaving if activity == Activity::Alive => EnsureError::Leaving { pid, waited },
            _ => EnsureError::Unresponsive {
                pid,
                activity,
                busy: silence.busy,
                silent_for: silence.silent_for,
                limit: silence.limit,
            },
        }
    }

    /// Returns the proof that came with it.
    pub(super) fn proven(self) -> Option<Box<Health>> {
        match self {
            Self::Ready(health)
            | Self::Replaceable(health)
            | Self::TooNew(health)
            | Self::Outdated(health)
            | Self::Starting { proven: Some(health), .. } => Some(health),
            Self::Starting { proven: None, .. }
            | Self::Leaving
            | Self::Silent
            | Self::Foreign { .. }
            | Self::Absent => None,
        }
    }
}

/// A probe that is still under way.
pub(super) type PendingProbe<'a> =
    std::pin::Pin<Box<dyn Future<Output = Result<Probed, EnsureError>> + Send + 'a>>;

/// Probes the worker. The answer may take `patience`.
///
/// # Errors
/// Only what makes every further probe pointless.
pub(super) async fn probe(cx: &Context<'_>, patience: Duration) -> Result<Probed, EnsureError> {
    // A worker that starts changes record and key one after the other. So a mismatch is read again.
    let mut last = Probed::Absent;
    for _ in 0..3 {
        let published = cx.state.published().await?;
        let probed = probe_published(cx, &published, patience).await?;
        // A worker that lost its key has restored it by now, since it was probed.
        let settled = !matches!(probed, Probed::Foreign { .. }) && !published.lacks_key();
        if settled || cx.state.published().await? == published {
            return Ok(probed);
        }
        last = probed;
    }
    Ok(last)
}

async fn probe_published(
    cx: &Context<'_>,
    published: &Published,
    patience: Duration,
) -> Result<Probed, EnsureError> {
    match &published.record {
        Some(record) if record.state == WorkerState::Starting => {
            probe_starting(cx, published, record, patience).await
        }
        Some(record) if record.state == WorkerState::Leaving => Ok(Probed::Leaving),
        _ => challenge(cx, published, patience).await,
    }
}

/// Probes a worker whose record says that it starts. If it can be probed, it may be ready by now;
/// and the probe makes it void what is suspected of it.
async fn probe_starting(
    cx: &Context<'_>,
    published: &Published,
    record: &Record,
    patience: Duration,
) -> Result<Probed, EnsureError> {
    let probed = match record.address {
        Some(_) => challenge(cx, published, patience).await?,
        None => Probed::Absent,
    };
    Ok(match probed {
        Probed::Silent | Probed::Foreign { .. } | Probed::Absent => {
            Probed::Starting { pid: record.process.pid, proven: None }
        }
        answered => answered,
    })
}

/// Sends a fresh challenge to the published address.
async fn challenge(
    cx: &Context<'_>,
    published: &Published,
    patience: Duration,
) -> Result<Probed, EnsureError> {
    let Some(address) = published.address(cx.id) else { return Ok(Probed::Absent) };
    if published.key.is_none() && !published.lacks_key() {
        return Ok(Probed::Absent);
    }
    let challenge = Challenge::fresh(&*cx.machine.random)
        .map_err(|source| EnsureError::NotPermitted { what: "draw random bytes", source })?;
    let answer = cx.machine.network.probe(address, &challenge);
    let limit = cx.budget.inner().at_most(cx.clock(), patience);
    match limit.limit(cx.clock(), answer).await {
        Ok(answer) => check_answer(cx, published, address, &challenge, answer),
        Err(_) => Ok(Probed::Silent),
    }
}

fn check_answer(
    cx: &Context<'_>,
    published: &Published,
    address: SocketAddr,
    challenge: &Challenge,
    answer: ProbeAnswer,
) -> Result<Probed, EnsureError> {
    match answer {
        ProbeAnswer::Health(health) => Ok(check_health(cx, published, address, challenge, health)),
        ProbeAnswer::Alien { what } => Ok(Probed::Foreign { address, what }),
        ProbeAnswer::Superseded => Ok(Probed::Leaving),
        ProbeAnswer::Refused | ProbeAnswer::Broken(_) => Ok(Probed::Absent),
        ProbeAnswer::NotPermitted(source) => {
            Err(EnsureError::NotPermitted { what: "connect to the worker", source })
        }
    }
}

/// Checks that an answer comes from this worker and was made for this challenge.
fn check_health(
    cx: &Context<'_>,
    published: &Published,
    address: SocketAddr,
    challenge: &Challenge,
    health: Box<Health>,
) -> Probed {
    let foreign = |what: String| Probed::Foreign { address, what };
    // Without the key no answer proves anything.
    if published.lacks_key() {
        return Probed::Absent;
    }
    if health.name != cx.id.name {
        return foreign(format!("it is the worker of {:?}", health.name.as_str()));
    }
    if health.address != address && !sabotage::on(Sabotage::AddressUnchecked) {
        return foreign(format!("it passes questions on to {}", health.address));
    }
    if !sabotage::on(Sabotage::HealthWithoutProof) && !published.proves(&health, challenge) {
        return foreign("it can't prove that it is this worker (perhaps another user's)".to_owned());
    }
    // Without its record no session can tell that it is starting.
    if health.state == WorkerState::Starting && published.record.is_none() {
        return Probed::Absent;
    }
    classify(cx, health)
}

/// Classifies a proven answer by the worker's state, its protocols and its version.
fn classify(cx: &Context<'_>, health: Box<Health>) -> Probed {
    match health.state {
        WorkerState::Leaving | WorkerState::Stopped => Probed::Leaving,
        WorkerState::Starting => Probed::Starting { pid: health.pid, proven: Some(health) },
        WorkerState::Ready if cx.can_use(&health) => match cx.upgrade {
            Some(policy) if policy.replaces(&cx.id.version, &health.version) => Probed::Replaceable(health),
            _ => Probed::Ready(health),
        },
        WorkerState::Ready if health.protocol.min > cx.id.protocol.max => Probed::TooNew(health),
        WorkerState::Ready => Probed::Outdated(health),
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::ensure::budget::FIRST_PROBE;
    use crate::identity::{Epoch, ProtocolRange};
    use crate::test_machine::machine;
    use crate::worker_id::WorkerId;

    #[test]
    fn a_proven_answer_is_classified_by_state_and_protocols() {
        let machine = machine();
        let id = WorkerId::builder()
            .state_dir(std::env::temp_dir())
            .protocol(ProtocolRange::new(3, 5).unwrap())
            .build()
            .unwrap();
        let cx = Context::unwatched(&machine, &id, Duration::from_secs(5));
        let classified = |state, min, max| {
            let health = Health {
                schema: 1,
                name: id.name.clone(),
                identity: String::new(),
                epoch: Epoch(1),
                pid: Pid(7),
                address: SocketAddr::from((Ipv4Addr::LOCALHOST, 1)),
                version: id.version.clone(),
                protocol: ProtocolRange::new(min, max).unwrap(),
                state,
                service: None,
                proof: None,
            };
            classify(&cx, Box::new(health))
        };
        for (min, max) in [(1, 3), (4, 4), (5, 9)] {
            assert!(matches!(classified(WorkerState::Ready, min, max), Probed::Ready(_)), "{min} to {max}");
            for state in [WorkerState::Leaving, WorkerState::Stopped] {
                assert!(matches!(classified(state, min, max), Probed::Leaving), "{min} to {max}");
            }
        }
        assert!(matches!(classified(WorkerState::Ready, 6, 9), Probed::TooNew(_)));
        assert!(matches!(classified(WorkerState::Ready, 1, 2), Probed::Outdated(_)));
    }

    #[tokio::test]
    async fn a_file_in_place_of_the_directory_is_an_error() {
        let machine = machine();
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, "").unwrap();
        let probed = async |dir: std::path::PathBuf| {
            let id = WorkerId::builder().state_dir(dir).build().unwrap();
            probe(&Context::unwatched(&machine, &id, Duration::from_secs(5)), FIRST_PROBE).await
        };
        assert_eq!(probed(file).await.unwrap_err().code(), "state_dir");
        assert!(matches!(probed(dir.path().join("missing")).await, Ok(Probed::Absent)));
    }
}
