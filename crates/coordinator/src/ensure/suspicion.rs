//! Telling a hung worker from a busy one, across sessions.
//!
//! One session's deadline may be shorter than the hang limit, so the silence is remembered in `suspect.json`. Only time in which somebody
//! watched counts, on a clock that excludes sleep; and of a wait that took longer than was asked for (a loaded machine) only what was
//! asked for. A process that uses the CPU, or waits for one, is busy: it gets several times the limit.

use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use super::Call;
use crate::layout;
use crate::machine::{Moment, ProcessInfo};
use crate::record::{self, Suspicion};
use crate::sabotage::{self, Sabotage};

/// A process that was at work for this share of the time is busy.
const BUSY_SHARE: u32 = 4;
/// A busy worker, and one that is still starting, gets this many times the hang limit.
pub(super) const LENIENCE: u32 = 6;
/// Fewer unanswered probes prove nothing.
const MIN_ATTEMPTS: u32 = 3;

/// What a silent worker is to be taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Silence {
    /// For how long it was seen silent.
    pub(super) silent_for: Duration,
    /// After how long it is replaced.
    pub(super) limit: Duration,
    /// Whether it used the CPU meanwhile.
    pub(super) busy: bool,
    /// Whether the time is up.
    pub(super) hung: bool,
}

/// How much of a wait counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watch {
    /// When it began.
    pub(super) from: Moment,
    /// How long it was to take.
    pub(super) asked: Duration,
}

/// Adds a silent watch to what is known. The first one only begins the suspicion: somewhere in its midst the worker may have proved itself
/// to somebody else, which leaves no trace but that there is no suspicion. From then on such a proof is seen, since it removes the file.
fn add(previous: Option<Suspicion>, process: &ProcessInfo, watch: Watch, now: Moment) -> Suspicion {
    let effort_ms = millis(process.cpu_time + process.starved);
    let begun = if sabotage::on(Sabotage::FirstSilenceCounts) { watch.from } else { now };
    // What lies ahead on this clock was noted by nobody.
    let mut suspicion = previous
        .filter(|known| known.process == process.identity && known.last <= now)
        .unwrap_or_else(|| Suspicion {
            schema: 1,
            process: process.identity.clone(),
            since: begun,
            watched_ms: 0,
            last: begun,
            attempts: 0,
            effort_ms,
        });
    // What somebody else has counted already does not count twice.
    let from = watch.from.max(suspicion.last);
    let asked = if sabotage::on(Sabotage::OvershootCounted) { Duration::MAX } else { watch.asked };
    suspicion.watched_ms = suspicion.watched_ms.saturating_add(millis(now.since(from).min(asked)));
    suspicion.attempts = suspicion.attempts.saturating_add(1);
    suspicion.last = suspicion.last.max(now);
    suspicion
}

fn weigh(suspicion: &Suspicion, process: &ProcessInfo, hang_limit: Duration, starting: bool) -> Silence {
    let silent_for = Duration::from_millis(suspicion.watched_ms);
    let effort = millis(process.cpu_time + process.starved).saturating_sub(suspicion.effort_ms);
    let busy = effort.saturating_mul(BUSY_SHARE.into()) >= suspicion.watched_ms.max(1);
    let lenient = (busy || starting) && !sabotage::on(Sabotage::BusyTakenForHung);
    let limit = if lenient { hang_limit * LENIENCE } else { hang_limit };
    Silence { silent_for, limit, busy, hung: silent_for >= limit && suspicion.attempts >= MIN_ATTEMPTS }
}

fn millis(d: Duration) -> u64 {
    u64::try_from(d.as_millis()).unwrap_or(u64::MAX)
}

