//! Telling a hung worker from a busy one, across sessions.
//!
//! One session's deadline may be shorter than the hang limit, so the silence is remembered. Only time in which somebody watched counts, on a
//! clock that excludes sleep; and of a wait that took longer than was asked for (a loaded machine) only what was asked for. A process that
//! uses the CPU, or waits for one, is busy: it gets several times the limit.
//!
//! A suspicion is begun by writing `suspect.json`, with the moment of that, and never changed: what is added to it goes to `watched.json`, which
//! counts only together with the `suspect.json` of the same moment. So a proof, which removes `suspect.json`, voids it for good, whoever was about
//! to add to it. And a watch counts only if that file was there when it began, and is there when it ends: then no proof came between.

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
    /// The moment that its suspicion is known by.
    pub(super) since: Moment,
    /// For how long it was seen silent.
    pub(super) silent_for: Duration,
    /// After how long it is replaced.
    pub(super) limit: Duration,
    /// Whether it used the CPU meanwhile.
    pub(super) busy: bool,
    /// Whether the time is up.
    pub(super) hung: bool,
}

/// The beginning of a watch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watch {
    /// When.
    pub(super) from: Moment,
    /// Since when the worker was suspected then, by the file.
    noted: Option<Moment>,
}

/// What could not be written down (a full disk): only this call knows.
#[derive(Debug)]
pub(super) struct Unwritten {
    suspicion: Suspicion,
    /// Whether its beginning is in the file.
    begun: bool,
}

/// What is known, from what the files say and what could not be written. What was added to a beginning that is gone is void.
fn known(
    begun: Option<Suspicion>,
    added: Option<Suspicion>,
    unwritten: Option<Unwritten>,
) -> Option<Suspicion> {
    let Some(begun) = begun else {
        return unwritten.filter(|unwritten| !unwritten.begun).map(|unwritten| unwritten.suspicion);
    };
    let of_it = |more: &Suspicion| more.process == begun.process && more.since == begun.since;
    [added, unwritten.map(|unwritten| unwritten.suspicion)]
        .into_iter()
        .flatten()
        .filter(of_it)
        .chain([begun.clone()])
        .max_by_key(|known| known.watched_ms)
}

/// Whether it is this process that is suspected. What lies ahead on this clock was noted by nobody.
fn is_of(known: &Suspicion, process: &ProcessInfo, now: Moment) -> bool {
    known.process == process.identity && known.last <= now
}

/// Adds a silent watch, which was to take `asked`, to what is known. The first one only begins the suspicion: somewhere in its midst the worker
/// may have proved itself to somebody else, which leaves no trace but that there is no suspicion.
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
    // What somebody else has counted already does not count twice.
    let from = from.max(suspicion.last);
    let asked = if sabotage::on(Sabotage::OvershootCounted) { Duration::MAX } else { asked };
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
    let hung = silent_for >= limit && suspicion.attempts >= MIN_ATTEMPTS;
    Silence { since: suspicion.since, silent_for, limit, busy, hung }
}

fn millis(d: Duration) -> u64 {
    u64::try_from(d.as_millis()).unwrap_or(u64::MAX)
}

