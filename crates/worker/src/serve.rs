//! One tenure, from the claim to the end.
//!
//! The order is the point. Workers that bind, open or write anything before they know that they are the one hurt the one that is: so the
//! claim comes first, and a loser returns before it has touched log, port, database or record.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use coordinator::fence::Databases;
use coordinator::machine::{Clock, Machine, ProcessIdentity};
use coordinator::{Holder, Superseded, Tenure, TenureError, WorkerSpec, failpoint, layout};
use tokio::task::JoinHandle;

use crate::activation;
use crate::children::{self, Children};
use crate::error::ServeError;
use crate::handover::{self, Agreed, Drained, Incoming, Inherited, Outgoing};
use crate::log::{self, Rotation};
use crate::office::{self, Taken};
use crate::options::ServeOptions;
use crate::presence::Presence;
use crate::server::{Data, Desk, Front, Server, data_routes};
use crate::service_manager::ServiceManager;
use crate::signals::Signals;
use crate::stages;
use crate::stop::{Stop, StopReason};
use crate::store::{Place, Retention, Store};
use crate::watchdog::{Pulse, Watchdog};

/// How a worker's run ended without an error.
#[derive(Debug)]
#[non_exhaustive]
#[allow(clippy::large_enum_variant)] // Made once in a process's life.
pub enum Served {
    /// Somebody else is in office; nothing was touched. The process is to exit with status 0.
    Lost(Holder),
    /// It was in office (or stood by for it) until it was told to stop.
    Ended {
        /// Why.
        why: StopReason,
    },
}

/// Runs a worker of `spec` on the real machine until it ends: log, panic hook, event loop and [`serve`]. For a process that is nothing else;
/// it should exit when this returns.
///
/// # Errors
/// As [`serve`]; and if there is no event loop to be had.
pub fn run(spec: &WorkerSpec, options: ServeOptions) -> Result<Served, ServeError> {
    // First: it needs a process of one thread.
    children::prepare(&options.children).map_err(ServeError::Guard)?;
    // Then: before any other descriptor could have its number.
    let opened = activation::take(spec.port(), &options.children)?;
    crate::panic::end_process_on_panic();
    log::start(options.log_level);
    // One thread serves: the worker waits most of the time, and a thread for each core would cost memory that nobody uses.
    // Threads for blocking calls come and go.
    let event_loop = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(8)
        .thread_stack_size(512 * 1024)
        .thread_keep_alive(Duration::from_secs(1))
        .thread_name("worker-io")
        .build()
        .map_err(ServeError::EventLoop)?;
    let served = event_loop.block_on(serve_on(&coordinator::system::machine(), spec, options, opened));
    // A blocking call that hangs must not keep the process, and with it the lock.
    event_loop.shutdown_background();
    served
}

/// Serves one tenure: takes office, listens, answers, and stops on a signal, on request or when superseded. One that has handed over stays until its successor
/// serves: if that dies before, it takes office again, in its next tenure.
///
/// It must run on a Tokio runtime with time and I/O. If the event loop is stuck for [`ServeOptions::watchdog`], or the stop takes too long, the
/// *process* is ended.
///
/// # Errors
/// If office can't be taken or not be made use of. Sessions that wait for this worker are told over its readiness channel.
pub async fn serve(
    machine: &Machine,
    spec: &WorkerSpec,
    options: ServeOptions,
) -> Result<Served, ServeError> {
    serve_on(machine, spec, options, None).await
}

