//! Who needs this worker: sessions with a lease, and requests for its data.
//!
//! A lease ends by being ended, by the death of the process that it was begun for, or by running out. It runs out on a clock that stands still
//! while the machine sleeps: a laptop that was closed over night has not forgotten its sessions.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use coordinator::Tenure;
use coordinator::machine::{Machine, Moment, ProcessIdentity};
use tokio::task::AbortHandle;

use crate::stop::{Stop, StopReason};
use crate::store::{Lease, NewLease, Store, StoreError};

/// How long a lease lasts if nothing else is said.
pub(crate) const DEFAULT_TTL: Duration = Duration::from_secs(12 * 3600);
/// How often it is looked whether anybody needs this worker, at least.
const LOOK: Duration = Duration::from_secs(30);

/// Who needs this worker.
pub(crate) struct Presence {
    machine: Machine,
    store: Arc<Store>,
    known: Mutex<Known>,
}

struct Known {
    leases: HashMap<String, Held>,
    /// When the last request for data came or ended.
    worked: Moment,
    working: usize,
    /// The worker has decided to leave: nobody enters any more.
    closed: bool,
}

struct Held {
    ends: Moment,
    owner: Option<ProcessIdentity>,
    /// Waits for its end.
    watch: AbortHandle,
}

/// A request for data in progress.
pub(crate) struct Work(Arc<Presence>);

impl Drop for Work {
    fn drop(&mut self) {
        let now = self.0.machine.clock.now();
        let mut known = self.0.known();
        known.working -= 1;
        known.worked = now;
    }
}

impl Presence {
    /// With the leases that the last worker left.
    pub(crate) async fn restore(machine: &Machine, store: Arc<Store>) -> Result<Arc<Self>, StoreError> {
        let leases = store.leases().await?;
        let now = machine.clock.now();
        let known = Known { leases: HashMap::new(), worked: now, working: 0, closed: false };
        let presence = Arc::new(Self { machine: machine.clone(), store, known: Mutex::new(known) });
        let wall = machine.clock.wall().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        for lease in leases {
            let Lease { id, touched_ms, ttl_ms, owner, .. } = lease;
            let ttl = millis(ttl_ms);
            // Nobody knows how long the machine slept meanwhile, and a clock that was set back gives nobody more than he had.
            let passed = wall.saturating_sub(millis(touched_ms));
            presence.hold(id, now + ttl.saturating_sub(passed), owner);
        }
        Ok(presence)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request for data. `None`: this worker is leaving.
    pub(crate) fn work(self: &Arc<Self>) -> Option<Work> {
        let mut known = self.known();
        if known.closed {
            return None;
        }
        known.working += 1;
        Some(Work(Arc::clone(self)))
    }

    /// Begins a lease, or goes on with it.
    pub(crate) async fn keep(
        self: &Arc<Self>,
        id: String,
        ttl: Duration,
        owner: Option<ProcessIdentity>,
    ) -> Result<(), StoreError> {
        let ttl_ms = i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX);
        self.store.put_lease(NewLease { id: id.clone(), ttl_ms, owner: owner.clone() }).await?;
        let owner = owner.or_else(|| self.known().leases.get(&id)?.owner.clone());
        self.hold(id, self.machine.clock.now() + ttl, owner);
        Ok(())
    }

    /// Ends a lease; whether there was one.
    pub(crate) async fn end(&self, id: String) -> Result<bool, StoreError> {
        if let Some(held) = self.known().leases.remove(&id) {
            held.watch.abort();
        }
        self.store.end_lease(id).await
    }

    /// How long a lease still lasts.
    pub(crate) fn left(&self, id: &str) -> Option<Duration> {
        let ends = self.known().leases.get(id)?.ends;
        Some(ends.since(self.machine.clock.now()))
    }

    fn hold(self: &Arc<Self>, id: String, ends: Moment, owner: Option<ProcessIdentity>) {
        let presence = Arc::downgrade(self);
        let (machine, name, awaited) = (self.machine.clone(), id.clone(), owner.clone());
        let watch = tokio::spawn(async move {
            let left = ends.since(machine.clock.now());
            let why = tokio::select! {
                () = machine.clock.sleep(left) => "ran out",
                () = ended(&machine, awaited) => "its process ended",
            };
            expire(&presence, name, ends, why).await;
        });
        let held = Held { ends, owner, watch: watch.abort_handle() };
        if let Some(before) = self.known().leases.insert(id, held) {
            before.watch.abort();
        }
    }

    /// Whether anybody needs this worker, or has until lately. If not, nobody enters any more.
    fn is_needed(&self, idle: Duration) -> bool {
        let now = self.machine.clock.now();
        let mut known = self.known();
        let needed = !known.leases.is_empty() || known.working > 0 || now.since(known.worked) < idle;
        known.closed |= !needed;
        needed
    }

    /// Begins the stop once nobody has needed this worker for so long. Never returns before that.
    pub(crate) async fn leave_when_unneeded(&self, tenure: &Tenure, stop: &Stop, idle: Duration) {
        let look = (idle / 4).min(LOOK);
        loop {
            self.machine.clock.sleep(look).await;
            if tenure.leave_if_unneeded(idle, &|| self.is_needed(idle)).await {
                stop.begin(StopReason::Idle { idle });
                return;
            }
        }
    }
}

/// The end of a lease that nobody ended, unless it was begun anew meanwhile.
async fn expire(presence: &Weak<Presence>, id: String, ends: Moment, why: &str) {
    let Some(presence) = presence.upgrade() else { return };
    {
        let mut known = presence.known();
        if known.leases.get(&id).is_none_or(|held| held.ends != ends) {
            return;
        }
        known.leases.remove(&id);
        known.worked = presence.machine.clock.now();
    }
    tracing::info!("the lease of session {id:?} is over: {why}");
    if let Err(error) = presence.store.end_lease(id).await {
        tracing::warn!("the end of a lease could not be written: {error}");
    }
}

/// Waits for the end of a session's process; for ever if none is known.
async fn ended(machine: &Machine, owner: Option<ProcessIdentity>) {
    match owner {
        Some(owner) => machine.processes.ended(&owner).await,
        None => std::future::pending().await,
    }
}

fn millis(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}
