//! Writes what happens to a child to the identity's history. The child does not wait for it.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use coordinator::Tenure;
use coordinator::machine::Pid;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// The events of one child, written in order.
pub(crate) struct EventLog {
    events: UnboundedSender<Event>,
    /// The process that was ready last.
    pid: Mutex<Option<Pid>>,
}

struct Event {
    pid: Option<Pid>,
    ended: bool,
    message: String,
}

impl EventLog {
    /// Writes to this tenure's history for as long as the tenure lasts.
    pub(crate) fn of(tenure: &Arc<Tenure>) -> Self {
        let (events, mut received) = unbounded_channel::<Event>();
        let tenure: Weak<Tenure> = Arc::downgrade(tenure);
        tokio::spawn(async move {
            while let Some(Event { pid, ended, message }) = received.recv().await {
                let Some(tenure) = tenure.upgrade() else { return };
                tenure.note_child(pid, ended, &message).await;
            }
        });
        Self { events, pid: Mutex::new(None) }
    }

    /// The child is ready, as this process.
    pub(crate) fn ready(&self, pid: Pid, message: &str) {
        *self.pid.lock().unwrap_or_else(PoisonError::into_inner) = Some(pid);
        self.send(false, message);
    }

    /// The child has ended.
    pub(crate) fn ended(&self, message: &str) {
        self.send(true, message);
    }

    fn send(&self, ended: bool, message: &str) {
        let mut pid = self.pid.lock().unwrap_or_else(PoisonError::into_inner);
        let pid = if ended { pid.take() } else { *pid };
        // The tenure may be over, and its history with it.
        let _ = self.events.send(Event { pid, ended, message: message.to_owned() });
    }
}
