//! What `docs/protocol.md` promises, checked at the very instant at which it could break.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use coordinator::machine::{Ending, Signal};
use coordinator::proof::Health;
use coordinator::record::{self, LaunchNote, Record, WorkerState};
use coordinator::{EnsureRequest, Predecessor, Successor, UpgradePolicy, layout};
use semver::Version;

use crate::kernel::Kernel;
use crate::kernel::files::Inode;
use crate::kernel::notice::OF_THE_OFFICE;
use crate::kernel::processes::{Key, LONGEST_WATCH, Pace, Role};

/// How long a worker may take to notice that its directory was replaced: its self-check comes every two seconds.
const NOTICE: u64 = 5_000_000_000;

/// A time in office.
#[derive(Debug)]
pub(crate) struct Office {
    pub(crate) key: Key,
    pub(crate) folder: Inode,
    pub(crate) from: u64,
    pub(crate) until: Option<u64>,
    /// When another directory came to the path.
    pub(crate) replaced: Option<u64>,
}

/// An answer with a proof.
#[derive(Debug)]
struct Proof {
    to: Key,
    by: Key,
    pid: u32,
    epoch: u64,
    /// When it was asked for, and when it was given.
    asked: u64,
    at: u64,
}

/// A launch.
#[derive(Debug)]
pub(crate) struct Launch {
    pub(crate) by: Key,
    pub(crate) worker: Key,
    boot: u32,
    began: u64,
    /// When its session had last read what is noted of launches.
    decided: u64,
    /// When its session noted it where others find it.
    noted: Option<u64>,
    /// That is no longer to be found: its session has noted how it went, or another has noted something without having read of it.
    concluded: bool,
    /// When its session noted that it had ended without having been ready.
    failed: Option<u64>,
    /// Its session has seen that.
    seen: bool,
    pub(crate) ready: bool,
    /// It is to take over from a worker in office.
    succeeds: bool,
    /// That one speaks a protocol of its sessions.
    compatible: bool,
}

/// The books that the guarantees are checked by.
#[derive(Debug, Default)]
pub(crate) struct Guarantees {
    pub(crate) broken: Option<String>,
    pub(crate) offices: Vec<Office>,
    pub(crate) launches: Vec<Launch>,
    /// When each session last read what is noted of launches.
    launch_reads: BTreeMap<Key, u64>,
    /// When each session last looked whether something is suspected.
    suspicion_looks: BTreeMap<Key, u64>,
    proofs: Vec<Proof>,
    /// The versions that have taken office from one that spoke their protocol, in this boot.
    handed: Vec<Version>,
    /// For whom each worker in office keeps it.
    promised: BTreeMap<Inode, (Key, u64)>,
    /// Who has written a record since he took office, and who had been promised office.
    begun: BTreeSet<Key>,
    heirs: BTreeSet<Key>,
    /// When workers that nobody needed decided to leave.
    left: BTreeMap<Key, u64>,
    /// The highest epoch that a worker has proved itself with, in each directory, and who it was, for as long as he stays in office.
    epochs: BTreeMap<Inode, (u64, Option<Key>)>,
    /// Who is elected, by which lock file, since when.
    elections: BTreeMap<Key, (Inode, u64)>,
    /// The lock that a session has just taken, and whether it was the one at the path.
    candidate: BTreeMap<Key, (Inode, bool)>,
    /// Somebody tampered with the files, or calls failed: a worker that is well may be unable to show it.
    pub(crate) tampered: bool,
    /// The two places that remember the epoch, and whether an adversary destroyed them: with both gone, counting begins anew.
    pub(crate) lost_epoch: bool,
    pub(crate) lost_record: bool,
}

impl Guarantees {
    fn breaks(&mut self, what: String) {
        self.broken.get_or_insert(what);
    }