/// [`serve`], on the socket that was opened for this worker, if one was.
async fn serve_on(
    machine: &Machine,
    spec: &WorkerSpec,
    mut options: ServeOptions,
    opened: Option<TcpListener>,
) -> Result<Served, ServeError> {
    failpoint::hit("serve.start");
    loop {
        let stop = Stop::new();
        let _signals = Signals::handle(&stop, options.foreground).map_err(ServeError::Signals)?;
        // Who opened it has it still, and so may this worker need it again.
        let opened = opened.as_ref().and_then(|opened| opened.try_clone().ok());
        let (served, successor) = match serve_once(machine, spec, &options, opened, &stop).await? {
            Over::Served(served) => return Ok(served),
            Over::HandedOver(served, successor) => (served, successor),
        };
        let failed = tokio::select! {
            biased;
            () = stop.hurried() => false,
            failed = Tenure::succession_failed(machine, spec, &successor, SUCCESSION) => failed,
        };
        if !failed {
            return Ok(served);
        }
        tracing::warn!(
            "the successor (pid {}) is dead and office is vacant: this worker takes it again",
            successor.pid
        );
        options.predecessor = None;
    }
}

/// How long a successor's start is watched by who has made room for it.
const SUCCESSION: Duration = Duration::from_secs(60);

/// What comes after a tenure.
enum Over {
    /// Nothing.
    Served(Served),
    /// Whatever comes of its successor.
    HandedOver(Served, ProcessIdentity),
}

async fn serve_once(
    machine: &Machine,
    spec: &WorkerSpec,
    options: &ServeOptions,
    opened: Option<TcpListener>,
    stop: &Stop,
) -> Result<Over, ServeError> {
    let manager = ServiceManager::from_environment();
    let place = place(spec, options);
    let databases = Databases(vec![place.path.clone()]);

    let incoming = options.predecessor.and_then(|from| handover::expect(spec.state_dir(), from.pid));
    // The predecessor's settings are most likely this worker's.
    let stop_budget = stages::budget(options.drain + options.children.stop_budget());
    let inheritance = options.predecessor.map(|predecessor| (predecessor, stop_budget));
    let tenure: Arc<Tenure> =
        match office::take(machine, spec, &databases, options.stand_by, inheritance, &manager, stop).await? {
            Taken::Office(tenure) => Arc::from(tenure),
            Taken::Lost(holder) => return Ok(Over::Served(Served::Lost(holder))),
            Taken::Stopped(why) => return Ok(Over::Served(Served::Ended { why })),
        };
    children::in_office();
    tracing::info!(
        epoch = tenure.epoch().0,
        pid = std::process::id(),
        version = %spec.version(),
        "in office for {:?}",
        spec.name().as_str()
    );
    let limit = options.watchdog.unwrap_or(spec.hang_limit());
    let watchdog = match Watchdog::start(machine.clock.clone(), limit, manager.pulse()) {
        Ok(watchdog) => watchdog,
        Err(error) => return Err(abandon(&tenure, ServeError::Watchdog(error)).await),
    };
    let rotation = if options.foreground {
        None
    } else {
        Rotation::of_standard_error(&spec.log_file(), options.log_max_bytes, options.log_keep)
    };
    let periodic = Periodic::start(
        tenure.clone(),
        stop.clone(),
        watchdog.pulse(),
        rotation,
        machine.clock.clone(),
        manager,
    );

    let mut house = House { incoming, opened, ..House::default() };
    let agreed = Agreed::default();
    let begun = tokio::select! {
        biased;
        _ = stop.begun() => Ok(None),
        begun = begin(machine, &tenure, place, stop, &agreed, options, &mut house) => begun.map(Some),
    };
    match begun {
        Ok(Some(address)) => {
            tracing::info!("ready at http://{address}");
            manager.ready(&format!("serving at http://{address}, epoch {}", tenure.epoch()));
        }
        Ok(None) => {}
        Err(error) => {
            watchdog.stopping(stages::budget(options.children.stop_budget()));
            let error = match error {
                ServeError::Tenure(error) => {
                    stages::fail(&tenure, &error).await;
                    error.into()
                }
                error => abandon(&tenure, error).await,
            };
            house.children.stop(stop.hurried()).await;
            return Err(error);
        }
    }

    // A hand-over has two halves: while this worker serves, and when it does no longer.
    let half = options.drain / 2;
    let why = until_stop(&tenure, stop, &agreed, &mut house, half).await;
    let drain = if matches!(why, StopReason::HandedOver { .. }) { half } else { options.drain };
    watchdog.stopping(stop_budget);
    manager.stopping(&format!("stopping ({why})"), stop_budget);
    periodic.end().await;
    stages::leave(&tenure, house, stop, &why, drain).await;
    let successor = match why {
        StopReason::HandedOver { .. } => tenure.successor().await,
        _ => None,
    };
    let served = Served::Ended { why };
    Ok(match successor {
        Some(successor) if let_go(tenure).await => Over::HandedOver(served, successor),
        _ => Over::Served(served),
    })
}

