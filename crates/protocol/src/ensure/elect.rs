//! The election: one session goes on, the others wait for what it brings about.

use std::time::Duration;

use super::sight::{FIRST_PATIENCE, Pending, Verdict};
use super::{Call, Outcome, Phase, Worker};
use crate::error::EnsureError;
use crate::layout;
use crate::machine::ElectionGuard;
use crate::sabotage::{self, Sabotage};
use crate::upgrade::UpgradePolicy;

/// The highest rank: beyond it, waiting is all that helps.
const MAX_RANK: u8 = 2;
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// How an election ended for this session.
pub(super) enum Election {
    /// It is elected.
    Won(Box<dyn ElectionGuard>),
    /// It need not be: there is a worker.
    Found(Worker),
}

impl Call<'_> {
    /// Tries to be elected, and watches the record meanwhile. `pending` is a probe that is still under way; it is left for what comes next.
    ///
    /// Never blocks in a lock call, which has no time-out: tries with jitter until the deadline.
    pub(super) async fn elect(&self, pending: &mut Option<Pending<'_>>) -> Result<Election, EnsureError> {
        let dir = &self.spec.state_dir;
        // What the pending probe was made of need not be looked at again while it is under way.
        let mut seen = match &pending {
            Some(_) => self.machine.files.stat(dir, layout::RECORD).await.ok().flatten(),
            None => None,
        };
        let mut pause = FIRST_PAUSE;
        // Whoever only wants another version goes back to the one in office before the time is up.
        let mut in_time = self.spec.upgrade != UpgradePolicy::Reuse;
        loop {
            for rank in 0..=self.rank() {
                match self.machine.locks.try_elect(dir, rank).await {
                    Ok(Some(guard)) => return Ok(Election::Won(guard)),
                    Ok(None) => {}
                    Err(source) => return Err(self.lock_error(source)),
                }
            }
            let stamp = self.machine.files.stat(dir, layout::RECORD).await.ok().flatten();
            if stamp.is_some() && stamp != seen {
                seen = stamp;
                match self.look(FIRST_PATIENCE).await? {
                    Verdict::Ready(health) => {
                        return Ok(Election::Found(self.found(&health, Outcome::Waited).await));
                    }
                    Verdict::Replaceable(health) => {
                        if let Some(kept) = self.keep_if_refused(&health, Outcome::Waited).await {
                            return Ok(Election::Found(kept));
                        }
                        self.enter(Phase::Electing);
                    }
                    Verdict::Starting { pid, .. } => self.enter(Phase::Starting(Some(pid))),
                    _ => self.enter(Phase::Electing),
                }
            } else if stamp.is_none() {
                self.enter(Phase::Electing);
            }
            if self.inner_deadline().passed(self.clock()) {
                return Err(self.too_late());
            }
            if in_time && self.second_thoughts().passed(self.clock()) {
                in_time = false;
                if let Verdict::Replaceable(health) = self.look(FIRST_PATIENCE).await? {
                    let why = "another session has been at work for long";
                    return Ok(Election::Found(self.kept(&health, Outcome::Waited, why).await));
                }
            }
            let jittered = pause / 2 + pause.mul_f64((self.clock().random() % 1024) as f64 / 1024.0);
            let nap = self.inner_deadline().pause(self.clock(), jittered);
            match pending {
                None => nap.await,
                Some(probe) => tokio::select! {
                    biased;
                    verdict = probe => {
                        *pending = None;
                        seen = None;
                        if let Verdict::Ready(health) = verdict? {
                            return Ok(Election::Found(self.found(&health, Outcome::Waited).await));
                        }
                    }
                    () = nap => {}
                },
            }
            pause = (pause * 3 / 2).min(LONGEST_PAUSE);
        }
    }

    /// The ranks that this session may try by now. The elected may have been stopped: at half of the deadline one waiter may go on past
    /// it, at three quarters one past that one. One at a time, never a stampede.
    fn rank(&self) -> u8 {
        if sabotage::on(Sabotage::RankAlwaysZero) {
            return 0;
        }
        let (waited, whole) = (self.waited(), self.spec.deadline);
        let rank = if waited * 4 >= whole * 3 { 2 } else { u8::from(waited * 2 >= whole) };
        rank.min(MAX_RANK)
    }
}