    /// What later verdicts rest on.
    pub(crate) fn digest(&self, to: &mut impl std::hash::Hasher) {
        use std::hash::Hash;
        for office in self.offices.iter().filter(|office| office.until.is_none()) {
            (office.key, office.folder, office.from, office.replaced).hash(to);
        }
        for launch in &self.launches {
            (launch.by, launch.worker, launch.decided, launch.noted, launch.concluded).hash(to);
            (launch.failed, launch.seen, launch.ready).hash(to);
        }
        self.launch_reads.hash(to);
        (&self.handed, &self.promised, &self.heirs).hash(to);
        for (folder, highest) in &self.epochs {
            (folder, highest).hash(to);
        }
        for (key, election) in &self.elections {
            (key, election).hash(to);
        }
    }

    pub(crate) fn is_elected(&self, key: Key) -> bool {
        self.elections.contains_key(&key)
    }

    pub(crate) fn in_office(&self, key: Key) -> Option<&Office> {
        self.offices.iter().rev().find(|office| office.key == key && office.until.is_none())
    }

    pub(crate) fn left_office(&mut self, key: Key, now: u64) {
        self.elections.remove(&key);
        self.begun.remove(&key);
        self.epochs.values_mut().filter(|(_, of)| *of == Some(key)).for_each(|(_, of)| *of = None);
        for office in self.offices.iter_mut().filter(|office| office.key == key && office.until.is_none()) {
            office.until = Some(now);
        }
    }

    pub(crate) fn rebooted(&mut self, now: u64) {
        self.elections.clear();
        self.handed.clear();
        self.promised.clear();
        for office in self.offices.iter_mut().filter(|office| office.until.is_none()) {
            office.until = Some(now);
        }
    }

    /// *Only who holds the tenure lock writes record, secrets and pid file*, and draws an epoch.
    pub(crate) fn touched(&mut self, key: Key, name: &str) {
        if OF_THE_OFFICE.contains(&name) && self.in_office(key).is_none() {
            self.breaks(format!("process #{} wrote or removed {name} out of office", key.0));
        }
    }

    /// *A loser ends before it touches the port.*
    pub(crate) fn bound(&mut self, key: Key) {
        if self.in_office(key).is_none() {
            self.breaks(format!("process #{} touched the port out of office", key.0));
        }
    }

    /// *Nobody unlinks a lock file.*
    pub(crate) fn unlinked_a_lock(&mut self, key: Key, name: &str) {
        self.breaks(format!("process #{} unlinked {name}", key.0));
    }

    pub(crate) fn took_candidate(&mut self, key: Key, inode: Inode, at_path: bool) {
        self.candidate.insert(key, (inode, at_path));
    }

    /// *One session at a time is elected by a lock file, and only by the one at the path.*
    pub(crate) fn elected(&mut self, key: Key, now: u64) {
        let Some((inode, at_path)) = self.candidate.remove(&key) else { return };
        if !at_path {
            self.breaks(format!("process #{} is elected by a lock file that was not at the path", key.0));
        }
        if let Some((other, _)) = self.elections.iter().find(|(_, (theirs, _))| *theirs == inode) {
            let what = format!("processes #{} and #{} are elected at once, by one file", other.0, key.0);
            self.breaks(what);
        }
        self.elections.insert(key, (inode, now));
    }

    pub(crate) fn election_over(&mut self, key: Key) {
        self.elections.remove(&key);
    }

    /// The directory at the path is another one from now on.
    pub(crate) fn directory_replaced(&mut self, now: u64) {
        for office in self.offices.iter_mut().filter(|office| office.until.is_none()) {
            office.replaced.get_or_insert(now);
        }
    }
}

impl Kernel {
    fn breaks(&mut self, what: String) {
        self.guarantees.breaks(what);
    }

    fn name(&self, key: Key) -> String {
        let process = self.process(key);
        format!("{} [{}]", process.role, process.pid)
    }

    /// *No two processes are in tenure of one state directory at the same instant.*
    pub(crate) fn took_office(&mut self, key: Key) {
        let held = self.process(key).descriptors.iter().filter_map(|open| self.locks.inode(*open));
        let Some(folder) = held.into_iter().find(|inode| self.files.folders.contains_key(inode)) else {
            return;
        };
        let now = self.now;
        let other =
            self.guarantees.offices.iter().find(|office| office.folder == folder && office.until.is_none());
        if let Some(other) = other.map(|other| other.key) {
            self.breaks(format!("{} and {} are in office at once", self.name(other), self.name(key)));
        }
        let replaced = (self.current_folder() != Some(folder)).then_some(now);
        self.guarantees.offices.push(Office { key, folder, from: now, until: None, replaced });
        let who = self.name(key);
        self.story.tell(now, &who, &"takes office");
    }

