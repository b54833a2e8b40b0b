//! The children of one tenure: their order, and what their end means for the tenure.

use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use coordinator::machine::{Durability, Machine};
use coordinator::record::Service;
use coordinator::tree::{self, Marker};
use coordinator::{Tenure, TenureError, layout};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::child_guard::KILL_TIME;
use crate::context::ChildContext;
use crate::event_log::EventLog;
use crate::failure::Failure;
use crate::follower::{Follower, Followers, on_loopback, service};
use crate::lifecycle::{ChildState, FinalState, Lifecycle, StopRequest};
use crate::logfile::LogLimits;
use crate::plan::{ChildSpec, Plan, SocketMode};

/// How long the sweep after earlier tenures may take.
const SWEEP_TIME: Duration = Duration::from_secs(3);

/// Leaves a guardian behind that ends the children if this process dies. Does nothing for an empty
/// plan. Call it while the process has one thread.
///
/// # Errors
/// If the system refuses.
pub fn guard(plan: &Plan) -> std::io::Result<()> {
    if plan.is_empty() { Ok(()) } else { tree::guard() }
}

/// From here on this process survives its guardian. Until then it dies with the guardian, which is
/// the process that the launcher knows. Call it once the tenure is claimed, on the thread that
/// called [`guard`].
pub fn outlive_guardian() {
    tree::outlive_guardian();
}

/// The port that the children serve on.
#[derive(Debug)]
pub struct PublicPort {
    /// The port on 127.0.0.1.
    pub number: u16,
    /// The listening socket on it, if this process has it for the command.
    pub socket: Option<TcpListener>,
}

/// The children of one tenure. Dropping it ends them.
pub struct Supervisor {
    machine: Machine,
    tenure: Arc<Tenure>,
    plan: Plan,
    log_limits: LogLimits,
    /// In the order in which they were started.
    children: Mutex<Vec<Arc<ChildHandle>>>,
    /// The socket that is passed to the command.
    socket: OnceLock<TcpListener>,
    followers: Mutex<Followers>,
}

/// A child that was started.
struct ChildHandle {
    label: String,
    serves: bool,
    state: watch::Receiver<ChildState>,
    requests: watch::Sender<StopRequest>,
    lifecycle: JoinHandle<()>,
}

impl Supervisor {
    /// Makes the supervisor of a tenure. Nothing is started yet.
    pub fn new(machine: &Machine, tenure: &Arc<Tenure>, plan: &Plan, log_limits: LogLimits) -> Self {
        Self {
            machine: machine.clone(),
            tenure: tenure.clone(),
            plan: plan.clone(),
            log_limits,
            children: Mutex::default(),
            socket: OnceLock::new(),
            followers: Mutex::default(),
        }
    }

    /// Ends what earlier tenures have left running. Call it before the port is bound: one of those
    /// processes may hold it. Returns the mark of this tenure's children, if it will have any.
    ///
    /// # Errors
    /// If some of them can't be ended.
    pub async fn sweep(&self) -> Result<Option<Marker>, TenureError> {
        let (tenure, plan) = (&*self.tenure, &self.plan);
        let noted = !matches!(tenure.directory().stat(layout::CHILDREN).await, Ok(None));
        if plan.is_empty() && !noted {
            return Ok(None);
        }
        let marker = Marker::new(tenure.identity(), tenure.epoch(), &*self.machine.random)
            .map_err(TenureError::Random)?;
        let mine = marker.clone();
        match tokio::task::spawn_blocking(move || tree::sweep(&mine, SWEEP_TIME)).await {
            Ok(Err(left)) => {
                let failure = Failure::new(
                    "remains",
                    "what an earlier worker started",
                    &format!("can't be ended: {left}"),
                );
                return Err(failure.into());
            }
            Ok(Ok(ended)) if ended > 0 => {
                tracing::warn!("ended {ended} processes that an earlier worker had started")
            }
            _ => {}
        }
        let note = |source| TenureError::StateDir { path: tenure.id().state_dir().to_owned(), source };
        if plan.is_empty() {
            // If the note stays, the next tenure sweeps again.
            let _ = tenure.directory().remove(layout::CHILDREN).await;
            return Ok(None);
        }
        tenure.directory().replace(layout::CHILDREN, b"", Durability::Visible).await.map_err(note)?;
        Ok(Some(marker))
    }

    /// Starts the children one after the other, each once the children before it are ready.
    ///
    /// After an error, or when this is cancelled, the started children keep running.
    /// [`Supervisor::stop`] ends them.
    ///
    /// # Errors
    /// If a child does not become ready.
    pub async fn start(&self, marker: Marker, port: PublicPort) -> Result<(), TenureError> {
        let context = Arc::new(self.context(marker, port)?);
        let order =
            self.plan.order().map_err(|wrong| TenureError::from(Failure::new("plan", "the plan", &wrong)))?;
        for spec in order {
            let child = ChildHandle::start(self, &context, spec);
            let state = child.state.clone();
            self.lock_children().push(Arc::new(child));
            if let Some(failure) = first_failure(state).await {
                return Err(failure.into());
            }
        }
        Ok(())
    }

