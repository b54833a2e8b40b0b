//! Telling a hung worker from a busy one, across sessions. Pure: `state.rs` reads and writes what
//! is remembered.
//!
//! One session's deadline may be shorter than the hang limit, so silence is remembered. Only time
//! in which a session watched counts, on a clock that excludes sleep. Of a wait that took longer
//! than was asked for (a loaded machine), only what was asked for counts. A process that uses the
//! CPU or waits for one is busy, and gets several times the limit.
//!
//! A suspicion begins with `suspect.json`, which holds the moment of its beginning and never
//! changes. What is added to it goes to `watched.json`, which counts only together with the
//! `suspect.json` of the same moment. A proof removes `suspect.json`. So it voids the suspicion for
//! good, whichever session was about to add to it. And a watch counts only if that file existed
//! when the watch began and when it ended: then no proof came in between.

use std::time::Duration;

use super::budget::LENIENCE;
use crate::machine::{Moment, ProcessInfo};
use crate::record::Suspicion;
use crate::sabotage::{self, Sabotage};

/// A process that was at work for one part in this many of the time is busy.
const BUSY_SHARE: u32 = 4;
/// Fewer unanswered probes prove nothing.
const MIN_ATTEMPTS: u32 = 3;

/// What is known of a worker's silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Silence {
    /// The moment that its suspicion is identified by.
    pub(super) since: Moment,
    /// For how long it was found silent.
    pub(super) silent_for: Duration,
    /// After how long it is replaced.
    pub(super) limit: Duration,
    /// Whether it used the CPU meanwhile.
    pub(super) busy: bool,
    /// Whether it hangs: the limit is reached.
    pub(super) hung: bool,
}

/// A watch that has begun.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watch {
    /// When it began.
    pub(super) from: Moment,
    /// Since when the worker was suspected at that time, by the file.
    pub(super) noted: Option<Moment>,
}

/// A watch that ended without a proof.
#[derive(Clone, Copy, Debug)]
pub(super) struct SilentWatch {
    pub(super) watch: Watch,
    /// How long it was meant to take.
    pub(super) asked: Duration,
    pub(super) stage: Stage,
}

/// What a silent worker should be doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It is starting, which may take longer.
    Starting,
    /// It is serving, or leaving.
    Serving,
}

/// A suspicion that could not be written (a full disk): only this call knows it.
#[derive(Debug)]
pub(super) struct Unwritten {
    pub(super) suspicion: Suspicion,
    /// Whether its beginning is in the file.
    pub(super) begun: bool,
}

/// All that is remembered of a silence.
#[derive(Debug)]
pub(super) struct Remembered {
    /// `suspect.json`.
    pub(super) begun: Option<Suspicion>,
    /// `watched.json`.
    pub(super) added: Option<Suspicion>,
    pub(super) unwritten: Option<Unwritten>,
}

/// What to remember after a watch.
#[derive(Debug)]
pub(super) enum Keep {
    /// What is remembered already.
    AsItIs,
    /// The beginning of a suspicion.
    Begin(Suspicion),
    /// What was added to a suspicion whose beginning is in the file.
    Add(Suspicion),
    /// What was added to a suspicion whose beginning could not be written.
    InMemory(Suspicion),
}

/// Assesses a silence by all that is remembered, this watch included, and by what the process does
/// now.
pub(super) fn assess(
    remembered: Remembered,
    process: &ProcessInfo,
    silent: SilentWatch,
    hang_limit: Duration,
    now: Moment,
) -> (Silence, Keep) {
    let is_noted = remembered.begun.is_some();
    let known = remembered.known().filter(|known| is_of(known, process, now));
    // Another session began this suspicion during the watch, perhaps after a proof.
    if let Some(known) = known.as_ref().filter(|known| is_noted && silent.watch.noted != Some(known.since)) {
        return (silence(known, process, hang_limit, silent.stage), Keep::AsItIs);
    }
    let keep = match (&known, is_noted) {
        (None, _) => Keep::Begin,
        (Some(_), true) => Keep::Add,
        (Some(_), false) => Keep::InMemory,
    };
    let suspicion = add(known, process, silent.watch.from, silent.asked, now);
    (silence(&suspicion, process, hang_limit, silent.stage), keep(suspicion))
}

