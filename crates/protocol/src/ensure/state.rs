//! The state directory, as a session reads and writes it. No other file of `ensure` touches its
//! files.
//!
//! All of them are hints. A file that can't be read counts as missing: the worker restores its own,
//! and the tenure lock tells whether there is a worker. A file that can't be written costs at most
//! another launch or hand-over.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::de::DeserializeOwned;

use super::published::Published;
use super::suspicion::{Keep, Remembered, Silence, Unwritten, Watch};
use super::worker::ReplaceReason;
use crate::error::{EnsureError, LOG_TAIL_BYTES};
use crate::identity::Epoch;
use crate::layout;
use crate::machine::{Event, EventKind, FileStamp, Machine, Pid};
use crate::record::{self, LaunchNote, LaunchOutcome, READ_LIMIT, Record, Suspicion, WorkerState};

use crate::upgrade::{Ledger, Successor};
use crate::worker_id::WorkerId;

/// The most that is read of the key's file and of the token's, in bytes.
const KEY_LIMIT: usize = 1024;

/// The state directory of one call.
pub(super) struct State<'a> {
    machine: &'a Machine,
    id: &'a WorkerId,
    /// Whether the directory exists and is this user's.
    prepared: AtomicBool,
    /// What is suspected, if it could not be written.
    unwritten: Mutex<Option<Unwritten>>,
}

impl<'a> State<'a> {
    pub(super) fn new(machine: &'a Machine, id: &'a WorkerId) -> Self {
        Self { machine, id, prepared: AtomicBool::new(false), unwritten: Mutex::new(None) }
    }

    fn dir(&self) -> &'a Path {
        &self.id.state_dir
    }

    /// Returns the error of a directory that can't be used.
    pub(super) fn error(&self, source: io::Error) -> EnsureError {
        EnsureError::StateDir { path: self.dir().to_owned(), source }
    }

    /// Creates the directory if it is missing, and checks that it can be trusted.
    pub(super) async fn prepare(&self) -> Result<(), EnsureError> {
        self.machine.files.prepare(self.dir()).await.map_err(|source| self.error(source))?;
        self.prepared.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Returns the kind of network file system that the directory is on, if it is on one.
    pub(super) async fn network_file_system(&self) -> Option<&'static str> {
        self.machine.files.network_file_system(self.dir()).await
    }

    async fn read<T: DeserializeOwned>(&self, name: &str, limit: usize) -> Option<T> {
        record::read(&*self.machine.files, self.dir(), name, limit).await
    }

    async fn read_bytes(&self, name: &str) -> Option<Vec<u8>> {
        self.machine.files.read(self.dir(), name, READ_LIMIT).await.ok().flatten()
    }

    async fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.machine.files.replace(self.dir(), name, bytes).await
    }
}

/// What the worker publishes.
impl State<'_> {
    /// Reads record and key. A directory that does not exist has neither.
    pub(super) async fn published(&self) -> Result<Published, EnsureError> {
        match self.machine.files.check(self.dir()).await {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Published::default()),
            Err(source) => return Err(self.error(source)),
        }
        let mut published = Published { record: self.record().await, key: None };
        if published.record.as_ref().is_none_or(|record| record.state != WorkerState::Stopped) {
            published.key = self.read(layout::PROOF_KEY, KEY_LIMIT).await;
        }
        Ok(published)
    }

    /// Reads the record, whatever state it is in.
    pub(super) async fn record(&self) -> Option<Record> {
        self.read(layout::RECORD, READ_LIMIT).await
    }

    /// Returns the stamp of the record's file.
    pub(super) async fn record_stamp(&self) -> Option<FileStamp> {
        self.machine.files.stat(self.dir(), layout::RECORD).await.ok().flatten()
    }

    /// Reads the worker's bearer token; empty if there is none.
    pub(super) async fn token(&self) -> String {
        read_token(self.machine, self.id).await.unwrap_or_default()
    }

    /// Reads which process the tenure lock is reserved for, if that process lives.
    pub(super) async fn successor(&self) -> Option<Pid> {
        let bytes = self.read_bytes(layout::SUCCESSOR).await;
        Successor::living(self.machine, bytes).await.map(|successor| successor.process.pid)
    }

    /// Reads the end of the worker's log, of what was written after `from`.
    pub(super) async fn log_tail(&self, from: u64) -> String {
        let tail = self.machine.files.tail(&self.id.log_file(), from, LOG_TAIL_BYTES).await;
        String::from_utf8_lossy(&tail.unwrap_or_default()).into_owned()
    }
}

/// What sessions note of launches and hand-overs.
impl State<'_> {
    /// Reads the note of the last launch.
    pub(super) async fn launch_note(&self) -> Option<LaunchNote> {
        self.read(layout::LAUNCH, READ_LIMIT).await
    }

    /// Writes the note of a launch. If that fails (a full disk), the next session may launch once
    /// more than it should. The tenure lock still lets only one worker run.
    pub(super) async fn write_launch_note(&self, note: &LaunchNote) {
        let _ = self.write(layout::LAUNCH, &record::render(note)).await;
    }

    /// Reads what the sessions of this boot noted of hand-overs.
    pub(super) async fn ledger(&self) -> Ledger {
        let bytes = self.read_bytes(layout::UPGRADES).await;
        let clock = &*self.machine.clock;
        Ledger::read(bytes.as_deref(), clock.boot_id(), clock.now())
    }

    /// Writes the ledger. The next session closes what could not be written.
    pub(super) async fn write_ledger(&self, ledger: &mut Ledger) -> io::Result<()> {
        let bytes = ledger.render();
        self.write(layout::UPGRADES, &bytes).await
    }

    /// Notes that this session's version runs in place of a worker that it told to stop, if that is
    /// why it was launched.
    pub(super) async fn note_upgraded(&self, replaced: Option<&ReplaceReason>, epoch: Epoch) {
        if let Some(ReplaceReason::Retired { .. } | ReplaceReason::Outdated { .. }) = replaced {
            let mut ledger = self.ledger().await;
            ledger.took_office(&self.id.version, epoch, self.machine.clock.now());
            let _ = self.write_ledger(&mut ledger).await;
        }
    }
}