    /// *A worker whose directory was replaced notices and stops.* To be asked whenever time passes.
    pub(crate) fn check_replaced(&mut self) {
        if !self.weather.troubles.is_empty() {
            return;
        }
        let late = self.guarantees.offices.iter().find(|office| {
            let process = self.process(office.key);
            let since = office.replaced.map(|at| at.max(process.resumed).max(self.weather.cleared));
            office.until.is_none()
                && process.pace == Pace::Running
                && since.is_some_and(|at| self.now > at + NOTICE)
        });
        if let Some(late) = late.map(|office| office.key) {
            self.breaks(format!("{} stays in office of a directory that was replaced", self.name(late)));
        }
    }

    /// *A proof comes from a worker in office of the directory at the path; epochs only grow.*
    pub(crate) fn proved(&mut self, key: Key, to: Key, asked: u64, health: &Health) {
        let now = self.now;
        let (pid, epoch) = (health.pid.0, health.epoch.0);
        let Some(office) = self.guarantees.in_office(key) else {
            return self.breaks(format!("{} proved itself out of office", self.name(key)));
        };
        let (folder, replaced) = (office.folder, office.replaced);
        if replaced.is_some_and(|at| at < asked)
            && self.weather.troubles.is_empty()
            && self.weather.cleared < asked
        {
            self.breaks(format!("{} proved itself for a directory that is not at the path", self.name(key)));
        }
        let (highest, of) = self.guarantees.epochs.get(&folder).copied().unwrap_or((0, Some(key)));
        if of != Some(key) {
            if epoch <= highest && !(self.guarantees.lost_epoch && self.guarantees.lost_record) {
                self.breaks(format!("{} has epoch {epoch}, after epoch {highest}", self.name(key)));
            }
        } else if highest != 0 && epoch != highest {
            self.breaks(format!("{} changed its epoch from {highest} to {epoch}", self.name(key)));
        }
        self.guarantees.epochs.insert(folder, (epoch, Some(key)));
        self.guarantees.proofs.push(Proof { to, by: key, pid, epoch, asked, at: now });
        let left = self.guarantees.left.get(&key).is_some_and(|left| *left <= asked);
        if left && health.state == WorkerState::Ready {
            self.breaks(format!("{} proved itself ready after it had decided to leave", self.name(key)));
        }
        self.check_replacement(key);
        if let Some(launch) = self.guarantees.launches.iter_mut().find(|launch| launch.worker == key) {
            launch.ready = true;
        }
        self.ports_overhear(health);
    }

    /// *Nobody is given a worker that is on its way out*: it leaves when nobody has been given it for `idle`, and from then on it says so.
    pub(crate) fn decides_to_leave(&mut self, key: Key, idle: Duration) {
        let now = self.now;
        let since = now.saturating_sub(u64::try_from(idle.as_nanos()).unwrap_or(u64::MAX));
        let who = self.name(key);
        self.story.tell(now, &who, &"decides to leave: nobody needs it");
        let given = self.guarantees.proofs.iter().any(|proof| proof.by == key && proof.asked > since);
        if given {
            self.breaks(format!("{who} leaves, although it was given to somebody within the last {idle:?}"));
        }
        self.guarantees.left.insert(key, now);
    }

    /// *A session gets a worker that answered this call with a proof.*
    pub(crate) fn answered(&mut self, session: Key, begun: u64, worker: &coordinator::Worker) {
        let (pid, epoch) = (worker.pid.0, worker.epoch.0);
        let proven = self.guarantees.proofs.iter().any(|proof| {
            proof.to == session && proof.at >= begun && (proof.pid, proof.epoch) == (pid, epoch)
        });
        if !proven {
            let who = self.name(session);
            self.breaks(format!(
                "{who} was given pid {pid}, epoch {epoch}, which did not prove itself to this call"
            ));
        }
    }

