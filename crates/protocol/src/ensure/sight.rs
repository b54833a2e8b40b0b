//! Looking at the worker: record, key, probe, proof. The result is a [`Verdict`], never a boolean.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::{Call, Outcome, Phase, Worker};
use crate::error::EnsureError;
use crate::identity::PortChoice;
use crate::layout;
use crate::machine::{Files, Pid, ProbeAnswer};
use crate::proof::{Challenge, Health, ProofKey};
use crate::record::{self, Record, WorkerState};
use crate::sabotage::{self, Sabotage};
use crate::spec::WorkerSpec;

/// How long a first probe may take before other things are tried beside it. A worker that is well answers in a fraction of a
/// millisecond; one that is slower is not given up, only no longer waited for alone.
pub(super) const FIRST_PATIENCE: Duration = Duration::from_millis(250);

/// The most that is read of the key's file, in bytes.
const KEY_LIMIT: usize = 1024;

/// What a look shows. Only [`Verdict::Ready`] comes with a proof made during this call; all else is a hint, to be weighed by the
/// tenure lock.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It proved itself, and speaks our protocol.
    Ready(Box<Health>),
    /// It proved itself, speaks our protocol, and is in a version that this session wants another one in the place of.
    Replaceable(Box<Health>),
    /// It proved itself, and is newer than this session can talk to.
    TooNew(Box<Health>),
    /// It proved itself, and is older than this session can talk to.
    Outdated(Box<Health>),
    /// It says that it is on its way out.
    Leaving,
    /// It says that it is starting.
    Starting {
        /// The process that says so.
        pid: Pid,
        /// Its answer, if it can be asked already and has proved itself.
        proven: Option<Box<Health>>,
    },
    /// No answer within the patience.
    Silent,
    /// Something answers, but it is not this worker.
    Foreign {
        /// Where.
        address: SocketAddr,
        /// What was wrong.
        what: String,
    },
    /// Nobody answers, or there is no address to ask.
    Absent,
}

impl Verdict {
    /// The proof that was given with it, if one was.
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
pub(super) type Pending<'a> =
    std::pin::Pin<Box<dyn Future<Output = Result<Verdict, EnsureError>> + Send + 'a>>;

/// The first look of a call.
pub(super) struct FirstLook<'a> {
    /// The worker, if all is well.
    pub(super) found: Option<Worker>,
    /// A probe that has not been answered yet, if that is why there is none.
    pub(super) pending: Option<Pending<'a>>,
}