/// What is suspected of a silent worker.
impl State<'_> {
    /// Begins a watch: to be called before a probe of the worker that may take long.
    pub(super) async fn begin_watch(&self) -> Watch {
        let noted = self.suspicion().await.map(|suspicion| suspicion.since);
        Watch { from: self.machine.clock.now(), noted }
    }

    /// Takes all that is remembered of the worker's silence.
    pub(super) async fn remembered(&self) -> Remembered {
        let unwritten = self.unwritten().take();
        let begun = self.suspicion().await;
        let added = match &begun {
            Some(_) => self.read(layout::WATCHED, READ_LIMIT).await,
            None => None,
        };
        Remembered { begun, added, unwritten }
    }

    /// Remembers a suspicion. One that can't be written counts for this call only.
    pub(super) async fn keep(&self, keep: Keep) {
        let (file, suspicion) = match keep {
            Keep::AsItIs => return,
            Keep::Begin(suspicion) => (Some(layout::SUSPECT), suspicion),
            Keep::Add(suspicion) => (Some(layout::WATCHED), suspicion),
            Keep::InMemory(suspicion) => (None, suspicion),
        };
        let written = match file {
            Some(name) => self.write(name, &record::render(&suspicion)).await.is_ok(),
            None => false,
        };
        if !written {
            let begun = file == Some(layout::WATCHED);
            *self.unwritten() = Some(Unwritten { suspicion, begun });
        }
    }

    /// Returns whether the suspicion still stands: a proof to any session would have removed it.
    pub(super) async fn is_still_suspected(&self, silence: &Silence) -> bool {
        let only_here = self.unwritten().as_ref().is_some_and(|unwritten| !unwritten.begun);
        only_here || self.suspicion().await.is_some_and(|noted| noted.since == silence.since)
    }

    /// Forgets a suspicion, if there is one.
    pub(super) async fn void_suspicion(&self) {
        let unwritten = self.unwritten().is_some();
        if unwritten || !matches!(self.machine.files.stat(self.dir(), layout::SUSPECT).await, Ok(None)) {
            self.forget_suspicion().await;
        }
    }

    /// Forgets the suspicion: its process no longer holds the tenure lock, or is in good order.
    pub(super) async fn forget_suspicion(&self) {
        self.unwritten().take();
        let _ = self.machine.files.remove(self.dir(), layout::SUSPECT).await;
    }

    async fn suspicion(&self) -> Option<Suspicion> {
        self.read(layout::SUSPECT, READ_LIMIT).await
    }

    fn unwritten(&self) -> MutexGuard<'_, Option<Unwritten>> {
        self.unwritten.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The history: for people, no decision rests on it.
impl State<'_> {
    /// Notes something about a worker that this session launches, or launched, from `program`.
    pub(super) async fn note(
        &self,
        kind: EventKind,
        program: &Path,
        worker: Option<Pid>,
        reason: Option<String>,
    ) {
        let program = Some(program.to_string_lossy().into_owned());
        self.note_event(Event { worker, program, reason, ..self.event(kind) }).await;
    }

    /// Notes why this session got no worker, unless that is noted as a failed launch, or the
    /// directory may not be written to.
    pub(super) async fn note_refused(&self, error: &EnsureError) {
        let elsewhere = matches!(
            error,
            EnsureError::LaunchFailed { .. }
                | EnsureError::WorkerFailed { .. }
                | EnsureError::OtherMachine { .. }
                | EnsureError::StateDir { .. }
                | EnsureError::Lock { .. }
        );
        if elsewhere || !self.prepared.load(Ordering::Relaxed) {
            return;
        }
        let reason = Some(format!("{}: {error}", error.code()));
        self.note_event(Event { reason, ..self.event(EventKind::Refused) }).await;
    }

    /// Notes that this session ended a worker. What a session ended was no failure of its launch.
    pub(super) async fn note_replaced(&self, ended: Pid, why: &ReplaceReason) {
        self.forget_suspicion().await;
        let record = self.record().await.filter(|record| record.process.pid == ended);
        // Another session, elected past this one, may have noted a launch of its own already.
        let launched = |note: &LaunchNote| {
            let process = note.process.as_ref();
            process.is_some_and(|process| {
                process.pid == ended || record.as_ref().is_some_and(|record| record.is_of(process))
            })
        };
        if let Some(mut note) = self.launch_note().await.filter(launched) {
            note.outcome = Some(LaunchOutcome::Replaced);
            note.failures = 0;
            self.write_launch_note(&note).await;
        }
        let epoch = record.and_then(|record| record.epoch);
        let reason = Some(why.to_string());
        let event = Event { worker: Some(ended), epoch, reason, ..self.event(EventKind::Replaced) };
        self.note_event(event).await;
    }

    fn event(&self, kind: EventKind) -> Event {
        Event { version: Some(self.id.version.to_string()), ..Event::now(self.machine, kind) }
    }

    async fn note_event(&self, event: Event) {
        self.machine.history.note(self.dir(), vec![event]).await;
    }
}

/// Reads the bearer token of the running worker.
pub async fn read_token(machine: &Machine, id: &WorkerId) -> Option<String> {
    let bytes = machine.files.read(&id.state_dir, layout::TOKEN, KEY_LIMIT).await.ok()??;
    String::from_utf8(bytes).ok().map(|token| token.trim().to_owned())
}
