//! The parts of a plan, running.

use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use coordinator::machine::{Durability, Machine, Pid};
use coordinator::record::Service;
use coordinator::tree::{self, Marker};
use coordinator::{Tenure, TenureError, layout};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::KILL;
use super::chronicle::Chronicle;
use super::failure::Failure;
use super::ground::Ground;
use super::life::{Life, Order, Over, State};
use super::plan::{Part, Plan, Socket};
use crate::options::ServeOptions;
use crate::stop::{Stop, StopReason};

/// How long the remains of earlier tenures may take to be gone.
const SWEEP: Duration = Duration::from_secs(3);

/// Before the process has a second thread: has its tree guarded, if it is going to have one.
///
/// # Errors
/// If the system refuses.
pub(crate) fn prepare(plan: &Plan) -> std::io::Result<()> {
    if plan.is_empty() { Ok(()) } else { tree::guard() }
}

/// In office: from here on the process in office is known by its own pid.
pub(crate) fn in_office() {
    tree::outlive_guardian();
}

/// The parts that were started, in that order.
#[derive(Default)]
pub(crate) struct Children {
    parts: Mutex<Vec<Arc<Running>>>,
    /// The socket that is passed to the command.
    socket: OnceLock<TcpListener>,
    followers: Mutex<Followers>,
}

struct Running {
    label: String,
    serves: bool,
    state: watch::Receiver<State>,
    orders: watch::Sender<Order>,
    life: JoinHandle<()>,
}

impl Children {
    /// Ends what earlier tenures left. To be called in office, before the port is bound: one of them may hold it.
    ///
    /// # Errors
    /// If some of it can't be ended.
    pub(crate) async fn sweep(
        machine: &Machine,
        tenure: &Tenure,
        plan: &Plan,
    ) -> Result<Option<Marker>, TenureError> {
        let noted = !matches!(tenure.directory().stat(layout::CHILDREN).await, Ok(None));
        if plan.is_empty() && !noted {
            return Ok(None);
        }
        let marker =
            Marker::new(tenure.identity(), tenure.epoch(), &*machine.random).map_err(TenureError::Random)?;
        let mine = marker.clone();
        match tokio::task::spawn_blocking(move || tree::sweep(&mine, SWEEP)).await {
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
        let note = |source| TenureError::StateDir { path: tenure.spec().state_dir().to_owned(), source };
        if plan.is_empty() {
            // If it stays, the next one looks again.
            let _ = tenure.directory().remove(layout::CHILDREN).await;
            return Ok(None);
        }
        tenure.directory().replace(layout::CHILDREN, b"", Durability::Visible).await.map_err(note)?;
        Ok(Some(marker))
    }

    /// Starts the parts, one after the other, each once those before it are ready. `socket` listens on the identity's port.
    ///
    /// Cancelled, or after an error, those that were started go on: they are ended by [`Children::stop`].
    ///
    /// # Errors
    /// If one does not come to be ready.
    pub(crate) async fn start(
        &self,
        machine: &Machine,
        tenure: &Arc<Tenure>,
        options: &ServeOptions,
        marker: Marker,
        port: u16,
        socket: Option<TcpListener>,
    ) -> Result<(), TenureError> {
        let plan = &options.children;
        let spec = tenure.spec();
        let passes = plan.command.as_ref().is_some_and(|part| part.socket == Socket::Pass);
        let (passed, held) = if passes { (socket, None) } else { (None, socket) };
        let address = ([127, 0, 0, 1], port).into();
        let bind = |source| TenureError::Bind { address, source };
        let ground = Arc::new(Ground {
            name: spec.name().to_string(),
            state_dir: spec.state_dir().to_owned(),
            epoch: tenure.epoch(),
            port,
            socket: passed.map(blocking).transpose().map_err(bind)?,
            held: Mutex::new(held),
            marker,
            log_max_bytes: options.log_max_bytes,
            log_keep: options.log_keep,
        });
        if let Some(socket) = &ground.socket {
            let _ = self.socket.set(socket.try_clone().map_err(bind)?);
        }
        let order =
            plan.order().map_err(|wrong| TenureError::from(Failure::new("plan", "the plan", &wrong)))?;
        for part in order {
            let running = Running::start(machine, tenure, &ground, part);
            let state = running.state.clone();
            self.parts.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::new(running));
            if let Some(failure) = first_end(state).await {
                return Err(failure.into());
            }
        }
        Ok(())
    }

    /// The listening socket that is passed to the command, if one is.
    #[cfg(unix)]
    pub(crate) fn socket(&self) -> Option<&TcpListener> {
        self.socket.get()
    }