impl<'a> Call<'a> {
    /// The fast path: no lock, one file for the record, one for the key, one round trip. A probe that takes long goes on beside the
    /// election, so that a busy worker's sessions wait side by side and not one after the other.
    pub(super) async fn first_look(&self) -> Result<FirstLook<'_>, EnsureError> {
        self.enter(Phase::Probing);
        let mut probe: Pending<'_> = Box::pin(self.look(self.spec.deadline));
        let patience = self.inner_deadline().at_most(self.clock(), FIRST_PATIENCE);
        match patience.limit(self.clock(), &mut probe).await {
            Ok(Ok(Verdict::Ready(health))) => {
                Ok(FirstLook { found: Some(self.found(&health, Outcome::Reused).await), pending: None })
            }
            Ok(Ok(Verdict::Replaceable(health))) => {
                let found = self.keep_if_refused(&health, Outcome::Reused).await;
                Ok(FirstLook { found, pending: None })
            }
            Ok(verdict) => verdict.map(|_| FirstLook { found: None, pending: None }),
            Err(_) => Ok(FirstLook { found: None, pending: Some(probe) }),
        }
    }

    /// Looks once. The probe may take `patience`.
    ///
    /// Errors only for what makes every further look pointless.
    pub(super) async fn look(&self, patience: Duration) -> Result<Verdict, EnsureError> {
        // Whoever starts a worker changes record and key one after the other: a mismatch is read again, not judged.
        let mut last = Verdict::Absent;
        for _ in 0..3 {
            let sighted = self.read().await?;
            let verdict = self.judge(&sighted, patience).await?;
            // A worker that was asked although its key is lost has put it back.
            let settled = !matches!(verdict, Verdict::Foreign { .. }) && !sighted.lacks_its_key();
            if settled || self.read().await? == sighted {
                return Ok(verdict);
            }
            last = verdict;
        }
        Ok(last)
    }

    /// Record and key, each as far as it can be read.
    async fn read(&self) -> Result<Sighted, EnsureError> {
        let (files, dir): (&dyn Files, _) = (&*self.machine.files, self.spec.state_dir());
        match files.check(dir).await {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Sighted::default()),
            Err(source) => return Err(self.state_dir_error(source)),
        }
        // A file that can't be read is as good as none: the worker puts it right, and the lock tells whether there is one.
        let mut sighted = Sighted { record: self.read_record().await, key: None };
        if sighted.record.as_ref().is_none_or(|record| record.state != WorkerState::Stopped) {
            sighted.key = self.read_file(layout::PROOF_KEY, KEY_LIMIT).await;
        }
        Ok(sighted)
    }

    /// One of the directory's small files; `None` if it is missing, can't be read, or is not a whole one.
    pub(super) async fn read_file<T: DeserializeOwned>(&self, name: &str, limit: usize) -> Option<T> {
        record::read(&*self.machine.files, &self.spec.state_dir, name, limit).await
    }

    async fn judge(&self, sighted: &Sighted, patience: Duration) -> Result<Verdict, EnsureError> {
        match &sighted.record {
            Some(record) if record.state == WorkerState::Starting => {
                return self.judge_starting(sighted, record, patience).await;
            }
            Some(record) if record.state == WorkerState::Leaving => return Ok(Verdict::Leaving),
            _ => {}
        }
        self.ask(sighted, patience).await
    }

    /// One that starts and can be asked already may have come further meanwhile; and to ask voids what is suspected of it.
    async fn judge_starting(
        &self,
        sighted: &Sighted,
        record: &Record,
        patience: Duration,
    ) -> Result<Verdict, EnsureError> {
        let asked = match record.address {
            Some(_) => self.ask(sighted, patience).await?,
            None => Verdict::Absent,
        };
        Ok(match asked {
            Verdict::Silent | Verdict::Foreign { .. } | Verdict::Absent => {
                Verdict::Starting { pid: record.process.pid, proven: None }
            }
            asked => asked,
        })
    }

    async fn ask(&self, sighted: &Sighted, patience: Duration) -> Result<Verdict, EnsureError> {
        let Some(address) = sighted.address(self.spec) else { return Ok(Verdict::Absent) };
        if sighted.key.is_none() && !sighted.lacks_its_key() {
            return Ok(Verdict::Absent);
        }
        let challenge = Challenge::fresh(&*self.machine.random)
            .map_err(|source| EnsureError::NotPermitted { what: "draw random bytes", source })?;
        let probe = self.machine.network.probe(address, &challenge);
        let limit = self.inner_deadline().at_most(self.clock(), patience);
        let Ok(answer) = limit.limit(self.clock(), probe).await else { return Ok(Verdict::Silent) };
        let foreign = |what: String| Ok(Verdict::Foreign { address, what });
        match answer {
            // Without the key no answer proves anything.
            ProbeAnswer::Health(_) if sighted.lacks_its_key() => Ok(Verdict::Absent),
            ProbeAnswer::Health(health) if health.name != self.spec.name => {
                foreign(format!("it is the worker of {:?}", health.name.as_str()))
            }
            ProbeAnswer::Health(health)
                if health.address != address && !sabotage::on(Sabotage::AddressUnchecked) =>
            {
                foreign(format!("it passes questions on to {}", health.address))
            }
            ProbeAnswer::Health(health)
                if !sabotage::on(Sabotage::HealthWithoutProof) && !sighted.proves(&health, &challenge) =>
            {
                foreign("it can't prove that it is this worker (perhaps another user's)".to_owned())
            }
            // Without its record nobody can tell that it is on its way.
            ProbeAnswer::Health(health)
                if health.state == WorkerState::Starting && sighted.record.is_none() =>
            {
                Ok(Verdict::Absent)
            }
            ProbeAnswer::Health(health) => Ok(self.weigh(health)),
            ProbeAnswer::Alien { what } => foreign(what),
            ProbeAnswer::Superseded => Ok(Verdict::Leaving),
            ProbeAnswer::Refused | ProbeAnswer::Broken(_) => Ok(Verdict::Absent),
            ProbeAnswer::NotPermitted(source) => {
                Err(EnsureError::NotPermitted { what: "connect to the worker", source })
            }
        }
    }

    /// Judges a proven answer.
    fn weigh(&self, health: Box<Health>) -> Verdict {
        let (theirs, ours) = (health.protocol, self.spec.protocol);
        match health.state {
            WorkerState::Leaving | WorkerState::Stopped => Verdict::Leaving,
            // It is well, and not there yet.
            WorkerState::Starting => Verdict::Starting { pid: health.pid, proven: Some(health) },
            _ if theirs.overlaps(ours) => {
                let replaced = self.spec.upgrade.replaces(&self.spec.version, &health.version);
                if replaced && self.spec.may_start {
                    Verdict::Replaceable(health)
                } else {
                    Verdict::Ready(health)
                }
            }
            _ if theirs.min > ours.max => Verdict::TooNew(health),
            _ => Verdict::Outdated(health),
        }
    }
}

