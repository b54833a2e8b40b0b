//! The open connections, and which of them closes when there are too many.
//!
//! With a plain limit, a browser's idle keep-alive connections, or a client that opens connections
//! and sends nothing, would lock every session out. So the connection that has been quiet for
//! longest makes room. A new connection is turned away only if all others are in the middle of a
//! request. Those end within the request's time limit.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::task::{AbortHandle, Id};
use tokio::time::Instant;

/// Whether a new connection is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// It is.
    Admitted,
    /// Every connection is in the middle of a request.
    Full,
}

/// The open connections.
#[derive(Debug)]
pub(super) struct ConnectionTable {
    capacity: usize,
    opened: Instant,
    connections: HashMap<Id, (Arc<Activity>, AbortHandle)>,
}

/// The activity of one connection.
#[derive(Debug)]
pub(super) struct Activity {
    opened: Instant,
    /// Since when it has been quiet, in microseconds from `opened`. [`IN_REQUEST`] while a request
    /// is in progress.
    quiet_since: AtomicU64,
    /// How many requests have begun.
    requests: AtomicU64,
}

const IN_REQUEST: u64 = u64::MAX;

impl Activity {
    fn new(opened: Instant) -> Self {
        let activity = Self { opened, quiet_since: AtomicU64::new(0), requests: AtomicU64::new(0) };
        activity.fall_quiet();
        activity
    }

    /// Marks a request as in progress until the result is dropped.
    pub(super) fn begin_request(&self) -> InRequest<'_> {
        self.quiet_since.store(IN_REQUEST, Ordering::Relaxed);
        self.requests.fetch_add(1, Ordering::Relaxed);
        InRequest(self)
    }

    pub(super) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    pub(super) fn is_quiet(&self) -> bool {
        self.quiet_since.load(Ordering::Relaxed) != IN_REQUEST
    }

    fn fall_quiet(&self) {
        let now = u64::try_from(self.opened.elapsed().as_micros()).unwrap_or(IN_REQUEST - 1);
        self.quiet_since.store(now, Ordering::Relaxed);
    }
}

/// A request in progress.
pub(super) struct InRequest<'a>(&'a Activity);

impl Drop for InRequest<'_> {
    fn drop(&mut self) {
        self.0.fall_quiet();
    }
}

impl ConnectionTable {
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity, opened: Instant::now(), connections: HashMap::new() }
    }

    /// Returns whether one more connection is served. Makes room for it if necessary.
    pub(super) fn admission(&mut self) -> Admission {
        if self.connections.len() < self.capacity || self.make_room() {
            Admission::Admitted
        } else {
            Admission::Full
        }
    }

    /// Closes the connection that has been quiet for longest. Returns whether there was one. All
    /// its responses were written: a connection is quiet only from the poll on that writes its
    /// response, unless the client does not read it.
    pub(super) fn make_room(&mut self) -> bool {
        let quiet = self.connections.iter().filter(|(_, (activity, _))| activity.is_quiet());
        let quietest = quiet.min_by_key(|(_, (activity, _))| activity.quiet_since.load(Ordering::Relaxed));
        let Some(id) = quietest.map(|(id, _)| *id) else { return false };
        if let Some((_, task)) = self.connections.remove(&id) {
            task.abort();
        }
        true
    }

    /// Returns the activity of a new connection.
    pub(super) fn new_activity(&self) -> Arc<Activity> {
        Arc::new(Activity::new(self.opened))
    }

    pub(super) fn insert(&mut self, activity: Arc<Activity>, task: AbortHandle) {
        self.connections.insert(task.id(), (activity, task));
    }

    pub(super) fn remove(&mut self, id: Id) {
        self.connections.remove(&id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;
    use tokio::task::{JoinSet, yield_now};

    fn open(table: &mut ConnectionTable, tasks: &mut JoinSet<()>) -> Arc<Activity> {
        let activity = table.new_activity();
        table.insert(activity.clone(), tasks.spawn(pending()));
        activity
    }

    #[tokio::test]
    async fn the_connection_that_was_quiet_for_longest_makes_room() {
        let (mut table, mut tasks) = (ConnectionTable::new(3), JoinSet::new());
        let activities: Vec<_> = (0..3).map(|_| open(&mut table, &mut tasks)).collect();
        for (activity, since) in activities.iter().zip([30, 10, 20]) {
            activity.quiet_since.store(since, Ordering::Relaxed);
        }
        assert_eq!(table.admission(), Admission::Admitted);
        let left: Vec<_> = table
            .connections
            .values()
            .map(|(activity, _)| activity.quiet_since.load(Ordering::Relaxed))
            .collect();
        assert_eq!(left.len(), 2);
        assert!(!left.contains(&10), "left are {left:?}");
        yield_now().await;
        assert!(tasks.join_next().await.unwrap().unwrap_err().is_cancelled());
    }

    #[tokio::test]
    async fn nobody_in_the_middle_of_a_request_makes_room() {
        let (mut table, mut tasks) = (ConnectionTable::new(1), JoinSet::new());
        let activity = open(&mut table, &mut tasks);
        let request = activity.begin_request();
        assert_eq!(table.admission(), Admission::Full);
        drop(request);
        assert_eq!(table.admission(), Admission::Admitted);
    }
}
