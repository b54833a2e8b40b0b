//! What a worker notes in the history.

use super::Tenure;
use crate::machine::{Event, EventKind, Pid};

impl Tenure {
    /// Notes in the history that a supervised command or a helper became ready or ended, in words that say which and why. Best effort, and not
    /// for long.
    pub async fn note_child(&self, child: Option<Pid>, ended: bool, words: &str) {
        let kind = if ended { EventKind::ChildEnded } else { EventKind::ChildReady };
        self.note_event(kind, Some(words), |event| Event { worker: child, ..event }).await;
    }

    pub(super) async fn note(&self, kind: EventKind, reason: Option<&str>) {
        self.note_event(kind, reason, |event| Event {
            worker: Some(self.process.pid),
            version: Some(self.id.version.to_string()),
            program: Some(self.machine.processes.program().to_string_lossy().into_owned()),
            ..event
        })
        .await;
    }

    async fn note_event(
        &self,
        kind: EventKind,
        reason: Option<&str>,
        event: impl FnOnce(Event) -> Event + Send,
    ) {
        // The history lies at the path: a superseded worker has none. Looked at anew, since SQLite makes the file if it is not there.
        if self.check_office().await.is_err() {
            return;
        }
        let event = Event {
            epoch: Some(self.epoch),
            reason: reason.map(str::to_owned),
            ..event(Event::now(&self.machine, kind))
        };
        self.machine.history.note(&self.id.state_dir, vec![event]).await;
    }
}
