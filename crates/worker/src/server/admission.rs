//! Who may stay when the house is full.
//!
//! With a plain limit, a browser's idle keep-alive connections, or a client that opens connections and says nothing, would lock every
//! session out, and a worker that no session can reach is as good as dead. So the connection that has been quiet for longest, with no
//! request in progress, makes room. Only if all are in the middle of a request is a new one turned away; those end within the request's
//! time limit.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::task::{AbortHandle, Id};
use tokio::time::Instant;

/// Whether a new connection may enter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// It may.
    Welcome,
    /// Every connection is in the middle of a request.
    Full,
}

/// The connections that are open.
#[derive(Debug)]
pub(super) struct House {
    capacity: usize,
    opened: Instant,
    lines: HashMap<Id, (Arc<Line>, AbortHandle)>,
}

/// What is known of one connection.
#[derive(Debug)]
pub(super) struct Line {
    opened: Instant,
    /// Since when it has been quiet, in microseconds from `opened`; [`IN_REQUEST`] while a request is in progress.
    quiet_since: AtomicU64,
    /// So many requests were begun.
    requests: AtomicU64,
}

const IN_REQUEST: u64 = u64::MAX;

impl Line {
    fn new(opened: Instant) -> Self {
        let line = Self { opened, quiet_since: AtomicU64::new(0), requests: AtomicU64::new(0) };
        line.fall_quiet();
        line
    }

    /// A request is in progress until the result is dropped.
    pub(super) fn request(&self) -> InRequest<'_> {
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
pub(super) struct InRequest<'a>(&'a Line);

impl Drop for InRequest<'_> {
    fn drop(&mut self) {
        self.0.fall_quiet();
    }
}

impl House {
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity, opened: Instant::now(), lines: HashMap::new() }
    }

    /// Whether one more may enter; makes room for it if need be.
    pub(super) fn admission(&mut self) -> Admission {
        if self.lines.len() < self.capacity || self.make_room() {
            Admission::Welcome
        } else {
            Admission::Full
        }
    }

    /// Closes the connection that has been quiet for longest. Its answers were all written: a connection is quiet only from the poll on
    /// that writes its answer out, unless the client does not take it.
    pub(super) fn make_room(&mut self) -> bool {
        let quiet = self.lines.iter().filter(|(_, (line, _))| line.is_quiet());
        let quietest = quiet.min_by_key(|(_, (line, _))| line.quiet_since.load(Ordering::Relaxed));
        let Some(id) = quietest.map(|(id, _)| *id) else { return false };
        if let Some((_, task)) = self.lines.remove(&id) {
            task.abort();
        }
        true
    }

    /// The line of a new connection.
    pub(super) fn line(&self) -> Arc<Line> {
        Arc::new(Line::new(self.opened))
    }

    pub(super) fn enter(&mut self, line: Arc<Line>, task: AbortHandle) {
        self.lines.insert(task.id(), (line, task));
    }

    pub(super) fn leave(&mut self, id: Id) {
        self.lines.remove(&id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;
    use tokio::task::{JoinSet, yield_now};

    fn enter(house: &mut House, tasks: &mut JoinSet<()>) -> Arc<Line> {
        let line = house.line();
        house.enter(line.clone(), tasks.spawn(pending()));
        line
    }

    #[tokio::test]
    async fn the_connection_that_was_quiet_for_longest_makes_room() {
        let (mut house, mut tasks) = (House::new(3), JoinSet::new());
        let lines: Vec<_> = (0..3).map(|_| enter(&mut house, &mut tasks)).collect();
        for (line, since) in lines.iter().zip([30, 10, 20]) {
            line.quiet_since.store(since, Ordering::Relaxed);
        }
        assert_eq!(house.admission(), Admission::Welcome);
        let left: Vec<_> =
            house.lines.values().map(|(line, _)| line.quiet_since.load(Ordering::Relaxed)).collect();
        assert_eq!(left.len(), 2);
        assert!(!left.contains(&10), "left are {left:?}");
        yield_now().await;
        assert!(tasks.join_next().await.unwrap().unwrap_err().is_cancelled());
    }

    #[tokio::test]
    async fn nobody_in_the_middle_of_a_request_makes_room() {
        let (mut house, mut tasks) = (House::new(1), JoinSet::new());
        let line = enter(&mut house, &mut tasks);
        let request = line.request();
        assert_eq!(house.admission(), Admission::Full);
        drop(request);
        assert_eq!(house.admission(), Admission::Welcome);
    }
}
