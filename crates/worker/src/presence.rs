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
        let before = self.known().leases.get(&id).map(|held| held.owner.clone());
        let is_new = before.is_none();
        let owner = owner.or_else(|| before.flatten());
        // Held first: the end of an old lease of this name, which may be on its way to the database, then sees that there is a new one.
        self.hold(id.clone(), self.machine.clock.now() + ttl, owner.clone());
        let put = self.store.put_lease(new_lease(&id, ttl, owner)).await;
        if put.is_err() && is_new {
            self.let_go(&id);
        }
        put
    }

    fn let_go(&self, id: &str) {
        if let Some(held) = self.known().leases.remove(id) {
            held.watch.abort();
        }
    }

    /// Ends a lease; whether there was one.
    pub(crate) async fn end(&self, id: String) -> Result<bool, StoreError> {
        self.let_go(&id);
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
    let mut written = presence.store.end_lease(id.clone()).await.map(drop);
    // Begun anew since: whichever of the two was written first, it is there.
    let anew = presence.known().leases.get(&id).map(|held| (held.ends, held.owner.clone()));
    if let Some((ends, owner)) = anew {
        let left = ends.since(presence.machine.clock.now());
        written = presence.store.put_lease(new_lease(&id, left, owner)).await;
    }
    if let Err(error) = written {
        tracing::warn!("the end of a lease could not be written: {error}");
    }
}

fn new_lease(id: &str, ttl: Duration, owner: Option<ProcessIdentity>) -> NewLease {
    NewLease { id: id.to_owned(), ttl_ms: i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX), owner }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Place, Retention};
    use coordinator::Epoch;

    #[tokio::test]
    async fn a_lease_that_is_begun_when_the_old_one_of_its_name_ends_is_in_the_database() {
        let dir = tempfile::tempdir().unwrap();
        let place =
            Place { path: dir.path().join("worker.db"), retention: Retention::default(), synced: false };
        let machine = coordinator::system::machine();
        let store = Store::open(place, Epoch(1), machine.clock.clone(), |_| {}).await.unwrap();
        let store = Arc::new(store);
        let presence = Presence::restore(&machine, store.clone()).await.unwrap();
        let round = |number: u64| {
            let (presence, id) = (presence.clone(), format!("session-{number}"));
            async move {
                presence.keep(id.clone(), Duration::from_millis(5), None).await.unwrap();
                // Around the very end of the first, a little earlier or later each time.
                tokio::time::sleep(Duration::from_micros(4000 + 10 * number)).await;
                presence.keep(id, Duration::from_secs(3600), None).await.unwrap();
            }
        };
        let rounds: Vec<_> = (0..300).map(|number| tokio::spawn(round(number))).collect();
        for round in rounds {
            round.await.unwrap();
        }
        // What is written last is what counts, and who ends an old one may still be about to write.
        let end = tokio::time::Instant::now() + Duration::from_secs(300);
        while store.leases().await.unwrap().len() < 300 {
            assert!(tokio::time::Instant::now() < end, "{} of 300", store.leases().await.unwrap().len());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}