impl Call<'_> {
    /// Before a look at the worker that may last.
    pub(super) async fn begin_watch(&self) -> Watch {
        let noted = self.noted().await.map(|suspicion| suspicion.since);
        Watch { from: self.clock().now(), noted }
    }

    /// Remembers that the worker was silent during `watch`, which was to take `asked`, and judges it by all that is remembered, and by what it is
    /// seen to do after that: whoever was halted here may come with an old look to silences that others have seen since.
    pub(super) async fn suspect(
        &self,
        process: &mut ProcessInfo,
        watch: Watch,
        asked: Duration,
        starting: bool,
    ) -> Silence {
        let unwritten = self.unwritten().take();
        let begun = self.noted().await;
        let is_noted = begun.is_some();
        let added = match &begun {
            Some(_) => self.read_file(layout::WATCHED, record::READ_LIMIT).await,
            None => None,
        };
        if let Some(now) = self.look_at_same(&process.identity).await {
            *process = now;
        }
        let now = self.clock().now();
        let known = known(begun, added, unwritten).filter(|known| is_of(known, process, now));
        // Somebody else has begun it during this watch, perhaps after a proof.
        if let Some(known) = known.as_ref().filter(|known| is_noted && watch.noted != Some(known.since)) {
            return weigh(known, process, self.spec.hang_limit, starting);
        }
        let file = if known.is_none() { Some(layout::SUSPECT) } else { is_noted.then_some(layout::WATCHED) };
        let suspicion = add(known, process, watch.from, asked, now);
        let silence = weigh(&suspicion, process, self.spec.hang_limit, starting);
        let written = match file {
            Some(name) if !sabotage::on(Sabotage::SilenceNotRemembered) => {
                let bytes = record::render(&suspicion);
                self.machine.files.replace(&self.spec.state_dir, name, &bytes).await.is_ok()
            }
            _ => false,
        };
        if !written {
            *self.unwritten() = Some(Unwritten { suspicion, begun: file == Some(layout::WATCHED) });
        }
        silence
    }

    async fn noted(&self) -> Option<Suspicion> {
        if sabotage::on(Sabotage::SilenceNotRemembered) {
            return None;
        }
        self.read_file(layout::SUSPECT, record::READ_LIMIT).await
    }

    fn unwritten(&self) -> MutexGuard<'_, Option<Unwritten>> {
        self.unwritten.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether what was judged by is suspected still: a proof to anybody would have removed it.
    pub(super) async fn is_still_suspected(&self, silence: &Silence) -> bool {
        let only_here = self.unwritten().as_ref().is_some_and(|unwritten| !unwritten.begun);
        only_here || self.noted().await.is_some_and(|noted| noted.since == silence.since)
    }

    /// Whether anything is suspected.
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

    /// A watch from `from` to `now`, which was to take `asked`, all in milliseconds.
    fn add(
        known: Option<Suspicion>,
        process: &ProcessInfo,
        (from, asked): (u64, u64),
        now: u64,
    ) -> Suspicion {
        super::add(known, process, at(from), Duration::from_millis(asked), at(now))
    }

    const LIMIT: Duration = Duration::from_millis(1000);

    #[test]
    fn silences_of_several_sessions_add_up_and_the_gaps_between_them_do_not() {
        let idle = process(1, Duration::ZERO);
        let mut known = None;
        for start in [0, 100_000, 200_000, 300_000] {
            known = Some(add(known, &idle, (start, 400), start + 400));
        }
        let known = known.unwrap();
        assert_eq!(known.watched_ms, 1200, "the first silence only begins the suspicion");
        assert!(weigh(&known, &idle, LIMIT, false).hung);
        assert!(!weigh(&known, &idle, LIMIT, true).hung, "a starting worker gets longer");
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
    fn what_was_added_to_a_suspicion_counts_with_that_one_alone() {
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
    fn a_reused_pid_and_a_moment_that_lies_ahead_are_of_no_silence() {
        let known = add(None, &process(1, Duration::ZERO), (0, 500), 500);
        assert!(is_of(&known, &process(1, Duration::ZERO), at(500)));
        assert!(!is_of(&known, &process(2, Duration::ZERO), at(500)));
        assert!(!is_of(&known, &process(1, Duration::ZERO), at(499)));
    }

    #[test]
    fn silence_from_before_a_proof_does_not_count() {
        let idle = process(1, Duration::ZERO);
        // The worker answered somebody at 400, in the midst of this watch, and thereby removed the file.
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
        let busy = weigh(&known, &process(1, Duration::from_secs(2)), LIMIT, false);
        assert!(busy.busy && !busy.hung);
        assert!(weigh(&known, &process(1, Duration::from_millis(10)), LIMIT, false).hung);
        known.watched_ms = 6000;
        assert!(weigh(&known, &process(1, Duration::from_secs(5)), LIMIT, false).hung);
    }

    #[test]
    fn a_worker_that_waits_for_a_cpu_is_as_busy_as_one_that_has_it() {
        let starved = |ms| ProcessInfo { starved: Duration::from_millis(ms), ..process(1, Duration::ZERO) };
        let begun = add(None, &starved(400), (0, 1000), 1000);
        assert_eq!(begun.effort_ms, 400);
        let known = add(Some(begun), &starved(400), (1000, 1000), 2000);
        assert!(!weigh(&known, &starved(640), LIMIT, false).busy);
        assert!(weigh(&known, &starved(660), LIMIT, false).busy);
    }

    /// This machine, a state directory, what is asked for, and this process.
    async fn surroundings() -> (crate::machine::Machine, tempfile::TempDir, crate::WorkerSpec, ProcessInfo) {
        let machine = crate::test_machine::machine();
        let dir = tempfile::tempdir().unwrap();
        let state_dir = dir.path().join("state");
        machine.files.prepare(&state_dir).await.unwrap();
        let launch = crate::LaunchCommand::new("w", ["serve"]);
        let spec = crate::WorkerSpec::builder(launch).state_dir(&state_dir).build().unwrap();
        let me = machine.processes.look(machine.processes.me().pid).await.unwrap().unwrap();
        (machine, dir, spec, me)
    }

    #[tokio::test]
    async fn a_watch_counts_only_from_when_the_suspicion_was_there_to_when_it_still_is() {
        let (machine, _dir, spec, mut me) = surroundings().await;
        let (state_dir, call) = (spec.state_dir().to_owned(), || Call::new(&machine, &spec, &|_| {}));
        let noted = state_dir.join(layout::SUSPECT);
        let mut suspect =
            async |call: &Call<'_>, watch| call.suspect(&mut me, watch, Duration::from_secs(60), false).await;

        let (one, two) = (call(), call());
        let (early, watch) = (two.begin_watch().await, one.begin_watch().await);
        suspect(&one, watch).await;
        assert!(noted.exists() && one.is_suspected().await);
        while one.clock().now().since(early.from) < Duration::from_millis(20) {
            one.clock().sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(suspect(&two, early).await.silent_for, Duration::ZERO, "it was begun meanwhile");
        assert!(!state_dir.join(layout::WATCHED).exists());

        let watch = one.begin_watch().await;
        one.clock().sleep(Duration::from_millis(20)).await;
        let silence = suspect(&one, watch).await;
        assert!(silence.silent_for >= Duration::from_millis(20) && one.is_still_suspected(&silence).await);

        let watch = two.begin_watch().await;
        std::fs::remove_file(&noted).unwrap();
        assert!(!one.is_still_suspected(&silence).await, "a proof came");
        let anew = suspect(&two, watch).await;
        assert_eq!(anew.silent_for, Duration::ZERO);
        assert!(two.is_still_suspected(&anew).await && !one.is_still_suspected(&silence).await);
    }

    #[tokio::test]
    async fn what_can_not_be_written_counts_for_this_call_as_long_as_its_beginning_stands() {
        let (machine, _dir, spec, mut me) = surroundings().await;
        let call = Call::new(&machine, &spec, &|_| {});
        let mut silent_for = async || {
            let watch = call.begin_watch().await;
            call.clock().sleep(Duration::from_millis(20)).await;
            call.suspect(&mut me, watch, Duration::from_secs(60), false).await.silent_for
        };
        // Nothing can be put in the place of a directory.
        let (noted, added) = (spec.state_dir().join(layout::SUSPECT), spec.state_dir().join(layout::WATCHED));
        std::fs::create_dir(&added).unwrap();
        assert_eq!(silent_for().await, Duration::ZERO);
        let first = silent_for().await;
        assert!(silent_for().await > first && first >= Duration::from_millis(20));
        std::fs::remove_file(&noted).unwrap();
        assert_eq!(silent_for().await, Duration::ZERO, "a proof came");
        std::fs::remove_file(&noted).unwrap();
        std::fs::create_dir(&noted).unwrap();
        assert_eq!(silent_for().await, Duration::ZERO);
        let first = silent_for().await;
        assert!(silent_for().await > first && first >= Duration::from_millis(20), "nobody else knows of it");
    }
}