    /// Whether a command serves in this worker's place.
    #[cfg(unix)]
    pub(crate) fn serves(&self) -> bool {
        self.parts().iter().any(|part| part.serves)
    }

    fn parts(&self) -> Vec<Arc<Running>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The command, if there is one and it is ready.
    pub(crate) fn service(&self, port: u16) -> Option<Service> {
        let parts = self.parts();
        let state = parts.iter().find(|part| part.serves)?.state.borrow();
        match *state {
            State::Ready(pid) => Some(service(port, pid)),
            _ => None,
        }
    }

    /// From now on, what becomes of the parts is the tenure's: sessions wait while the command is started again, and the worker stops when a part
    /// has failed for good, or the command has ended.
    pub(crate) fn follow(&self, tenure: &Arc<Tenure>, port: u16, stop: &Stop) {
        let tasks = self.parts().into_iter().map(|part| {
            let state = part.state.clone();
            tokio::spawn(follow(part.label.clone(), part.serves, state, tenure.clone(), port, stop.clone()))
        });
        *self.followers() = Followers(tasks.collect());
    }

    fn followers(&self) -> MutexGuard<'_, Followers> {
        self.followers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the parts, the last that was started first, each within its time; at once when somebody is in a hurry.
    pub(crate) async fn stop(&self, hurry: impl Future<Output = ()>) {
        // The ends of the parts are no news any more.
        *self.followers() = Followers::default();
        let parts = self.parts();
        let in_turn = async {
            for part in parts.iter().rev() {
                part.orders.send_replace(Order::End);
                part.over().await;
            }
        };
        tokio::select! {
            () = in_turn => return,
            () = hurry => {}
        }
        for part in parts.iter().rev() {
            part.orders.send_replace(Order::Kill);
        }
        for part in parts.iter().rev() {
            let _ = tokio::time::timeout(KILL, part.over()).await;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A life ends what it holds.
        self.life.abort();
    }
}

/// As programs expect a socket that they are passed.
fn blocking(socket: TcpListener) -> std::io::Result<TcpListener> {
    socket.set_nonblocking(false)?;
    Ok(socket)
}

/// Whoever waits for what becomes of the parts.
#[derive(Default)]
struct Followers(Vec<JoinHandle<()>>);

impl Drop for Followers {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

impl Running {
    fn start(machine: &Machine, tenure: &Arc<Tenure>, ground: &Arc<Ground>, part: &Part) -> Self {
        let (state, seen) = watch::channel(State::Starting);
        let (orders, heard) = watch::channel(Order::Run);
        let life = Life {
            part: part.clone(),
            ground: ground.clone(),
            machine: machine.clone(),
            chronicle: Chronicle::of(tenure),
            state,
            orders: heard,
        };
        Self {
            label: part.label().to_owned(),
            serves: part.name.is_empty(),
            state: seen,
            orders,
            life: tokio::spawn(life.live()),
        }
    }

    async fn over(&self) {
        let _ = self.state.clone().wait_for(|state| matches!(state, State::Over(_))).await;
    }
}

fn service(port: u16, pid: Pid) -> Service {
    Service { address: ([127, 0, 0, 1], port).into(), pid }
}

/// Waits until a part is ready for the first time, or why it never will be.
async fn first_end(mut state: watch::Receiver<State>) -> Option<Failure> {
    let settled = state.wait_for(|state| *state != State::Starting).await.map(|state| state.clone());
    match settled {
        Ok(State::Over(Over::Failed(failure))) => Some(failure),
        // A helper that has done its work is as good as one that goes on.
        Ok(_) => None,
        Err(_) => Some(Failure::new("command_not_started", "a part of the plan", "was given up")),
    }
}

/// What a part's states mean for the tenure.
async fn follow(
    label: String,
    serves: bool,
    mut state: watch::Receiver<State>,
    tenure: Arc<Tenure>,
    port: u16,
    stop: Stop,
) {
    while state.changed().await.is_ok() {
        let now = state.borrow_and_update().clone();
        match now {
            State::Ready(pid) if serves => {
                tenure.set_service(Some(service(port, pid))).await;
            }
            State::Starting if serves => tenure.set_service(None).await,
            State::Over(Over::Failed(failure)) => {
                tracing::error!(code = failure.code, "{}", failure.message);
                stop.begin(StopReason::Part { why: failure.message });
            }
            State::Over(Over::Finished) if serves => {
                stop.begin(StopReason::Part { why: "the command has ended, with status 0".to_owned() });
            }
            State::Over(Over::Finished) => tracing::info!("the helper {label} has ended, with status 0"),
            State::Ready(_) | State::Starting | State::Over(Over::Stopped) => {}
        }
    }
}