/// Drops the tenure, and with it the lock. Where somebody else has it still, such as a connection that was cut off, the lock goes with the process.
async fn let_go(tenure: Arc<Tenure>) -> bool {
    // What was aborted lets go of it when the event loop comes to it.
    for _ in 0..10 {
        if Arc::strong_count(&tenure) == 1 {
            break;
        }
        tokio::task::yield_now().await;
    }
    Arc::into_inner(tenure).is_some()
}

/// Serves until there is a reason to stop, one of which is that this worker has handed over.
async fn until_stop(
    tenure: &Tenure,
    stop: &Stop,
    agreed: &Agreed,
    house: &mut House,
    drain: Duration,
) -> StopReason {
    let handing_over = async {
        loop {
            agreed.told().await;
            if handover::drain(tenure, house, drain).await == Drained::Leave
                && let Some(successor) = tenure.successor().await
            {
                stop.begin(StopReason::HandedOver { to: successor.pid.0 });
            }
        }
    };
    tokio::select! {
        biased;
        _ = stop.begun() => {}
        never = handing_over => match never {}
    }
    let why = stop.begun().await;
    if !matches!(why, StopReason::HandedOver { .. }) {
        // Whoever wants this worker to stop does not want another one in its place.
        tenure.keep_office().await;
    }
    why
}

/// What a worker has, as far as it has come. However its start ends, this is what is to be left in good order.
#[derive(Default)]
pub(crate) struct House {
    pub(crate) server: Option<Server>,
    pub(crate) store: Option<Arc<Store>>,
    pub(crate) children: Children,
    /// What the sockets come over at first, and go over at last.
    incoming: Option<Incoming>,
    /// The socket that this worker was started with.
    opened: Option<TcpListener>,
    pub(crate) outgoing: Option<Outgoing>,
    upkeep: Option<Upkeep>,
}

/// Listens, opens the database, starts what is to be started, and tells everybody: where it serves, or its command does. No server on a
/// simulated machine, which has no sockets.
async fn begin(
    machine: &Machine,
    tenure: &Arc<Tenure>,
    place: Place,
    stop: &Stop,
    agreed: &Agreed,
    options: &ServeOptions,
    house: &mut House,
) -> Result<SocketAddr, ServeError> {
    let marker = Children::sweep(machine, tenure, &options.children).await?;
    let Inherited { port: mut bound, connections } =
        handover::take_port(tenure, house.incoming.take(), house.opened.take()).await?;
    // A command that serves in this worker's place has its port.
    let mut given = None;
    if options.children.command.is_some() {
        given = Some(std::mem::replace(&mut bound, tenure.bind_beside().await?));
    }
    let decision = stop.clone();
    let superseded =
        move |superseded: Superseded| decision.begin(StopReason::Superseded { why: superseded.why });
    let opened = Store::open(place, tenure.epoch(), machine.clock.clone(), superseded).await;
    let store = house.store.insert(Arc::new(opened.map_err(TenureError::from)?)).clone();
    let presence = Presence::restore(machine, store.clone()).await.map_err(TenureError::from)?;
    let desk = Arc::new(Desk::new(tenure.clone(), stop.clone(), agreed.clone()));
    if let Some(listener) = bound.listener {
        let batch_bytes = options.limits.batch_bytes;
        let data =
            Data { store: store.clone(), presence: presence.clone(), machine: machine.clone(), batch_bytes };
        let front = Front::new(desk.clone(), data_routes(data.into()), bound.address, options.limits);
        house.server =
            Some(Server::start(listener, connections, front, options.limits).map_err(ServeError::Listen)?);
    }
    let mut service = None;
    if let Some(marker) = marker {
        tenure.starting(bound.address).await?;
        let (port, socket) = match given {
            Some(given) => (given.address.port(), given.listener),
            None => (bound.address.port(), None),
        };
        house.children.start(machine, tenure, options, marker, port, socket).await?;
        house.children.follow(tenure, port, stop);
        service = house.children.service(port);
    }
    tenure.ready_with(bound.address, service).await?;
    desk.open();
    house.upkeep =
        Some(Upkeep::start(machine, tenure.clone(), store, presence, stop.clone(), options.idle_timeout));
    Ok(service.map_or(bound.address, |service| service.address))
}

