//! The session's side: [`ensure_single_worker`].
//!
//! ```text
//! fast path ──proof──▶ Reused
//!    │ no proof
//! elect (spawn.lock) ──meanwhile somebody else's worker answers──▶ Waited
//!    │ elected
//! tenure lock ── held ──▶ probe again ──proof──▶ Waited
//!    │ free                   └── diagnose ──▶ wait | replace | typed error
//!    │
//! backoff ──▶ launch ──▶ Ready ──proof──▶ Started | Replaced
//! ```

mod diagnose;
mod elect;
mod handover;
mod holder;
mod inspect;
mod launch;
mod replace;
mod rollback;
mod sight;
mod stop;
mod suspicion;

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

pub(crate) use handover::proven_predecessor;
pub use inspect::{Sight, inspect};
pub(crate) use replace::read_token;
pub use stop::{Stopped, request_stop};

use crate::deadline::{Deadline, TimedOut};
use crate::error::EnsureError;
use crate::failpoint;
use crate::identity::{Epoch, Port, PortChoice, ProtocolRange};
use crate::lifecycle::{Event, EventKind};
use crate::machine::{Clock, ElectionGuard, Machine, Moment, Pid};
use crate::proof::Health;
use crate::sabotage::{self, Sabotage};
use crate::spec::WorkerSpec;
use diagnose::Diagnosis;
use elect::Election;
use sight::{FirstLook, Pending};
use suspicion::Unwritten;

/// A worker that proved, during this very call, that it is the identity's worker in office.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worker {
    /// Where it serves, as `http://127.0.0.1:37777`.
    pub url: String,
    /// Its port.
    pub port: Port,
    /// Its address.
    pub address: SocketAddr,
    /// Where it proved itself, and answers for its data: the same address, unless it supervises a command that serves in its place.
    pub control: SocketAddr,
    /// The process in tenure.
    pub pid: Pid,
    /// The command's process, if it supervises one.
    pub child_pid: Option<Pid>,
    /// Its tenure's number.
    pub epoch: Epoch,
    /// Its version: not necessarily the one that this session would have started.
    pub version: semver::Version,
    /// The protocol versions that it speaks.
    pub protocol: ProtocolRange,
    /// How it was come by.
    pub outcome: Outcome,
    /// How long the call took.
    pub elapsed: Duration,
    /// What a person should know although it worked.
    pub warnings: Vec<String>,
}

/// How a worker was come by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It ran already.
    Reused,
    /// Another session started it, or it was starting or slow: this call waited.
    Waited,
    /// This call started it.
    Started,
    /// This call started it in place of another.
    Replaced {
        /// Why.
        why: ReplaceReason,
    },
}

impl Outcome {
    /// The word for it in the command line's output.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Reused => "reused",
            Self::Waited => "waited",
            Self::Started => "started",
            Self::Replaced { .. } => "replaced",
        }
    }
}

/// Why a worker was replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplaceReason {
    /// It was silent for longer than the hang limit.
    Hung {
        /// Its process.
        pid: Pid,
        /// For how long it was seen silent.
        silent_for: Duration,
    },
    /// It was stopped (SIGSTOP) for longer than the hang limit.
    Stopped {
        /// Its process.
        pid: Pid,
        /// For how long it was seen silent.
        silent_for: Duration,
    },
    /// It speaks only protocols older than this session needs.
    Outdated {
        /// Its process.
        pid: Pid,
        /// Its version.
        version: semver::Version,
    },
    /// It was of a version from before there were hand-overs, or this session's is, and it was told to stop.
    Retired {
        /// Its process.
        pid: Pid,
        /// Its version.
        version: semver::Version,
    },
    /// It has handed its office over to this session's version.
    Handed {
        /// Its process.
        pid: Pid,
        /// Its version.
        version: semver::Version,
    },
}

impl fmt::Display for ReplaceReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hung { pid, silent_for } => {
                write!(f, "the worker (pid {pid}) hung: silent for {silent_for:.1?}")
            }
            Self::Stopped { pid, silent_for } => {
                write!(f, "the worker (pid {pid}) was stopped for {silent_for:.1?}")
            }
            Self::Outdated { pid, version } => {
                write!(f, "the worker (pid {pid}, version {version}) speaks only older protocols")
            }
            Self::Retired { pid, version } => {
                write!(f, "the worker (pid {pid}, version {version}) was told to make room for this version")
            }
            Self::Handed { pid, version } => {
                write!(f, "the worker (pid {pid}, version {version}) has handed over")
            }
        }
    }
}