    /// *Launches are held back by failures of this boot only.*
    pub(crate) fn held_back(&mut self, session: Key) {
        let ended = |launch: &Launch| launch.boot == self.boot && !self.process(launch.worker).alive();
        if !self.guarantees.launches.iter().any(ended) && !self.guarantees.tampered {
            let who = self.name(session);
            self.breaks(format!("{who} is held back, but no worker of this boot has ended"));
        }
    }

    /// *No process outside the identity is signalled, nor one under a debugger, nor one that is well.*
    pub(crate) fn signalled(&mut self, by: Key, target: Key, signal: Signal) {
        // Of a debugger that comes between the last look and the signal nobody can know.
        let just_traced = self.process(target).idle_since == Some(self.now);
        let process = self.process(target).settled(self.now);
        let (from, to) = (self.name(by), self.name(target));
        if self.reduced {
            return self
                .breaks(format!("{from} sent {signal:?} to {to}: a reduced search does not reckon with it"));
        }
        if !matches!(process.role, Role::Worker(_)) {
            return self.breaks(format!("{from} sent {signal:?} to {to}"));
        }
        if process.pace == Pace::Traced && !just_traced {
            return self.breaks(format!("{from} sent {signal:?} to {to}, which is under a debugger"));
        }
        let counts = !self.guarantees.tampered && !self.forcing.contains(&by);
        let Some(request) = process.request.as_ref().filter(|_| counts) else { return };
        let (mut idle, mut quiet, limit) = (process.idle, process.quiet, request.hang_limit());
        // Of a proof that comes between the last look at what is suspected and the signal nobody can know either.
        let (heard, before_idle, before_quiet) = process.before;
        if self.guarantees.suspicion_looks.get(&by).is_some_and(|looked| *looked <= heard) {
            (idle, quiet) = (idle + before_idle, quiet + before_quiet);
        }
        // Whoever is on the way to office is not waited for any longer on a loaded machine, and what was suspected before the first answer counts
        // if it stops right before that.
        let launch = self.guarantees.launches.iter().find(|launch| launch.worker == target);
        if let Some(launch) = launch.filter(|launch| !launch.ready) {
            let all = idle.max(Duration::from_nanos(self.now.saturating_sub(launch.began)));
            if process.pace == Pace::Stopped {
                (idle, quiet) = (all, all);
            } else if !self.guarantees.offices.iter().any(|office| office.key == target) {
                idle = all;
            }
        }
        // A little less than the limits, since time passes with every call. What came before the first watch was over, nobody can know.
        let unseen = Duration::from_nanos(LONGEST_WATCH).min(idle.saturating_sub(limit.mul_f64(0.9)));
        let busy = (idle - quiet).saturating_sub(unseen) * 10 >= (idle - unseen) * 3;
        if quiet < limit.mul_f64(0.9) && idle < limit.mul_f64(if busy { 5.0 } else { 0.9 }) {
            self.breaks(format!(
                "{from} sent {signal:?} to {to}, which was kept from answering for {idle:?} only"
            ));
        }
    }

    /// *Never launch past a held tenure lock, nor beside a launch that is on its way, nor before the backoff is over.*
    pub(crate) fn launch(&mut self, by: Key, request: &EnsureRequest) -> (Key, usize) {
        let now = self.now;
        let elected = self.guarantees.elections.get(&by).map_or(now, |(_, at)| *at);
        let folder = self.current_folder();
        let in_office =
            self.guarantees.offices.iter().find(|office| {
                office.until.is_none() && Some(office.folder) == folder && office.from < elected
            });
        let predecessor = Predecessor::of_command(request.launch());
        let mut compatible = false;
        if let Some(predecessor) = predecessor {
            compatible = self.check_upgrade(by, predecessor, request);
        } else if let Some(worker) = in_office.map(|office| office.key) {
            self.breaks(format!("{} launched past {}, which is in office", self.name(by), self.name(worker)));
        }
        let decided = self.guarantees.launch_reads.get(&by).copied().unwrap_or(now);
        if predecessor.is_none() {
            self.check_launch_note(by, elected);
            self.check_backoff(by, decided, request);
        }
        let number = u32::try_from(self.guarantees.launches.len()).unwrap_or(u32::MAX);
        let (worker, channel) = self.spawn_worker(number, request);
        self.guarantees.launches.push(Launch {
            by,
            worker,
            boot: self.boot,
            began: now,
            decided,
            noted: None,
            concluded: false,
            failed: None,
            seen: false,
            ready: false,
            succeeds: predecessor.is_some(),
            compatible,
        });
        let (who, what) = (self.name(by), format!("launches {}", self.name(worker)));
        self.story.tell(now, &who, &what);
        (worker, channel)
    }