/// Where the data is.
fn place(spec: &WorkerSpec, options: &ServeOptions) -> Place {
    let path = options.database.clone().unwrap_or_else(|| spec.state_dir().join(layout::WORKER_DB));
    let age_ms = i64::try_from(options.keep_for.as_millis()).ok().filter(|age| *age > 0);
    let bytes = i64::try_from(options.keep_bytes).ok().filter(|bytes| *bytes > 0);
    Place { path, retention: Retention { age_ms, bytes }, synced: options.synced }
}

/// What is done beside serving, until this is dropped: dropping old data, and leaving when nobody needs this worker.
struct Upkeep([JoinHandle<()>; 2]);

/// How often old data is dropped.
const TEND: Duration = Duration::from_secs(60);
/// So many times that lie between two looks at what SQLite should know of its tables: an hour (https://sqlite.org/pragma.html#pragma_optimize).
const OPTIMIZE: u64 = 60;

impl Upkeep {
    fn start(
        machine: &Machine,
        tenure: Arc<Tenure>,
        store: Arc<Store>,
        presence: Arc<Presence>,
        stop: Stop,
        idle: Duration,
    ) -> Self {
        let clock = machine.clock.clone();
        let tending = tokio::spawn(async move {
            for round in 1_u64.. {
                // A portion at a time, so that nobody waits for long.
                while matches!(store.tend().await, Ok(1..)) {}
                if round.is_multiple_of(OPTIMIZE) {
                    // If it can't be done now, it is in an hour.
                    let _ = store.optimize().await;
                }
                clock.sleep(TEND).await;
            }
        });
        let leaving = tokio::spawn(async move {
            if !idle.is_zero() {
                presence.leave_when_unneeded(&tenure, &stop, idle).await;
            }
        });
        Self([tending, leaving])
    }
}

impl Drop for Upkeep {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

/// Ends a tenure that came to nothing for a reason of this process's own.
async fn abandon(tenure: &Tenure, error: ServeError) -> ServeError {
    tracing::error!(code = error.code(), "{error}");
    stages::end(tenure, &error.to_string()).await;
    error
}

/// What is done whenever the watchdog asks: the self-check, the log, and the answer.
struct Periodic(JoinHandle<()>);

impl Periodic {
    fn start(
        tenure: Arc<Tenure>,
        stop: Stop,
        pulse: Arc<Pulse>,
        mut rotation: Option<Rotation>,
        clock: Arc<dyn Clock>,
        manager: ServiceManager,
    ) -> Self {
        Self(tokio::spawn(async move {
            loop {
                pulse.asked().await;
                if let Err(superseded) = tenure.check().await {
                    stop.begin(StopReason::Superseded { why: superseded.why });
                }
                if let Some(rotation) = &mut rotation {
                    rotation.tend(clock.now());
                }
                manager.alive();
                pulse.answer();
            }
        }))
    }

    /// Ends it, so that no self-check heals what the stop removes.
    async fn end(mut self) {
        self.0.abort();
        let _ = (&mut self.0).await;
    }
}

impl Drop for Periodic {
    fn drop(&mut self) {
        self.0.abort();
    }
}