/// What the state directory says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sighted {
    record: Option<Record>,
    key: Option<ProofKey>,
}

impl Sighted {
    /// Whether a worker says that it is ready, and there is no key that it could prove it with. It puts a lost one back when it is asked.
    fn lacks_its_key(&self) -> bool {
        self.key.is_none() && self.record.as_ref().is_some_and(|record| record.state == WorkerState::Ready)
    }

    /// Whether the answer is of who has the key, and made for this challenge.
    fn proves(&self, health: &Health, challenge: &Challenge) -> bool {
        self.key.as_ref().is_some_and(|key| health.epoch == key.epoch && key.verifies(health, challenge))
    }

    /// Where to ask: the record's address; without a record the configured port, since asking a worker makes it mend its record. A command
    /// that is supervised knows nothing of such questions.
    fn address(&self, spec: &WorkerSpec) -> Option<SocketAddr> {
        match (&self.record, spec.port) {
            (Some(record), _) => record.address.filter(|_| record.state != WorkerState::Stopped),
            (None, PortChoice::Fixed(port)) if !spec.supervised => {
                Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port.get())))
            }
            (None, _) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{Epoch, ProtocolRange};
    use crate::spec::{LaunchCommand, WorkerSpec};

    #[test]
    fn a_proven_answer_is_weighed_by_its_state_and_its_protocols() {
        let machine = crate::test_machine::machine();
        let spec = WorkerSpec::builder(LaunchCommand::new("w", ["serve"]))
            .state_dir(std::env::temp_dir())
            .protocol(ProtocolRange::new(3, 5).unwrap())
            .build()
            .unwrap();
        let call = Call::new(&machine, &spec, &|_| {});
        let weighed = |state, min, max| {
            let health = Health {
                schema: 1,
                name: spec.name.clone(),
                identity: String::new(),
                epoch: Epoch(1),
                pid: Pid(7),
                address: SocketAddr::from((Ipv4Addr::LOCALHOST, 1)),
                version: spec.version.clone(),
                protocol: ProtocolRange::new(min, max).unwrap(),
                state,
                service: None,
                proof: None,
            };
            call.weigh(Box::new(health))
        };
        for (min, max) in [(1, 3), (4, 4), (5, 9)] {
            assert!(matches!(weighed(WorkerState::Ready, min, max), Verdict::Ready(_)), "{min} to {max}");
            for state in [WorkerState::Leaving, WorkerState::Stopped] {
                assert!(matches!(weighed(state, min, max), Verdict::Leaving), "{min} to {max}");
            }
        }
        assert!(matches!(weighed(WorkerState::Ready, 6, 9), Verdict::TooNew(_)));
        assert!(matches!(weighed(WorkerState::Ready, 1, 2), Verdict::Outdated(_)));
    }

    #[tokio::test]
    async fn a_directory_that_is_none_is_an_error_and_a_missing_one_has_no_worker() {
        let machine = crate::test_machine::machine();
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, "").unwrap();
        let look = async |dir: std::path::PathBuf| {
            let spec =
                WorkerSpec::builder(LaunchCommand::new("w", ["serve"])).state_dir(dir).build().unwrap();
            Call::new(&machine, &spec, &|_| {}).look(FIRST_PATIENCE).await
        };
        assert_eq!(look(file).await.unwrap_err().code(), "state_dir");
        assert!(matches!(look(dir.path().join("missing")).await, Ok(Verdict::Absent)));
    }
}