impl Remembered {
    /// Returns the suspicion. What was added to a beginning that is gone is void.
    fn known(self) -> Option<Suspicion> {
        let Some(begun) = self.begun else {
            return self.unwritten.filter(|unwritten| !unwritten.begun).map(|unwritten| unwritten.suspicion);
        };
        let of_it = |more: &Suspicion| more.process == begun.process && more.since == begun.since;
        [self.added, self.unwritten.map(|unwritten| unwritten.suspicion)]
            .into_iter()
            .flatten()
            .filter(of_it)
            .chain([begun.clone()])
            .max_by_key(|known| known.watched_ms)
    }
}

/// Returns whether it is this process that is suspected. A moment of the future on this clock is of
/// no session.
fn is_of(known: &Suspicion, process: &ProcessInfo, now: Moment) -> bool {
    known.process == process.identity && known.last <= now
}

/// Adds a silent watch, which was meant to take `asked`, to what is known.
///
/// The first one only begins the suspicion. In the middle of it the worker may have proved itself
/// to another session, which leaves no trace except that there is no suspicion.
fn add(
    previous: Option<Suspicion>,
    process: &ProcessInfo,
    from: Moment,
    asked: Duration,
    now: Moment,
) -> Suspicion {
    let effort_ms = millis(process.cpu_time + process.starved);
    let begun = if sabotage::on(Sabotage::FirstSilenceCounts) { from } else { now };
    let mut suspicion = previous.unwrap_or_else(|| Suspicion {
        schema: 1,
        process: process.identity.clone(),
        since: begun,
        watched_ms: 0,
        last: begun,
        attempts: 0,
        effort_ms,
    });
    // Time that another session has counted does not count twice.
    let from = from.max(suspicion.last);
    let asked = if sabotage::on(Sabotage::OvershootCounted) { Duration::MAX } else { asked };
    suspicion.watched_ms = suspicion.watched_ms.saturating_add(millis(now.since(from).min(asked)));
    suspicion.attempts = suspicion.attempts.saturating_add(1);
    suspicion.last = suspicion.last.max(now);
    suspicion
}

fn silence(suspicion: &Suspicion, process: &ProcessInfo, hang_limit: Duration, stage: Stage) -> Silence {
    let silent_for = Duration::from_millis(suspicion.watched_ms);
    let effort = millis(process.cpu_time + process.starved).saturating_sub(suspicion.effort_ms);
    let busy = effort.saturating_mul(BUSY_SHARE.into()) >= suspicion.watched_ms.max(1);
    let lenient = (busy || stage == Stage::Starting) && !sabotage::on(Sabotage::BusyTakenForHung);
    let limit = if lenient { hang_limit * LENIENCE } else { hang_limit };
    let hung = silent_for >= limit && suspicion.attempts >= MIN_ATTEMPTS;
    Silence { since: suspicion.since, silent_for, limit, busy, hung }
}

