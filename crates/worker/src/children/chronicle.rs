//! What becomes of a part, as the identity's history has it. Nobody waits for it.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use coordinator::Tenure;
use coordinator::machine::Pid;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// Writes down the news of one part, one after the other.
pub(super) struct Chronicle {
    news: UnboundedSender<News>,
    /// The process that was ready last.
    pid: Mutex<Option<Pid>>,
}

struct News {
    pid: Option<Pid>,
    ended: bool,
    words: String,
}

impl Chronicle {
    /// In this tenure's history, for as long as the tenure lasts.
    pub(super) fn of(tenure: &Arc<Tenure>) -> Self {
        let (news, mut heard) = unbounded_channel::<News>();
        let tenure: Weak<Tenure> = Arc::downgrade(tenure);
        tokio::spawn(async move {
            while let Some(News { pid, ended, words }) = heard.recv().await {
                let Some(tenure) = tenure.upgrade() else { return };
                tenure.note_child(pid, ended, &words).await;
            }
        });
        Self { news, pid: Mutex::new(None) }
    }

    /// It is ready, as this process.
    pub(super) fn ready(&self, pid: Pid, words: &str) {
        *self.pid.lock().unwrap_or_else(PoisonError::into_inner) = Some(pid);
        self.say(false, words);
    }

    /// It has ended.
    pub(super) fn ended(&self, words: &str) {
        self.say(true, words);
    }

    fn say(&self, ended: bool, words: &str) {
        let mut pid = self.pid.lock().unwrap_or_else(PoisonError::into_inner);
        let pid = if ended { pid.take() } else { *pid };
        // The tenure may be over, and its history with it.
        let _ = self.news.send(News { pid, ended, words: words.to_owned() });
    }
}