/// Gives the identity's one worker: the one in office, or a new one.
///
/// However many sessions call this at once, at most one worker is in office, and each call returns one that proved itself during
/// that call, or one typed error, by the spec's deadline.
///
/// Needs a tokio runtime with I/O and time enabled; [`crate::blocking`] has a twin for programs without one. Cancelling (dropping the
/// future) leaves nothing behind; a worker that was already launched goes on starting.
///
/// # Errors
/// See [`EnsureError`]; each variant has a stable [`code`](EnsureError::code).
pub async fn ensure_single_worker(spec: &WorkerSpec) -> Result<Worker, EnsureError> {
    ensure_on(&crate::system::machine(), spec, &|_| {}).await
}

/// [`ensure_single_worker`] on a given machine. `watcher` is told, in words, what the call waits for whenever that changes.
///
/// # Errors
/// As [`ensure_single_worker`].
pub async fn ensure_on(
    machine: &Machine,
    spec: &WorkerSpec,
    watcher: &(dyn Fn(&str) + Send + Sync),
) -> Result<Worker, EnsureError> {
    let call = Call::new(machine, spec, watcher);
    let worker = match call.deadline.limit(call.clock(), call.run()).await {
        Ok(Ok(worker)) => worker,
        Ok(Err(error)) => {
            // Not longer than the call may take.
            let _ = call.deadline.limit(call.clock(), call.note_refused(&error)).await;
            return Err(error);
        }
        Err(TimedOut) => return Err(call.too_late()),
    };
    Ok(Worker { elapsed: machine.clock.now().since(call.begun), ..worker })
}

/// The worker in office, if it is found and proves itself at the first look: what most calls come to. This asks without an event loop, which a process that is made for one
/// call need not set up then. It blocks for at most 50 ms, or for a quarter of the spec's deadline; whatever it meets on its way, `None` says no more than that
/// [`ensure_single_worker`] is to be asked.
pub fn glance(spec: &WorkerSpec) -> Option<Worker> {
    let machine = crate::system::glance::machine(GLANCE.min(spec.deadline / 4));
    let call = Call::new(&machine, spec, &|_| {});
    let mut look = std::pin::pin!(call.first_look());
    // What is not done at the first poll would need an event loop.
    let looked = look.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    let Poll::Ready(Ok(FirstLook { found: Some(worker), .. })) = looked else { return None };
    Some(Worker { elapsed: machine.clock.now().since(call.begun), ..worker })
}

/// How long a worker may take that is well.
const GLANCE: Duration = Duration::from_millis(50);

/// One call: what it was asked, and what it knows so far.
struct Call<'a> {
    machine: &'a Machine,
    spec: &'a WorkerSpec,
    begun: Moment,
    deadline: Deadline,
    watcher: &'a (dyn Fn(&str) + Send + Sync),
    phase: Mutex<Phase>,
    /// What is suspected, as far as it could not be written down.
    unwritten: Mutex<Option<Unwritten>>,
    /// Whether the state directory is there, and is this user's.
    prepared: AtomicBool,
}

/// What a call is waiting for: what it says if the deadline passes meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Probing,
    Electing,
    Looking,
    Starting(Option<Pid>),
    Leaving(Pid),
    Replacing,
    /// This one is to hand over.
    Succeeding(Pid),
}

impl Phase {
    fn words(self) -> String {
        match self {
            Self::Starting(Some(pid)) => format!("the worker (pid {pid}) is starting"),
            Self::Starting(None) => "the worker is starting".to_owned(),
            Self::Succeeding(pid) => format!("the worker (pid {pid}) is handing over to a new one"),
            Self::Leaving(pid) => format!("the worker (pid {pid}) is stopping"),
            other => other.activity().to_owned(),
        }
    }

    fn activity(self) -> &'static str {
        match self {
            Self::Probing => "asking the worker how it is",
            Self::Electing => "waiting for the session that is starting the worker",
            Self::Looking => "looking at the worker in office",
            Self::Starting(_) => "waiting for the worker to start",
            Self::Leaving(_) => "waiting for the worker to stop",
            Self::Replacing => "replacing a worker that does not answer",
            Self::Succeeding(_) => "waiting for the worker to hand over",
        }
    }
}

/// What came of one turn as the elected.
enum Turn {
    Done(Worker),
    /// Something moved meanwhile: look again.
    Again,
}

