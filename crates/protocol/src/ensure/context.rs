//! What every step of a call is given: machine, identity, request, time, and the way to report
//! progress.

use std::io;
use std::ops::Deref;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::budget::Budget;
use super::state::State;
use crate::deadline::{Deadline, TimedOut};
use crate::error::EnsureError;
use crate::machine::{Clock, EventKind, LaunchError, Machine, Pid};
use crate::proof::Health;
use crate::request::EnsureRequest;
use crate::upgrade::UpgradePolicy;
use crate::worker_id::WorkerId;

/// Is told in words what the call waits for, whenever that changes.
pub(super) type Watcher<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// One call for a worker: what the leaves below the steps read.
pub(super) struct Context<'a> {
    pub(super) machine: &'a Machine,
    pub(super) id: &'a WorkerId,
    /// What is wanted of a worker in another version. `None`: any version will do.
    pub(super) upgrade: Option<UpgradePolicy>,
    pub(super) budget: Budget,
    pub(super) state: State<'a>,
    watcher: Watcher<'a>,
    /// Outlives the step, since the call's deadline may interrupt it anywhere.
    phase: Mutex<Phase>,
}

/// One call of a session. Steps read it; what they find out they pass on in
/// [`Next`](super::next::Next).
pub(super) struct Call<'a> {
    context: Context<'a>,
    pub(super) request: &'a EnsureRequest,
}

impl<'a> Call<'a> {
    /// Begins a call.
    pub(super) fn new(machine: &'a Machine, request: &'a EnsureRequest, watcher: Watcher<'a>) -> Self {
        let upgrade = request.may_start.then_some(request.upgrade);
        let context = Context::new(machine, &request.id, request.deadline, upgrade, watcher);
        Self { context, request }
    }

    /// Notes something about a worker that this session launches, or launched.
    pub(super) async fn note(&self, kind: EventKind, worker: Option<Pid>, reason: Option<String>) {
        self.state.note(kind, &self.request.launch.program, worker, reason).await;
    }
}

impl<'a> Deref for Call<'a> {
    type Target = Context<'a>;

    fn deref(&self) -> &Context<'a> {
        &self.context
    }
}

impl<'a> Context<'a> {
    fn new(
        machine: &'a Machine,
        id: &'a WorkerId,
        deadline: Duration,
        upgrade: Option<UpgradePolicy>,
        watcher: Watcher<'a>,
    ) -> Self {
        Self {
            machine,
            id,
            upgrade,
            budget: Budget::begin(&*machine.clock, deadline),
            state: State::new(machine, id),
            watcher,
            phase: Mutex::new(Phase::Probing),
        }
    }

    /// Begins a call that wants no other worker than the running one, and does not report its
    /// progress.
    pub(super) fn unwatched(machine: &'a Machine, id: &'a WorkerId, deadline: Duration) -> Self {
        Self::new(machine, id, deadline, None, &|_| {})
    }

    /// Returns the machine's clock.
    pub(super) fn clock(&self) -> &'a dyn Clock {
        &*self.machine.clock
    }

    /// Returns how long this call has taken.
    pub(super) fn waited(&self) -> Duration {
        self.clock().now().since(self.budget.begun)
    }

    /// Reports what the call waits for from now on, and returns the deadline for it, under its
    /// name.
    pub(super) fn enter(&self, phase: Phase) -> Deadline {
        let mut now = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        if *now != phase {
            *now = phase;
            (self.watcher)(&phase.words());
        }
        self.budget.inner().step(phase.activity())
    }

    /// Returns the error of a call whose time is up, whatever it waits for at present.
    pub(super) fn too_late(&self) -> EnsureError {
        let phase = *self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        phase.too_late(self.waited())
    }

    /// Returns the error of a step whose time is up.
    pub(super) fn timed_out(&self, timed_out: TimedOut) -> EnsureError {
        EnsureError::TimedOut { phase: timed_out.what, waited: self.waited() }
    }

    /// Returns the error of a lock that can't be tried or inspected.
    pub(super) fn lock_error(&self, source: io::Error) -> EnsureError {
        EnsureError::Lock { path: self.id.state_dir.clone(), source }
    }

    /// Returns the error of a launch that started no process.
    pub(super) fn launch_error(&self, error: LaunchError) -> EnsureError {
        match error {
            LaunchError::NoProcess { source } if source.kind() == io::ErrorKind::PermissionDenied => {
                EnsureError::NotPermitted { what: "start a process", source }
            }
            LaunchError::Log { source, .. } => self.state.error(source),
            other => EnsureError::CannotLaunch(other),
        }
    }

    /// Returns whether this session can talk to a worker.
    pub(super) fn can_use(&self, health: &Health) -> bool {
        health.protocol.overlaps(self.id.protocol)
    }
}