    /// *Never a downgrade by itself*, and only a worker is to be succeeded. Whether sessions could talk to that as well.
    fn check_upgrade(&mut self, by: Key, predecessor: Predecessor, request: &EnsureRequest) -> bool {
        let named = (predecessor.pid, predecessor.start_time.0);
        // Pids and start times come again with the next boot.
        let old = self.processes.iter().rev().find(|process| (process.pid, process.start) == named);
        let Some(theirs) = old.and_then(|old| old.request.as_ref()).map(|old| old.id().clone()) else {
            let who = self.name(by);
            self.breaks(format!("{who} launches a successor of {predecessor}, which is no worker"));
            return false;
        };
        // Where the protocols have nothing in common, they say who is newer.
        let ours = request.id();
        let compatible = theirs.protocol().overlaps(ours.protocol());
        let older = ours.version().cmp_precedence(theirs.version()).is_lt();
        let any = matches!(request.upgrade(), UpgradePolicy::Exact | UpgradePolicy::Chosen);
        if older && compatible && !any {
            let who = self.name(by);
            self.breaks(format!("{who} has {} replaced by {}", theirs.version(), ours.version()));
        }
        compatible
    }

    /// A worker in office says for whom it keeps it, or no longer does.
    pub(crate) fn promised(&mut self, folder: Inode) {
        let bytes = self.files.bytes(folder, layout::SUCCESSOR);
        let successor = bytes.and_then(|bytes| record::parse::<Successor>(&bytes));
        let heir = successor.and_then(|heir| Some((self.living(heir.process.pid)?, heir.until.nanos)));
        match heir {
            Some(heir) => self.guarantees.promised.insert(folder, heir),
            None => self.guarantees.promised.remove(&folder),
        };
    }

    /// *Nobody barges in*: as long as a successor lives and its time has not passed, nobody else begins a tenure.
    pub(crate) fn begins_tenure(&mut self, key: Key, folder: Inode) {
        if self.guarantees.begun.contains(&key) || self.guarantees.in_office(key).is_none() {
            return;
        }
        self.guarantees.begun.insert(key);
        let promised = self.guarantees.promised.remove(&folder);
        let inherits = promised.is_some_and(|(heir, _)| heir == key);
        if let Some((heir, until)) = promised
            && !inherits
            && self.process(heir).alive()
            && self.now < until
            && !self.guarantees.tampered
        {
            self.breaks(format!("{} barges in on {}", self.name(key), self.name(heir)));
        }
        if inherits {
            self.guarantees.heirs.insert(key);
        }
    }

    /// *Each version replaces another that its sessions could talk to at most once a day.* One that never gets ready has replaced none.
    fn check_replacement(&mut self, key: Key) {
        let first = |launch: &&Launch| launch.worker == key && launch.compatible && !launch.ready;
        if !self.guarantees.launches.iter().any(|launch| first(&launch))
            || !self.guarantees.heirs.contains(&key)
        {
            return;
        }
        let Some(version) = self.process(key).request.as_ref().map(|request| request.id().version().clone())
        else {
            return;
        };
        if self.guarantees.handed.contains(&version) && !self.guarantees.tampered {
            self.breaks(format!("{} has replaced another a second time", self.name(key)));
        }
        self.guarantees.handed.push(version);
    }

    fn check_launch_note(&mut self, by: Key, elected: u64) {
        let on_its_way = self.guarantees.launches.iter().find(|launch| {
            let alive = launch.boot == self.boot && self.process(launch.worker).alive();
            alive && !launch.concluded && launch.noted.is_some_and(|noted| noted < elected)
        });
        if let Some(other) = on_its_way.map(|launch| launch.worker)
            && !self.guarantees.tampered
        {
            self.breaks(format!(
                "{} launched beside {}, which is on its way",
                self.name(by),
                self.name(other)
            ));
        }
    }

