//! A machine with a store on a disk whose power fails, and its clients.

use std::future::{Future, poll_fn};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::Poll;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use coordinator::Epoch;
use coordinator::fence::Fence;
use coordinator::machine::{BootId, Clock, Moment};
use oneworker_disk::Disk;

use super::found::{self, Found};
use super::ledger::Ledger;
use super::word;
use crate::api::{Filter, NewObservation, Receipt};
use crate::store::{NewLease, Retention, Store, StoreConfig, StoreError};

/// So long an observation is kept, on a clock that only moves when it is told to.
pub(super) const KEPT_MS: i64 = 1000;

/// A clock that stands still.
pub(super) struct ManualClock(AtomicI64);

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Moment {
        Moment { nanos: 0 }
    }

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(self.0.load(Ordering::Relaxed).cast_unsigned())
    }

    fn boot_id(&self) -> BootId {
        BootId("a boot".to_owned())
    }

    async fn sleep(&self, _pause: Duration) {}

    fn random(&self) -> u64 {
        4
    }
}

pub(super) struct Machine {
    pub(super) disk: Disk,
    pub(super) clock: Arc<ManualClock>,
    pub(super) ledger: Ledger,
    /// As the store is configured.
    pub(super) synced: bool,
    /// After so many pages the log is written into the database.
    pub(super) checkpoint: u32,
}

/// What a client waits for.
type Answer<'a> = Pin<Box<dyn Future<Output = Result<Vec<Receipt>, StoreError>> + 'a>>;

impl Machine {
    pub(super) fn new(disk: Disk, synced: bool) -> Self {
        let clock = Arc::new(ManualClock(AtomicI64::new(1_000_000)));
        Self { disk, clock, ledger: Ledger::default(), synced, checkpoint: 1000 }
    }

    pub(super) fn database(&self) -> PathBuf {
        self.disk.path("worker.db")
    }

    pub(super) fn now(&self) -> i64 {
        self.clock.0.load(Ordering::Relaxed)
    }

    pub(super) fn wait(&self, ms: i64) {
        self.clock.0.fetch_add(ms, Ordering::Relaxed);
    }

    /// Errors are for the dead only.
    pub(super) fn or_dead<T, E: std::fmt::Display>(
        &self,
        what: &str,
        result: Result<T, E>,
    ) -> Result<Option<T>, String> {
        match result {
            Ok(done) => Ok(Some(done)),
            Err(_) if self.disk.is_dead() => Ok(None),
            Err(error) => Err(format!("failed with the power on: {what}: {error}")),
        }
    }

    /// An epoch above the highest, which has to be one that was claimed, or tried since.
    pub(super) fn draw_epoch(&mut self) -> Result<Option<u64>, String> {
        let highest = self.or_dead("reading the fence", Fence::highest(&self.database()))?;
        let Some(highest) = highest else { return Ok(None) };
        let highest = highest.map_or(0, |epoch| epoch.0);
        if !(self.ledger.claimed..=self.ledger.tried).contains(&highest) {
            return Err(format!(
                "lost: the fence is at {highest}, after {} was claimed and {} was tried",
                self.ledger.claimed, self.ledger.tried
            ));
        }
        self.ledger.tried = highest + 1;
        Ok(Some(highest + 1))
    }

    /// Takes office as a worker does; `None` if the power fails in that.
    pub(super) async fn open(&mut self) -> Result<Option<Store>, String> {
        let Some(epoch) = self.draw_epoch()? else { return Ok(None) };
        let retention = Retention { age_ms: Some(KEPT_MS), bytes: None };
        let config = StoreConfig { path: self.database(), retention, synced: self.synced };
        let opened = Store::open(config, Epoch(epoch), self.clock.clone(), |_| {}).await;
        let Some(store) = self.or_dead("opening", opened)? else { return Ok(None) };
        self.ledger.claimed = epoch;
        let pages = self.checkpoint;
        let set = store.writer.write(move |db| db.pragma_update(None, "wal_autocheckpoint", pages)).await;
        Ok(self.or_dead("configuring", set)?.map(|()| store))
    }

    /// What is there; it has to be what the clients know.
    pub(super) fn check(&self) -> Result<Option<Found>, String> {
        match found::look(&self.database()) {
            _ if self.disk.is_dead() => Ok(None),
            Ok(found) => self.ledger.judge(&found).map(|()| Some(found)),
            Err(error) => Err(error),
        }
    }

