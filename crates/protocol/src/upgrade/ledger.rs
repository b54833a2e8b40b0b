//! `upgrades.json`: what keeps versions from replacing each other for ever.
//!
//! Written by the elected alone, in one step, and bounded in size. Like `launch.json` it is a hint that may be lost: what it then costs is one more
//! hand-over. It is not in the history, which may be locked by a writer that was stopped: that must not blind the decision.
//!
//! *Each version replaces another at most once a day.* So in a day there are at most as many hand-overs as there are versions, whoever asks for
//! them in whatever order; and a limit for each hour bounds them if versions are many. What was noted in another boot is forgotten.

use std::time::Duration;

use semver::Version;
use serde::{Deserialize, Serialize};

use super::policy::UpgradeLimits;
use crate::identity::Epoch;
use crate::launch_command::LaunchCommand;
use crate::machine::{BootId, Moment, ProcessIdentity};
use crate::record::{self, READ_LIMIT};

pub(super) const HOUR: Duration = Duration::from_secs(3600);
pub(super) const DAY: Duration = Duration::from_secs(24 * 3600);
/// More versions than that in a day are not remembered.
const MOST_VERSIONS: usize = 32;
/// More hand-overs than that in an hour are not remembered, and not allowed.
pub(super) const MOST_BEGUN: usize = 500;
/// The most that is kept of an error and of its log, in characters.
const WORDS: usize = 400;

/// What is known of this boot's hand-overs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ledger {
    schema: u32,
    boot_id: BootId,
    /// When hand-overs were begun, within the last hour.
    #[serde(default)]
    pub(super) begun: Vec<Moment>,
    /// The versions that others were to be replaced by; the last one that was begun with comes last.
    #[serde(default)]
    versions: Vec<Candidate>,
    /// What served before them.
    #[serde(default)]
    last_good: Option<LastGood>,
    /// What a person has chosen within the last day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) chosen: Option<Chosen>,
}

/// A person's word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Chosen {
    pub(super) version: Version,
    pub(super) at: Moment,
}

/// A version that was to replace another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Candidate {
    pub(super) version: Version,
    /// Whom.
    pub(super) from: Version,
    /// When that was last begun.
    pub(super) at: Moment,
    /// The hand-over that has come to no end yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    begun: Option<Begun>,
    /// When it last took office in this way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) replaced: Option<Moment>,
    /// Its tenure, as long as that is on probation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    probation: Option<Probation>,
    #[serde(default)]
    pub(super) failures: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) last_error: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) log_tail: Option<String>,
}

/// A hand-over that is under way, as far as its session knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Begun {
    /// The tenure that is to end.
    pub(crate) of: Epoch,
    /// The successor, once it was launched.
    #[serde(default)]
    pub(crate) process: Option<ProcessIdentity>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Probation {
    epoch: Epoch,
    since: Moment,
}

/// What is started in the place of a bad version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LastGood {
    pub(crate) version: Version,
    pub(crate) program: std::path::PathBuf,
}

impl LastGood {
    /// A session's command, with this program.
    pub(crate) fn command(&self, command: &LaunchCommand) -> LaunchCommand {
        LaunchCommand { program: self.program.clone(), ..command.clone() }
    }
}

pub(super) fn same(a: &Version, b: &Version) -> bool {
    a.cmp_precedence(b).is_eq()
}

fn short(text: &str) -> String {
    text.chars().take(WORDS).collect()
}

/// The end of a text.
fn ending(text: &str) -> String {
    let skipped = text.chars().count().saturating_sub(WORDS);
    text.chars().skip(skipped).collect()
}

impl Ledger {
    /// Of a boot in which nothing has happened.
    pub(crate) fn empty(boot_id: BootId) -> Self {
        Self { schema: 1, boot_id, begun: Vec::new(), versions: Vec::new(), last_good: None, chosen: None }
    }

    /// Whether nothing is known.
    pub(crate) fn is_empty(&self) -> bool {
        self.versions.is_empty()
    }

    /// What these bytes say to somebody in this boot, now.
    pub(crate) fn read(bytes: Option<&[u8]>, boot_id: BootId, now: Moment) -> Self {
        let known = bytes.and_then(record::parse::<Self>).filter(|ledger| ledger.boot_id == boot_id);
        let mut ledger = known.unwrap_or_else(|| Self::empty(boot_id));
        // What lies ahead on this clock was noted by nobody.
        ledger.begun.retain(|at| *at <= now && now.since(*at) < HOUR);
        ledger.versions.retain(|known| known.at <= now && now.since(known.at) < DAY);
        ledger.chosen = ledger.chosen.filter(|chosen| chosen.at <= now && now.since(chosen.at) < DAY);
        ledger
    }

    /// The bytes of the file; what does not fit into it is forgotten, the oldest first.
    pub(crate) fn render(&mut self) -> Vec<u8> {
        loop {
            let bytes = record::render(self);
            let fits = bytes.len() <= READ_LIMIT && self.versions.len() <= MOST_VERSIONS;
            if fits || self.versions.is_empty() && self.begun.is_empty() {
                return bytes;
            }
            if self.versions.is_empty() {
                self.begun.remove(0);
            } else {
                self.versions.remove(0);
            }
        }
    }

    pub(super) fn find(&self, version: &Version) -> Option<&Candidate> {
        self.versions.iter().find(|known| same(&known.version, version))
    }

    fn find_mut(&mut self, version: &Version) -> Option<&mut Candidate> {
        self.versions.iter_mut().find(|known| same(&known.version, version))
    }