fn millis(d: Duration) -> u64 {
    u64::try_from(d.as_millis()).unwrap_or(u64::MAX)
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

    /// A watch from `from` to `now`, which was to take `asked`, all in milliseconds.
    fn add(
        known: Option<Suspicion>,
        process: &ProcessInfo,
        (from, asked): (u64, u64),
        now: u64,
    ) -> Suspicion {
        super::add(known, process, at(from), Duration::from_millis(asked), at(now))
    }

    fn known(
        begun: Option<Suspicion>,
        added: Option<Suspicion>,
        unwritten: Option<Unwritten>,
    ) -> Option<Suspicion> {
        Remembered { begun, added, unwritten }.known()
    }

    const LIMIT: Duration = Duration::from_millis(1000);

    #[test]
    fn silences_of_several_sessions_add_up_without_their_gaps() {
        let idle = process(1, Duration::ZERO);
        let mut known = None;
        for start in [0, 100_000, 200_000, 300_000] {
            known = Some(add(known, &idle, (start, 400), start + 400));
        }
        let known = known.unwrap();
        assert_eq!(known.watched_ms, 1200, "the first silence only begins the suspicion");
        assert!(silence(&known, &idle, LIMIT, Stage::Serving).hung);
        assert!(!silence(&known, &idle, LIMIT, Stage::Starting).hung, "a starting worker gets longer");
    }

    #[test]
    fn a_wait_that_overshoots_on_a_loaded_machine_counts_only_as_asked() {
        let idle = process(1, Duration::ZERO);
        let begun = add(None, &idle, (0, 300), 300);
        let known = add(Some(begun), &idle, (300, 300), 60_000);
        assert_eq!(known.watched_ms, 300);
    }

    #[test]
    fn two_sessions_that_watch_at_once_count_the_time_once() {
        let idle = process(1, Duration::ZERO);
        let begun = add(None, &idle, (0, 10), 10);
        let first = add(Some(begun), &idle, (10, 500), 510);
        let second = add(Some(first), &idle, (110, 500), 610);
        assert_eq!(second.watched_ms, 600);
    }

    #[test]
    fn an_addition_counts_only_with_its_own_beginning() {
        let idle = process(1, Duration::ZERO);
        let begun = add(None, &idle, (0, 10), 10);
        let added = add(Some(begun.clone()), &idle, (10, 500), 510);
        let later = add(None, &idle, (600, 10), 610);
        let unwritten =
            |suspicion: &Suspicion, begun| Some(Unwritten { suspicion: suspicion.clone(), begun });
        let watched = |known: Option<Suspicion>| known.map(|known| known.watched_ms);
        assert_eq!(watched(known(Some(begun.clone()), None, None)), Some(0));
        assert_eq!(watched(known(Some(begun.clone()), Some(added.clone()), None)), Some(500));
        assert_eq!(
            watched(known(Some(added.clone()), Some(begun.clone()), None)),
            Some(500),
            "as written before"
        );
        assert_eq!(watched(known(Some(begun.clone()), None, unwritten(&added, true))), Some(500));
        assert_eq!(
            watched(known(Some(later.clone()), Some(added.clone()), None)),
            Some(0),
            "a proof came between"
        );
        assert_eq!(watched(known(Some(later), None, unwritten(&added, true))), Some(0));
        assert_eq!(watched(known(None, Some(added.clone()), None)), None);
        assert_eq!(watched(known(None, None, unwritten(&added, true))), None);
        assert_eq!(
            watched(known(None, None, unwritten(&added, false))),
            Some(500),
            "nothing could be written"
        );
        let other = Suspicion { process: process(2, Duration::ZERO).identity, ..added };
        assert_eq!(watched(known(Some(begun), Some(other), None)), Some(0));
    }

    #[test]
    fn a_reused_pid_and_a_future_moment_are_of_no_silence() {
        let known = add(None, &process(1, Duration::ZERO), (0, 500), 500);
        assert!(is_of(&known, &process(1, Duration::ZERO), at(500)));
        assert!(!is_of(&known, &process(2, Duration::ZERO), at(500)));
        assert!(!is_of(&known, &process(1, Duration::ZERO), at(499)));
    }

    #[test]
    fn silence_from_before_a_proof_does_not_count() {
        let idle = process(1, Duration::ZERO);
        // The worker answered another session at 400, in the middle of this watch, and thereby
        // removed the file.
        let known = add(None, &idle, (0, 500), 500);
        let known = add(Some(known), &idle, (500, 300), 800);
        assert_eq!(known.watched_ms, 300);
    }

    #[test]
    fn a_worker_that_uses_the_cpu_is_busy_and_gets_longer_but_not_for_ever() {
        let mut known = add(None, &process(1, Duration::ZERO), (0, 1000), 1000);
        for start in [1000, 2000, 3000] {
            known = add(Some(known), &process(1, Duration::ZERO), (start, 1000), start + 1000);
        }
        let busy = silence(&known, &process(1, Duration::from_secs(2)), LIMIT, Stage::Serving);
        assert!(busy.busy && !busy.hung);
        assert!(silence(&known, &process(1, Duration::from_millis(10)), LIMIT, Stage::Serving).hung);
        known.watched_ms = 6000;
        assert!(silence(&known, &process(1, Duration::from_secs(5)), LIMIT, Stage::Serving).hung);
    }

    #[test]
    fn a_worker_that_waits_for_a_cpu_is_as_busy_as_one_that_has_it() {
        let starved = |ms| ProcessInfo { starved: Duration::from_millis(ms), ..process(1, Duration::ZERO) };
        let begun = add(None, &starved(400), (0, 1000), 1000);
        assert_eq!(begun.effort_ms, 400);
        let known = add(Some(begun), &starved(400), (1000, 1000), 2000);
        assert!(!silence(&known, &starved(640), LIMIT, Stage::Serving).busy);
        assert!(silence(&known, &starved(660), LIMIT, Stage::Serving).busy);
    }
}