    /// Several clients at once, each with a batch of its own: they come to the writer while it is
    /// kept busy, and so into one transaction.
    pub(super) async fn add(&mut self, store: &Store, batches: &[Vec<NewObservation>]) -> Result<(), String> {
        batches.iter().for_each(|batch| self.ledger.adding(batch, self.clock.0.load(Ordering::Relaxed)));
        let (done, busy) = mpsc::channel::<()>();
        let (at_work, is_at_work) = mpsc::channel();
        let busy = Mutex::new(busy);
        let keep_busy = async move {
            let kept = store.writer.write(move |_| {
                let _ = at_work.send(());
                // Until the other side is dropped.
                let _ = busy.lock().map(|busy| busy.recv());
                Ok(Vec::new())
            });
            kept.await
        };
        let mut clients: Vec<Answer<'_>> = vec![Box::pin(keep_busy)];
        clients.extend(batches.iter().map(|batch| Box::pin(store.add(batch.clone())) as Answer<'_>));
        let mut answers: Vec<Option<Result<Vec<Receipt>, StoreError>>> = Vec::new();
        answers.resize_with(clients.len(), || None);
        let (mut done, mut is_at_work) = (Some(done), Some(is_at_work));
        poll_fn(|context| {
            for (client, answer) in
                clients.iter_mut().zip(&mut answers).filter(|(_, answer)| answer.is_none())
            {
                if let Poll::Ready(got) = client.as_mut().poll(context) {
                    *answer = Some(got);
                }
                // The others come when the first one is at it, and not into the same transaction.
                // If the power has failed, it never is.
                if let Some(is_at_work) = is_at_work.take() {
                    let _ = is_at_work.recv();
                }
            }
            done.take();
            if answers.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        for (batch, answer) in batches.iter().zip(answers.into_iter().flatten().skip(1)) {
            if let Some(receipts) = self.or_dead("adding", answer)? {
                self.ledger.added(batch, &receipts)?;
            }
        }
        Ok(())
    }

    pub(super) async fn remove(&mut self, store: &Store, session: &str) -> Result<(), String> {
        let keys = self.ledger.removing(|known| known.session == session);
        let filter = Filter { session: Some(session.to_owned()), ..Filter::default() };
        if let Some(n) = self.or_dead("removing", store.remove(filter).await)? {
            self.ledger.removed(&keys);
            if n != keys.len() {
                return Err(format!("lost, or came back: {n} were removed of {keys:?}"));
            }
        }
        Ok(())
    }

    pub(super) async fn retain(&mut self, store: &Store) -> Result<(), String> {
        let oldest = self.now() - KEPT_MS;
        let keys = self.ledger.removing(|known| known.at < oldest);
        if let Some(n) = self.or_dead("dropping", store.tend().await)? {
            self.ledger.removed(&keys);
            if n != keys.len() {
                return Err(format!("lost, or came back: {n} were dropped of {keys:?}"));
            }
        }
        Ok(())
    }

    pub(super) async fn lease(&mut self, store: &Store, id: &str, begins: bool) -> Result<(), String> {
        self.ledger.leasing(id, begins);
        let done = if begins {
            store.put_lease(NewLease { id: id.to_owned(), ttl_ms: 1, owner: None }).await
        } else {
            store.end_lease(id.to_owned()).await.map(drop)
        };
        if self.or_dead("leasing", done)?.is_some() {
            self.ledger.leased(id, begins);
        }
        Ok(())
    }

    /// The next machine finds what the failure has left. Its clients hand in again what they have
    /// had no answer to.
    pub(super) async fn recover(&mut self) -> Result<Option<Store>, String> {
        let Some(store) = self.open().await? else { return Ok(None) };
        let Some(found) = self.check()? else { return Ok(None) };
        let unknown = self.ledger.unknown();
        self.ledger.settle(&found);
        let again: Vec<_> = unknown.iter().map(|key| vec![observation(key)]).collect();
        self.add(&store, &again).await?;
        Ok((!self.disk.is_dead()).then_some(store))
    }
}

/// One that its key tells all of: session, text and length.
pub(super) fn observation(key: &str) -> NewObservation {
    let n: usize = key.parse().unwrap_or_default();
    let filler = [0, 0, 0, 300, 300, 5000, 20_000][n % 7];
    NewObservation {
        session: (n % 5).to_string(),
        kind: "note".to_owned(),
        text: format!("{}{}", word(key), " and".repeat(filler / 4)),
        metadata: None,
        key: Some(key.to_owned()),
    }
}
