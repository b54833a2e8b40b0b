//! Inspects the processes again and again, and ends one when it is told to. On a thread of its own: a sample takes as long as a worker takes to
//! answer.

use std::io;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, TryRecvError};
use std::thread;
use std::time::{Duration, Instant};

use coordinator::machine::{Machine, Pid, ProcessIdentity};
use coordinator::{EnsureError, Stopped, failpoint, request_stop, system};

use super::super::super::last_bytes::last_bytes;
use super::super::super::stop::stop_request;
use super::super::choice::choose;
use super::super::ending::end_one;
use super::super::rows::{Row, rows};
use super::super::view::View;
use super::end_target::EndTarget;
use super::event::WatchEvent;
use super::sample::{Sample, SampledProcess};
use crate::census::ProcessKind;
use crate::failure::Failure;
use crate::request::Request;

/// How much of the worker's log is shown.
const LOG: u64 = 8 * 1024;
/// How long a stray may take to obey, as `reap` has it.
const PATIENCE: Duration = Duration::from_secs(3);

/// The thread. It ends with the process, or once this is dropped.
pub(super) struct Sampler {
    orders: Sender<EndTarget>,
    news: Receiver<WatchEvent>,
}

impl Sampler {
    pub(super) fn start(request: Request, all: bool, interval: Duration) -> io::Result<Self> {
        let (orders, ordered) = mpsc::channel();
        let (tell, news) = mpsc::channel();
        let work =
            move || Sampling { machine: system::machine(), request, all }.go_on(interval, &ordered, &tell);
        thread::Builder::new().name("sampler".to_owned()).spawn(work)?;
        Ok(Self { orders, news })
    }

    /// What has happened meanwhile.
    pub(super) fn news(&self) -> Option<WatchEvent> {
        match self.news.try_recv() {
            Ok(event) => Some(event),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(WatchEvent::Lost),
        }
    }

    /// Waits for what happens next.
    pub(super) fn wait(&self) -> WatchEvent {
        self.news.recv().unwrap_or(WatchEvent::Lost)
    }

    /// Has this one ended.
    pub(super) fn order(&self, target: EndTarget) {
        // If the thread has ended, the next read of the news says so.
        let _ = self.orders.send(target);
    }
}

struct Sampling {
    machine: Machine,
    request: Request,
    all: bool,
}

impl Sampling {
    fn go_on(&self, interval: Duration, ordered: &Receiver<EndTarget>, tell: &Sender<WatchEvent>) {
        let mut due = Instant::now();
        loop {
            let event = match ordered.recv_timeout(due.saturating_duration_since(Instant::now())) {
                Ok(target) => {
                    let words = self.end(&target).unwrap_or_else(|failure| words(&failure));
                    // What came of it is seen at once.
                    due = Instant::now();
                    WatchEvent::Ended(words)
                }
                Err(RecvTimeoutError::Timeout) => {
                    let sample = self.sample().map_err(|failure| words(&failure));
                    due = Instant::now() + interval;
                    WatchEvent::Sampled(sample)
                }
                Err(RecvTimeoutError::Disconnected) => return,
            };
            if tell.send(event).is_err() {
                return;
            }
        }
    }

    fn sample(&self) -> Result<Sample, Failure> {
        failpoint::hit("watch.look");
        let view = View::take(&self.machine, &self.request)?;
        let at = Instant::now();
        let own = &self.request.settings.name.value;
        let seen = |row: Row| self.process(&view, row, own.as_str());
        Ok(Sample { at, seen: rows(&view, self.all).into_iter().filter_map(seen).collect() })
    }

    fn process(&self, view: &View, row: Row, name: &str) -> Option<SampledProcess> {
        let facts = view.census.mine.get(&Pid(row.pid))?;
        let own = row.name.as_deref() == Some(name);
        let parent = facts.parent.filter(|parent| parent.0 > 0).map(|parent| {
            format!("{} ({parent})", view.census.names.get(&parent).map_or("?", String::as_str))
        });
        let log = (own && matches!(row.kind, ProcessKind::Worker | ProcessKind::Supervisor)).then(|| {
            let path = self.request.ensure.id().log_file();
            let end = last_bytes(&path, LOG).unwrap_or_else(|error| format!("(it can't be read: {error})"));
            (path.to_string_lossy().into_owned(), end)
        });
        Some(SampledProcess {
            identity: facts.identity.clone(),
            arguments: facts.arguments.clone(),
            position: 0,
            row,
            parent,
            own,
            log,
        })
    }

    /// Ends it, if it still is what it was when it was chosen.
    fn end(&self, target: &EndTarget) -> Result<String, Failure> {
        let view = View::take(&self.machine, &self.request)?;
        let lives = |identity: &ProcessIdentity| {
            view.census.mine.get(&identity.pid).is_some_and(|facts| facts.identity == *identity)
        };
        match target {
            EndTarget::Worker(worker) => {
                let holder = view.identities.first().and_then(|identity| identity.tenant.holder);
                if holder != Some(worker.pid) || !lives(worker) {
                    return Ok(format!("process {} is not in office any more; nobody was ended", worker.pid));
                }
                let ensure = &self.request.ensure;
                let stop = stop_request(ensure, "oneworker ps --watch");
                let stopped = self.request.block_on(request_stop(&self.machine, ensure.id(), &stop))?;
                Ok(match stopped {
                    Stopped::NothingRan => "it had left already".to_owned(),
                    Stopped::Ended { .. } => format!("the worker {} has stopped", worker.pid),
                })
            }
            EndTarget::Stray(stray) => {
                if !view.strays.contains_key(&stray.pid) || !lives(stray) {
                    return Ok(format!(
                        "process {} is gone, or no stray any more; nobody was ended",
                        stray.pid
                    ));
                }
                let choice = choose(&view, &[]);
                if let Some(why) = choice.keep.get(&stray.pid) {
                    return Ok(format!("process {} stays, as `oneworker reap` has it: {why}", stray.pid));
                }
                let ended = self.request.block_on(async {
                    Ok::<_, EnsureError>(end_one(&self.machine, stray, PATIENCE).await)
                })?;
                Ok(ended.words())
            }
        }
    }
}

fn words(failure: &Failure) -> String {
    format!("{}. {}", failure.message, failure.help)
}
