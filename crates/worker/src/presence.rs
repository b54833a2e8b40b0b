//! What needs this worker: sessions with a lease, and requests for its data.
//!
//! A lease ends when its session ends it, when the session's process ends, or when it expires. It
//! expires by a clock that stops while the machine sleeps: a laptop that was closed over night
//! keeps its sessions.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use coordinator::Tenure;
use coordinator::machine::{Machine, Moment, ProcessIdentity};
use tokio::task::AbortHandle;

use crate::stop::{Stop, StopReason};
use crate::store::{Lease, NewLease, Store, StoreError};

/// How long a lease lasts by default.
pub(crate) const DEFAULT_TTL: Duration = Duration::from_secs(12 * 3600);
/// The longest pause between two checks whether this worker is needed.
const CHECK_INTERVAL: Duration = Duration::from_secs(30);

/// The leases, and the requests in progress.
pub(crate) struct Presence {
    machine: Machine,
    store: Arc<Store>,
    state: Mutex<State>,
}

struct State {
    leases: HashMap<String, HeldLease>,
    /// When the last request for data began or ended.
    last_request: Moment,
    active_requests: usize,
    /// The worker has decided to stop, and takes no more requests.
    closed: bool,
}

struct HeldLease {
    ends: Moment,
    owner: Option<ProcessIdentity>,
    /// The task that waits for its end.
    watch: AbortHandle,
}

/// A request for data in progress.
pub(crate) struct ActiveRequest(Arc<Presence>);

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        let now = self.0.machine.clock.now();
        let mut state = self.0.state();
        state.active_requests -= 1;
        state.last_request = now;
    }
}

impl Presence {
    /// Restores the leases of the previous worker.
    pub(crate) async fn restore(machine: &Machine, store: Arc<Store>) -> Result<Arc<Self>, StoreError> {
        let leases = store.leases().await?;
        let now = machine.clock.now();
        let state = State { leases: HashMap::new(), last_request: now, active_requests: 0, closed: false };
        let presence = Arc::new(Self { machine: machine.clone(), store, state: Mutex::new(state) });
        let wall = machine.clock.wall().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        for lease in leases {
            let Lease { id, touched_ms, ttl_ms, owner, .. } = lease;
            let ttl = millis(ttl_ms);
            // How long the machine slept meanwhile is not known. A clock that was set back must not
            // make a lease longer.
            let passed = wall.saturating_sub(millis(touched_ms));
            presence.hold(id, now + ttl.saturating_sub(passed), owner);
        }
        Ok(presence)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request for data until the result is dropped. Returns `None` if this worker is
    /// about to stop.
    pub(crate) fn begin_request(self: &Arc<Self>) -> Option<ActiveRequest> {
        let mut state = self.state();
        if state.closed {
            return None;
        }
        state.active_requests += 1;
        Some(ActiveRequest(Arc::clone(self)))
    }

    /// Begins or renews a lease.
    pub(crate) async fn keep(
        self: &Arc<Self>,
        id: String,
        ttl: Duration,
        owner: Option<ProcessIdentity>,
    ) -> Result<(), StoreError> {
        let before = self.state().leases.get(&id).map(|held| held.owner.clone());
        let is_new = before.is_none();
        let owner = owner.or_else(|| before.flatten());
        // Held first: an old lease of this name may be about to be removed from the database. Its
        // end then finds the new one.
        self.hold(id.clone(), self.machine.clock.now() + ttl, owner.clone());
        let put = self.store.put_lease(new_lease(&id, ttl, owner)).await;
        if put.is_err() && is_new {
            self.let_go(&id);
        }
        put
    }

    fn let_go(&self, id: &str) {
        if let Some(held) = self.state().leases.remove(id) {
            held.watch.abort();
        }
    }

    /// Ends a lease. Returns whether there was one.
    pub(crate) async fn end(&self, id: String) -> Result<bool, StoreError> {
        self.let_go(&id);
        self.store.end_lease(id).await
    }

    /// Returns how long a lease still lasts.
    pub(crate) fn left(&self, id: &str) -> Option<Duration> {
        let ends = self.state().leases.get(id)?.ends;
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
        let held = HeldLease { ends, owner, watch: watch.abort_handle() };
        if let Some(before) = self.state().leases.insert(id, held) {
            before.watch.abort();
        }
    }

    /// Returns whether this worker is needed, or was within `idle`. If not, no more requests are
    /// taken.
    fn is_needed(&self, idle: Duration) -> bool {
        let now = self.machine.clock.now();
        let mut state = self.state();
        let recent = now.since(state.last_request) < idle;
        let needed = !state.leases.is_empty() || state.active_requests > 0 || recent;
        state.closed |= !needed;
        needed
    }

    /// Begins the stop once this worker has not been needed for `idle`. Does not return before
    /// that.
    pub(crate) async fn stop_when_unneeded(&self, tenure: &Tenure, stop: &Stop, idle: Duration) {
        let interval = (idle / 4).min(CHECK_INTERVAL);
        loop {
            self.machine.clock.sleep(interval).await;
            if tenure.leave_if_unneeded(idle, &|| self.is_needed(idle)).await {
                stop.begin(StopReason::Idle { idle });
                return;
            }
        }
    }
}

/// Ends a lease that has expired, unless it was renewed meanwhile.
async fn expire(presence: &Weak<Presence>, id: String, ends: Moment, why: &str) {
    let Some(presence) = presence.upgrade() else { return };
    {
        let mut state = presence.state();
        if state.leases.get(&id).is_none_or(|held| held.ends != ends) {
            return;
        }
        state.leases.remove(&id);
        state.last_request = presence.machine.clock.now();
    }
    tracing::info!("the lease of session {id:?} is over: {why}");
    let mut written = presence.store.end_lease(id.clone()).await.map(drop);
    // Renewed since: whichever of the two was written first, the lease must be in the database.
    let renewed = presence.state().leases.get(&id).map(|held| (held.ends, held.owner.clone()));
    if let Some((ends, owner)) = renewed {
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

/// Waits for the end of a session's process. Waits for ever if the process is not known.
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
    use crate::store::{Retention, StoreConfig};
    use coordinator::Epoch;

    #[tokio::test]
    async fn a_lease_that_is_begun_when_the_old_one_of_its_name_ends_is_in_the_database() {
        let dir = tempfile::tempdir().unwrap();
        let config = StoreConfig {
            path: dir.path().join("worker.db"),
            retention: Retention::default(),
            synced: false,
        };
        let machine = coordinator::system::machine();
        let store = Store::open(config, Epoch(1), machine.clock.clone(), |_| {}).await.unwrap();
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
        // The last write counts, and the end of an old lease may still be about to be written.
        let end = tokio::time::Instant::now() + Duration::from_secs(300);
        while store.leases().await.unwrap().len() < 300 {
            assert!(tokio::time::Instant::now() < end, "{} of 300", store.leases().await.unwrap().len());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}