    fn context(&self, marker: Marker, port: PublicPort) -> Result<ChildContext, TenureError> {
        let bind = |source| TenureError::Bind { address: on_loopback(port.number), source };
        let passes = self.plan.command.as_ref().is_some_and(|command| command.socket == SocketMode::Pass);
        let (passed, reserved) = if passes { (port.socket, None) } else { (None, port.socket) };
        let passed = passed.map(blocking).transpose().map_err(bind)?;
        if let Some(socket) = &passed {
            let _ = self.socket.set(socket.try_clone().map_err(bind)?);
        }
        let id = self.tenure.id();
        Ok(ChildContext {
            name: id.name().to_string(),
            state_dir: id.state_dir().to_owned(),
            epoch: self.tenure.epoch(),
            port: port.number,
            passed_socket: passed,
            reserved_socket: Mutex::new(reserved),
            marker,
            log_limits: self.log_limits,
        })
    }

    /// Returns the listening socket that is passed to the command, if one is.
    #[cfg(unix)]
    pub fn socket(&self) -> Option<&TcpListener> {
        self.socket.get()
    }

    /// Returns whether a command serves in the daemon's place.
    pub fn serves(&self) -> bool {
        self.children().iter().any(|child| child.serves)
    }

    fn lock_children(&self) -> MutexGuard<'_, Vec<Arc<ChildHandle>>> {
        self.children.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn children(&self) -> Vec<Arc<ChildHandle>> {
        self.lock_children().clone()
    }

    /// Returns where the command serves on this port, if there is a command and it is ready.
    pub fn service(&self, port: u16) -> Option<Service> {
        let children = self.children();
        let state = children.iter().find(|child| child.serves)?.state.borrow();
        match *state {
            ChildState::Ready(pid) => Some(service(port, pid)),
            _ => None,
        }
    }

    /// From now on the tenure follows its children: while the command restarts, sessions wait.
    /// `ended` is called with the reason when a child has failed for good, or the command has
    /// finished.
    pub fn follow(&self, port: u16, ended: impl Fn(String) + Clone + Send + Sync + 'static) {
        let tasks = self.children().into_iter().map(|child| {
            let follower = Follower {
                label: child.label.clone(),
                serves: child.serves,
                tenure: self.tenure.clone(),
                port,
                ended: ended.clone(),
            };
            tokio::spawn(follower.run(child.state.clone()))
        });
        *self.lock_followers() = Followers(tasks.collect());
    }

    fn lock_followers(&self) -> MutexGuard<'_, Followers> {
        self.followers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the children in reverse order, each within its time. Kills the rest once `hurried` is
    /// ready.
    pub async fn stop(&self, hurried: impl Future<Output = ()>) {
        // From here on the tenure no longer follows the ends of its children.
        *self.lock_followers() = Followers::default();
        let children = self.children();
        let in_turn = async {
            for child in children.iter().rev() {
                child.requests.send_replace(StopRequest::Graceful);
                child.ended().await;
            }
        };
        tokio::select! {
            () = in_turn => return,
            () = hurried => {}
        }
        for child in children.iter().rev() {
            child.requests.send_replace(StopRequest::Kill);
        }
        for child in children.iter().rev() {
            let _ = tokio::time::timeout(KILL_TIME, child.ended()).await;
        }
    }
}

impl ChildHandle {
    fn start(supervisor: &Supervisor, context: &Arc<ChildContext>, spec: &ChildSpec) -> Self {
        let (state, seen) = watch::channel(ChildState::Starting);
        let (requests, received) = watch::channel(StopRequest::None);
        let lifecycle = Lifecycle {
            spec: spec.clone(),
            context: context.clone(),
            machine: supervisor.machine.clone(),
            events: EventLog::of(&supervisor.tenure),
            state,
            requests: received,
        };
        Self {
            label: spec.label().to_owned(),
            serves: spec.name.is_empty(),
            state: seen,
            requests,
            lifecycle: tokio::spawn(lifecycle.run()),
        }
    }

    /// Waits for the final state.
    async fn ended(&self) {
        let _ = self.state.clone().wait_for(|state| matches!(state, ChildState::Final(_))).await;
    }
}

impl Drop for ChildHandle {
    fn drop(&mut self) {
        // The task owns the process, and kills it when it is dropped.
        self.lifecycle.abort();
    }
}

/// Makes a socket blocking, as programs expect one that they are passed.
fn blocking(socket: TcpListener) -> std::io::Result<TcpListener> {
    socket.set_nonblocking(false)?;
    Ok(socket)
}

/// Waits until the child is ready for the first time. Returns why, if it never will be.
async fn first_failure(mut state: watch::Receiver<ChildState>) -> Option<Failure> {
    let settled = state.wait_for(|state| *state != ChildState::Starting).await.map(|state| state.clone());
    match settled {
        Ok(ChildState::Final(FinalState::Failed(failure))) => Some(failure),
        // A helper that has done its work is as good as one that goes on.
        Ok(_) => None,
        Err(_) => Some(Failure::new("command_not_started", "a part of the plan", "was given up")),
    }
}