/// What a call waits for. Progress and time-out errors are worded after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// An answer of the worker, before anything else.
    Probing,
    /// The session that was elected.
    Electing,
    /// Something that tells what the running worker does.
    Inspecting,
    /// A worker that becomes ready: this one, if it is known.
    Starting(Option<Pid>),
    /// This worker, to end.
    Leaving(Pid),
    /// A hung worker, to end.
    Replacing,
    /// This worker, to hand over.
    HandingOver(Pid),
}

impl Phase {
    fn words(self) -> String {
        match self {
            Self::Starting(Some(pid)) => format!("the worker (pid {pid}) is starting"),
            Self::Starting(None) => "the worker is starting".to_owned(),
            Self::HandingOver(pid) => format!("the worker (pid {pid}) is handing over to a new one"),
            Self::Leaving(pid) => format!("the worker (pid {pid}) is stopping"),
            other => other.activity().to_owned(),
        }
    }

    /// Returns the name of a deadline in this phase.
    pub(super) fn activity(self) -> &'static str {
        match self {
            Self::Probing => "asking the worker how it is",
            Self::Electing => "waiting for the session that is starting the worker",
            Self::Inspecting => "looking at the worker in office",
            Self::Starting(_) => "waiting for the worker to start",
            Self::Leaving(_) => "waiting for the worker to stop",
            Self::Replacing => "replacing a worker that does not answer",
            Self::HandingOver(_) => "waiting for the worker to hand over",
        }
    }

    /// Returns the error of a call whose time is up in this phase.
    pub(super) fn too_late(self, waited: Duration) -> EnsureError {
        match self {
            Self::Starting(pid) => EnsureError::Starting { pid, waited },
            Self::Leaving(pid) => EnsureError::Leaving { pid, waited },
            phase => EnsureError::TimedOut { phase: phase.activity(), waited },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ensure::fixture;
    use crate::test_machine::machine;

    #[test]
    fn a_late_call_says_what_it_waited_for_and_tells_it_once() {
        let (machine, request) = (machine(), fixture::request(std::env::temp_dir()));
        let told = Mutex::new(Vec::new());
        let watcher = |words: &str| told.lock().unwrap().push(words.to_owned());
        let cx = Call::new(&machine, &request, &watcher);
        let pid = Pid(7);
        for (phase, words, code) in [
            (Phase::Electing, "waiting for the session that is starting the worker", "timed_out"),
            (Phase::Inspecting, "looking at the worker in office", "timed_out"),
            (Phase::Replacing, "replacing a worker that does not answer", "timed_out"),
            (Phase::Starting(None), "the worker is starting", "starting"),
            (Phase::Starting(Some(pid)), "the worker (pid 7) is starting", "starting"),
            (Phase::Leaving(pid), "the worker (pid 7) is stopping", "leaving"),
            (Phase::Probing, "asking the worker how it is", "timed_out"),
            (Phase::HandingOver(pid), "the worker (pid 7) is handing over to a new one", "timed_out"),
        ] {
            cx.enter(phase);
            let deadline = cx.enter(phase);
            assert_eq!(told.lock().unwrap().pop().as_deref(), Some(words));
            assert!(told.lock().unwrap().is_empty(), "told twice: {words}");
            let error = cx.too_late();
            assert_eq!(error.code(), code);
            if code == "timed_out" {
                let late = deadline.less(request.deadline).check(cx.clock()).unwrap_err();
                let named = [error.to_string(), cx.timed_out(late).to_string()];
                assert!(named.iter().all(|error| error.contains(phase.activity())), "{named:?}");
            }
            if code == "timed_out" && phase != Phase::HandingOver(pid) {
                assert!(error.to_string().contains(words), "{error}");
            }
        }
        assert!(cx.waited() < request.deadline);
    }

    #[test]
    fn causes_that_keep_a_process_from_starting_are_told_apart() {
        let (machine, request) = (machine(), fixture::request(std::env::temp_dir()));
        let cx = Call::new(&machine, &request, &|_| {});
        let denied = || io::Error::from(io::ErrorKind::PermissionDenied);
        let full = || io::Error::from(io::ErrorKind::WouldBlock);
        for (error, code) in [
            (LaunchError::NoProcess { source: denied() }, "not_permitted"),
            (LaunchError::NoProcess { source: full() }, "cannot_launch"),
            (LaunchError::Program { program: "w".to_owned(), source: denied() }, "cannot_launch"),
            (LaunchError::Log { path: "log".to_owned(), source: denied() }, "state_dir"),
        ] {
            let said = error.to_string();
            assert_eq!(cx.launch_error(error).code(), code, "{said}");
        }
    }
}