impl Call<'_> {
    /// Remembers that the worker was silent during `watch`, and judges it by all that is remembered, and by what it is seen to do after
    /// that: whoever was halted here may come with an old look to silences that others have seen since.
    pub(super) async fn suspect(&self, process: &mut ProcessInfo, watch: Watch, starting: bool) -> Silence {
        let (files, dir) = (&self.machine.files, &self.spec.state_dir);
        let unwritten = self.unwritten().take();
        let in_file = unwritten.is_none();
        let known = match unwritten {
            Some(known) => Some(known),
            None if sabotage::on(Sabotage::SilenceNotRemembered) => None,
            None => self.read_file(layout::SUSPECT, record::READ_LIMIT).await,
        };
        if let Some(now) = self.look_at_same(&process.identity).await {
            *process = now;
        }
        let suspicion = add(known, process, watch, self.clock().now());
        let silence = weigh(&suspicion, process, self.spec.hang_limit, starting);
        // A proof that has come since the file was read has removed it, which is looked for before the first signal: so it is not put back.
        if silence.hung && in_file {
            return silence;
        }
        // If it can't be written (a full disk), only this call knows; it may still see the limit pass.
        if sabotage::on(Sabotage::SilenceNotRemembered)
            || files.replace(dir, layout::SUSPECT, &record::render(&suspicion)).await.is_err()
        {
            *self.unwritten() = Some(suspicion);
        }
        silence
    }

    fn unwritten(&self) -> MutexGuard<'_, Option<Suspicion>> {
        self.unwritten.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is a suspicion still: a proof to anybody would have removed it.
    pub(super) async fn is_suspected(&self) -> bool {
        let unwritten = self.unwritten().is_some();
        unwritten || !matches!(self.machine.files.stat(&self.spec.state_dir, layout::SUSPECT).await, Ok(None))
    }

    /// Forgets the suspicion: its process is no longer in office, or is well.
    pub(super) async fn forget_suspicion(&self) {
        self.unwritten().take();
        let _ = self.machine.files.remove(&self.spec.state_dir, layout::SUSPECT).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::{Activity, BootId, Pid, ProcessIdentity, StartTime};

    fn process(start: u64, cpu: Duration) -> ProcessInfo {
        ProcessInfo {
            identity: ProcessIdentity {
                pid: Pid(7),
                start_time: StartTime(start),
                boot_id: BootId("b".into()),
            },
            activity: Activity::Alive,
            traced_by: None,
            cpu_time: cpu,
            starved: Duration::ZERO,
            program: "w".into(),
        }
    }

    fn at(ms: u64) -> Moment {
        Moment { nanos: ms * 1_000_000 }
    }

    fn watch(from: u64, asked: u64) -> Watch {
        Watch { from: at(from), asked: Duration::from_millis(asked) }
    }

    const LIMIT: Duration = Duration::from_millis(1000);

    #[test]
    fn silences_of_several_sessions_add_up_and_the_gaps_between_them_do_not() {
        let idle = process(1, Duration::ZERO);
        let mut known = None;
        for start in [0, 100_000, 200_000, 300_000] {
            known = Some(add(known, &idle, watch(start, 400), at(start + 400)));
        }
        let known = known.unwrap();
        assert_eq!(known.watched_ms, 1200, "the first silence only begins the suspicion");
        assert!(weigh(&known, &idle, LIMIT, false).hung);
        assert!(!weigh(&known, &idle, LIMIT, true).hung, "a starting worker gets longer");
    }

    #[test]
    fn a_wait_that_overshoots_on_a_loaded_machine_counts_only_as_asked() {
        let idle = process(1, Duration::ZERO);
        let begun = add(None, &idle, watch(0, 300), at(300));
        let known = add(Some(begun), &idle, watch(300, 300), at(60_000));
        assert_eq!(known.watched_ms, 300);
    }

    #[test]
    fn two_sessions_that_watch_at_once_count_the_time_once() {
        let idle = process(1, Duration::ZERO);
        let begun = add(None, &idle, watch(0, 10), at(10));
        let first = add(Some(begun), &idle, watch(10, 500), at(510));
        let second = add(Some(first), &idle, watch(110, 500), at(610));
        assert_eq!(second.watched_ms, 600);
    }

    #[test]
    fn a_suspicion_from_the_future_begins_anew() {
        let known = add(None, &process(1, Duration::ZERO), watch(90_000, 500), at(100_000));
        let fresh = add(Some(known), &process(1, Duration::ZERO), watch(0, 500), at(500));
        assert_eq!((fresh.watched_ms, fresh.attempts), (0, 1));
    }

    #[test]
    fn a_reused_pid_begins_anew() {
        let begun = add(None, &process(1, Duration::ZERO), watch(0, 10), at(10));
        let known = add(Some(begun), &process(1, Duration::ZERO), watch(10, 5000), at(5010));
        assert_eq!(known.watched_ms, 5000);
        let fresh = add(Some(known), &process(2, Duration::ZERO), watch(5010, 100), at(5110));
        assert_eq!((fresh.watched_ms, fresh.attempts), (0, 1));
    }

    #[test]
    fn silence_from_before_a_proof_does_not_count() {
        let idle = process(1, Duration::ZERO);
        // The worker answered somebody at 400, in the midst of this watch, and thereby removed the file.
        let known = add(None, &idle, watch(0, 500), at(500));
        let known = add(Some(known), &idle, watch(500, 300), at(800));
        assert_eq!(known.watched_ms, 300);
    }

    #[test]
    fn a_worker_that_uses_the_cpu_is_busy_and_gets_longer_but_not_for_ever() {
        let mut known = add(None, &process(1, Duration::ZERO), watch(0, 1000), at(1000));
        for start in [1000, 2000, 3000] {
            known = add(Some(known), &process(1, Duration::ZERO), watch(start, 1000), at(start + 1000));
        }
        let busy = weigh(&known, &process(1, Duration::from_secs(2)), LIMIT, false);
        assert!(busy.busy && !busy.hung);
        assert!(weigh(&known, &process(1, Duration::from_millis(10)), LIMIT, false).hung);
        known.watched_ms = 6000;
        assert!(weigh(&known, &process(1, Duration::from_secs(5)), LIMIT, false).hung);
    }

    #[test]
    fn a_worker_that_waits_for_a_cpu_is_as_busy_as_one_that_has_it() {
        let starved = |ms| ProcessInfo { starved: Duration::from_millis(ms), ..process(1, Duration::ZERO) };
        let begun = add(None, &starved(400), watch(0, 1000), at(1000));
        assert_eq!(begun.effort_ms, 400);
        let known = add(Some(begun), &starved(400), watch(1000, 1000), at(2000));
        assert!(!weigh(&known, &starved(640), LIMIT, false).busy);
        assert!(weigh(&known, &starved(660), LIMIT, false).busy);
    }
}