    /// Notes that a hand-over is begun, and who has served up to now.
    pub(crate) fn begin(
        &mut self,
        to: &Version,
        from: LastGood,
        of: Epoch,
        now: Moment,
        limits: UpgradeLimits,
    ) {
        if self.begun.len() >= MOST_BEGUN {
            self.begun.remove(0);
        }
        self.begun.push(now);
        let known = self.versions.iter().position(|known| same(&known.version, to));
        let mut candidate = known.map(|i| self.versions.remove(i)).unwrap_or_else(|| Candidate {
            version: to.clone(),
            from: from.version.clone(),
            at: now,
            begun: None,
            replaced: None,
            probation: None,
            failures: 0,
            last_error: None,
            log_tail: None,
        });
        candidate.from = from.version.clone();
        candidate.at = now;
        candidate.begun = Some(Begun { of, process: None });
        self.versions.push(candidate);
        // One that is on probation itself has not served well yet.
        let tried = self.find(&from.version);
        let good = tried.is_none_or(|tried| match &tried.probation {
            Some(probation) => now.since(probation.since) >= limits.probation,
            None => tried.failures == 0,
        });
        if good || self.last_good.is_none() {
            self.last_good = Some(from);
        }
    }

    /// Notes a person's choice; what was known of this version counts no more.
    pub(crate) fn choose(&mut self, version: &Version, now: Moment) {
        self.versions.retain(|known| !same(&known.version, version));
        self.chosen = Some(Chosen { version: version.clone(), at: now });
    }

    /// Notes which process the hand-over was begun with.
    pub(crate) fn launched(&mut self, to: &Version, process: Option<ProcessIdentity>) {
        if let Some(begun) = self.find_mut(to).and_then(|known| known.begun.as_mut()) {
            begun.process = process;
        }
    }

    /// Notes that it has taken office, and is on probation from now on.
    pub(crate) fn took_office(&mut self, to: &Version, epoch: Epoch, now: Moment) {
        if let Some(known) = self.find_mut(to) {
            known.begun = None;
            known.replaced = Some(now);
            known.probation = Some(Probation { epoch, since: now });
        }
    }

    /// The one in office is of a version that was to replace another: it has, even if nobody could note which process it was to be.
    pub(crate) fn recognise(&mut self, in_office: &Version, epoch: Epoch, now: Moment) {
        if self.find(in_office).is_some_and(|known| known.replaced.is_none()) {
            self.took_office(in_office, epoch, now);
        }
    }

    /// Notes that the hand-over came to nothing for no fault of the successor's.
    pub(crate) fn gave_up(&mut self, to: &Version) {
        if let Some(known) = self.find_mut(to) {
            known.begun = None;
        }
    }

    /// Notes that the successor failed.
    pub(crate) fn failed(&mut self, to: &Version, why: &str, log_tail: &str) {
        if let Some(known) = self.find_mut(to) {
            known.begun = None;
            known.probation = None;
            known.failures = known.failures.saturating_add(1);
            known.last_error = Some(short(why));
            known.log_tail = Some(ending(log_tail));
        }
    }

    /// The hand-overs that have come to no end, with the version that was to take over, and when they were begun.
    pub(crate) fn open(&self) -> Vec<(Version, Moment, Begun)> {
        let begun = |known: &Candidate| Some((known.version.clone(), known.at, known.begun.clone()?));
        self.versions.iter().filter_map(begun).collect()
    }

    /// Closes a hand-over whose successor is dead: if the worker that was to hand over is still in office, the successor has failed, and else
    /// it may have been in office.
    pub(crate) fn close(&mut self, to: &Version, in_office: Option<Epoch>, now: Moment) {
        let Some(begun) = self.find(to).and_then(|known| known.begun.clone()) else { return };
        if in_office == Some(begun.of) {
            self.failed(to, "it ended before it took office", "");
        } else if let Some(known) = self.find_mut(to) {
            known.begun = None;
            known.replaced = Some(now);
        }
    }

    /// Whether this version is yet to prove itself, so that what becomes of a launch of it is to be noted.
    pub(crate) fn is_tried(&self, version: &Version) -> bool {
        self.find(version).is_some_and(|known| known.probation.is_some() || known.failures > 0)
    }

    /// Puts a launch of a version that is yet to prove itself on probation anew.
    pub(crate) fn tried_again(&mut self, version: &Version, epoch: Epoch, now: Moment) {
        if let Some(known) = self.find_mut(version) {
            known.probation = Some(Probation { epoch, since: now });
        }
    }

    /// The tenure of this epoch is over. One that was on probation has failed, unless it ended in good order; whether anything changed.
    pub(crate) fn ended(
        &mut self,
        epoch: Epoch,
        in_good_order: bool,
        now: Moment,
        limits: UpgradeLimits,
    ) -> bool {
        let of_it = |known: &&mut Candidate| known.probation.as_ref().is_some_and(|p| p.epoch == epoch);
        let Some(known) = self.versions.iter_mut().find(of_it) else { return false };
        let since = known.probation.take().map_or(now, |probation| probation.since);
        let served = now.since(since);
        if in_good_order || served >= limits.probation {
            return true;
        }
        let version = known.version.clone();
        self.failed(&version, &format!("it died within {} s of taking office", served.as_secs() + 1), "");
        true
    }

    /// What served before the version that is bad.
    pub(crate) fn last_good(&self, bad: &Version) -> Option<&LastGood> {
        self.last_good.as_ref().filter(|good| !same(&good.version, bad))
    }
}

#[cfg(test)]
mod tests;