impl<'a> Call<'a> {
    fn new(machine: &'a Machine, spec: &'a WorkerSpec, watcher: &'a (dyn Fn(&str) + Send + Sync)) -> Self {
        let begun = machine.clock.now();
        let far = sabotage::on(Sabotage::DeadlineNotKept).then_some(Duration::from_secs(365 * 24 * 3600));
        let deadline = Deadline::after(&*machine.clock, far.unwrap_or(spec.deadline));
        Self {
            machine,
            spec,
            begun,
            deadline,
            watcher,
            phase: Mutex::new(Phase::Probing),
            unwritten: Mutex::new(None),
            prepared: AtomicBool::new(false),
        }
    }

    fn clock(&self) -> &dyn Clock {
        &*self.machine.clock
    }

    fn waited(&self) -> Duration {
        self.machine.clock.now().since(self.begun)
    }

    /// Somewhat earlier than the deadline: what runs within it gives up first, and its error names what was slow.
    fn inner_deadline(&self) -> Deadline {
        self.deadline.less((self.spec.deadline / 20).min(Duration::from_millis(100)))
    }

    /// Notes why this session got no worker, unless that is noted as a failed launch, or the directory may not be written to.
    async fn note_refused(&self, error: &EnsureError) {
        let elsewhere = matches!(
            error,
            EnsureError::LaunchFailed { .. }
                | EnsureError::WorkerFailed { .. }
                | EnsureError::OtherMachine { .. }
                | EnsureError::StateDir { .. }
                | EnsureError::Lock { .. }
        );
        if elsewhere || !self.prepared.load(Ordering::Relaxed) {
            return;
        }
        let event = Event {
            version: Some(self.spec.version.to_string()),
            reason: Some(format!("{}: {error}", error.code())),
            ..Event::now(self.machine, EventKind::Refused)
        };
        self.machine.lifecycle.note(&self.spec.state_dir, vec![event]).await;
    }

    fn enter(&self, phase: Phase) {
        let mut now = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        if *now != phase {
            *now = phase;
            (self.watcher)(&phase.words());
        }
    }

    /// The error of a call whose time is up.
    fn too_late(&self) -> EnsureError {
        let phase = *self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.waited();
        match phase {
            Phase::Starting(pid) => EnsureError::Starting { pid, waited },
            Phase::Leaving(pid) => EnsureError::Leaving { pid, waited },
            phase => EnsureError::TimedOut { phase: phase.activity(), waited },
        }
    }

    fn state_dir_error(&self, source: std::io::Error) -> EnsureError {
        EnsureError::StateDir { path: self.spec.state_dir.clone(), source }
    }

    fn lock_error(&self, source: std::io::Error) -> EnsureError {
        EnsureError::Lock { path: self.spec.state_dir.clone(), source }
    }

    async fn run(&self) -> Result<Worker, EnsureError> {
        failpoint::hit("ensure.start");
        let first = self.first_look().await?;
        if let Some(worker) = first.found {
            return Ok(worker);
        }
        if !self.spec.may_start {
            return self.wait_without_starting().await;
        }
        self.machine
            .files
            .prepare(&self.spec.state_dir)
            .await
            .map_err(|source| self.state_dir_error(source))?;
        self.prepared.store(true, Ordering::Relaxed);
        let mut pending = first.pending;
        loop {
            let elected = match self.elect(&mut pending).await? {
                Election::Found(worker) => return Ok(worker),
                Election::Won(guard) => guard,
            };
            failpoint::hit("elect.won");
            if let Turn::Done(worker) = self.act(&*elected, &mut pending).await? {
                return Ok(worker);
            }
        }
    }

    /// What the elected does: the tenure lock decides, and whoever holds it is asked again, since much may have happened on the way.
    async fn act(
        &self,
        elected: &dyn ElectionGuard,
        pending: &mut Option<Pending<'_>>,
    ) -> Result<Turn, EnsureError> {
        #[cfg(feature = "sabotage")]
        if sabotage::on(Sabotage::NoSecondProbe) {
            return self.launch(elected, None).await;
        }
        let diagnosis = self.diagnose(elected, pending).await?;
        failpoint::hit("elect.reprobed");
        match diagnosis {
            Diagnosis::Ready(health) => Ok(Turn::Done(self.found(&health, Outcome::Waited).await)),
            Diagnosis::Replaceable(health) => self.hand_over(elected, &health).await,
            Diagnosis::Vacant { replaced } => {
                failpoint::hit("look.free");
                self.launch(elected, replaced).await
            }
        }
    }