    fn check_backoff(&mut self, by: Key, mut began: u64, request: &EnsureRequest) {
        // Where two were under way at once, the one's session having decided before the other's noted its failure, the count may begin anew.
        let failed = self
            .guarantees
            .launches
            .iter()
            .rev()
            .filter(|launch| !launch.succeeds)
            .take_while(|launch| launch.boot == self.boot)
            .map_while(|launch| Some((launch.decided, launch.failed?)))
            .take_while(|(decided, end)| *end <= std::mem::replace(&mut began, *decided))
            .map(|(_, end)| end)
            .collect::<Vec<_>>();
        let delay = request.backoff().delay(u32::try_from(failed.len()).unwrap_or(u32::MAX));
        let Some(last) = failed.first() else { return };
        let passed = Duration::from_nanos(self.now.saturating_sub(*last));
        // What was noted is the moment before; time passes with every call.
        if passed + Duration::from_millis(20) < delay && !self.guarantees.tampered {
            let n = failed.len();
            self.breaks(format!(
                "{} launched {passed:?} after the last of {n} failures in a row",
                self.name(by)
            ));
        }
    }

    /// Whether a session can tell that this worker is the one that holds the lock, if it holds it: the directory at the path is its own, and the
    /// lock file there, the record or the last launch names it. One that halts in the midst of its claim keeps others out before it is in office.
    pub(crate) fn can_be_identified(&self, key: Key) -> bool {
        let in_office = self.guarantees.in_office(key).map(|office| office.folder);
        let locks = |folder: &&Inode| {
            let mut holders = self.locks.flocks.get(folder).into_iter().flatten();
            holders.any(|(open, _)| self.process(key).descriptors.contains(open))
        };
        let held = in_office.or_else(|| self.files.folders.keys().find(locks).copied());
        let Some(held) = held else { return true };
        let Some(folder) = self.current_folder().filter(|folder| *folder == held) else { return false };
        let locked =
            self.files.entry(folder, layout::WORKER_LOCK).and_then(|file| self.locks.records.get(&file));
        let read = |name| self.files.bytes(folder, name);
        let recorded = read(layout::RECORD).and_then(|bytes| record::parse::<Record>(&bytes));
        let launched = read(layout::LAUNCH).and_then(|bytes| record::parse::<LaunchNote>(&bytes));
        let named = [recorded.map(|record| record.process), launched.and_then(|note| note.process)];
        locked == Some(&key) || named.into_iter().flatten().any(|process| process == self.identity(key))
    }

    /// Its session sees that a worker has ended without a word.
    pub(crate) fn saw_the_end(&mut self, worker: Key, ending: Ending) {
        let launch = self.guarantees.launches.iter_mut().find(|launch| launch.worker == worker);
        if let Some(launch) = launch.filter(|launch| !launch.ready && ending != Ending::Exited(0)) {
            launch.seen = true;
        }
    }

    /// A session looks whether something is suspected.
    pub(crate) fn looks_at_suspicion(&mut self, session: Key) {
        self.guarantees.suspicion_looks.insert(session, self.now);
    }

    /// A session reads what is noted of launches.
    pub(crate) fn read_launch(&mut self, session: Key) {
        self.guarantees.launch_reads.insert(session, self.now);
    }

    /// A session notes its launch; the second time, how it went. There is room for one note: of two sessions that are elected at different ranks,
    /// whoever notes last is found.
    pub(crate) fn noted_launch(&mut self, session: Key) {
        let now = self.now;
        let read = self.guarantees.launch_reads.get(&session).copied();
        for launch in &mut self.guarantees.launches {
            if launch.by != session {
                launch.concluded |= launch.noted.is_some() && launch.noted >= read;
                continue;
            }
            launch.concluded |= launch.noted.is_some() || launch.succeeds;
            launch.noted.get_or_insert(now);
            if launch.seen {
                launch.failed.get_or_insert(now);
            }
        }
    }
}