    /// The answer to the caller, from a proof of a worker that was there already. It voids what is suspected: the worker has done so too, but
    /// perhaps before it was halted, and suspected anew, on its way to giving this proof.
    async fn found(&self, health: &Health, outcome: Outcome) -> Worker {
        if self.is_suspected().await {
            self.forget_suspicion().await;
        }
        self.worker(health, outcome)
    }

    /// The answer to the caller, from a proven answer of the worker.
    fn worker(&self, health: &Health, outcome: Outcome) -> Worker {
        let address = health.service.map_or(health.address, |service| service.address);
        let port = Port::new(address.port()).unwrap_or(Port::DEFAULT);
        let mut warnings = Vec::new();
        if self.spec.supervised && health.service.is_none() {
            warnings.push(format!(
                "the worker of {:?} serves itself, without a command",
                self.spec.name.as_str()
            ));
        }
        if let PortChoice::Fixed(asked) = self.spec.port
            && self.spec.port_was_asked_for
            && asked != port
        {
            warnings.push(format!(
                "the worker of {:?} runs on port {port}, not on {asked} as this session asked",
                self.spec.name.as_str()
            ));
        }
        Worker {
            url: format!("http://{address}"),
            port,
            address,
            control: health.address,
            pid: health.pid,
            child_pid: health.service.map(|service| service.pid),
            epoch: health.epoch,
            version: health.version.clone(),
            protocol: health.protocol,
            outcome,
            elapsed: Duration::ZERO,
            warnings,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::spec::LaunchCommand;

    fn spec(deadline: Duration) -> WorkerSpec {
        let launch = LaunchCommand::new("w", ["serve"]);
        WorkerSpec::builder(launch).state_dir(std::env::temp_dir()).deadline(deadline).build().unwrap()
    }

    #[test]
    fn a_call_that_is_too_late_says_what_it_waited_for_and_the_watcher_is_told_once() {
        let (machine, spec) = (crate::system::machine(), spec(Duration::from_secs(5)));
        let told = Mutex::new(Vec::new());
        let watcher = |words: &str| told.lock().unwrap().push(words.to_owned());
        let call = Call::new(&machine, &spec, &watcher);
        let pid = Pid(7);
        for (phase, words, code) in [
            (Phase::Electing, "waiting for the session that is starting the worker", "timed_out"),
            (Phase::Looking, "looking at the worker in office", "timed_out"),
            (Phase::Replacing, "replacing a worker that does not answer", "timed_out"),
            (Phase::Starting(None), "the worker is starting", "starting"),
            (Phase::Starting(Some(pid)), "the worker (pid 7) is starting", "starting"),
            (Phase::Leaving(pid), "the worker (pid 7) is stopping", "leaving"),
            (Phase::Probing, "asking the worker how it is", "timed_out"),
            (Phase::Succeeding(pid), "the worker (pid 7) is handing over to a new one", "timed_out"),
        ] {
            call.enter(phase);
            call.enter(phase);
            assert_eq!(told.lock().unwrap().pop().as_deref(), Some(words));
            assert!(told.lock().unwrap().is_empty(), "told twice: {words}");
            let error = call.too_late();
            assert_eq!(error.code(), code);
            if code == "timed_out" && phase != Phase::Succeeding(pid) {
                assert!(error.to_string().contains(words), "{error}");
            }
        }
    }

    #[test]
    fn what_runs_within_a_call_gives_up_a_little_before_it() {
        let machine = crate::system::machine();
        for (deadline, earlier) in [(5_000, 100), (1_000, 50), (20, 1)] {
            let spec = spec(Duration::from_millis(deadline));
            let call = Call::new(&machine, &spec, &|_| {});
            // One look before and one after: time goes on between them, and on a loaded machine any amount of it.
            let before = call.deadline.remaining(call.clock());
            let inner = call.inner_deadline().remaining(call.clock());
            let after = call.deadline.remaining(call.clock());
            let earlier = Duration::from_millis(earlier);
            assert!(inner <= before.saturating_sub(earlier), "{deadline}: {inner:?} of {before:?}");
            assert!(inner >= after.saturating_sub(earlier), "{deadline}: {inner:?} of {after:?}");
        }
    }

    #[test]
    fn outcomes_have_their_words() {
        let why = ReplaceReason::Hung { pid: Pid(1), silent_for: Duration::ZERO };
        let outcomes = [Outcome::Reused, Outcome::Waited, Outcome::Started, Outcome::Replaced { why }];
        assert_eq!(outcomes.each_ref().map(Outcome::as_str), ["reused", "waited", "started", "replaced"]);
    }
}
