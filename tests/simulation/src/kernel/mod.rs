//! The simulated kernel: everything that processes share, and nothing that they know alone.

mod digest;
pub(crate) mod files;
pub(crate) mod life;
pub(crate) mod locks;
pub(crate) mod notice;
pub(crate) mod ports;
pub(crate) mod processes;
mod story;
pub(crate) mod weather;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::path::PathBuf;
use std::task::Waker;
use std::time::Duration;

use coordinator::EnsureRequest;
use coordinator::machine::{BootId, Pid, WorkerReport};

use crate::faults::{Ambush, Relief};
use crate::guarantees::Guarantees;
use crate::session::Answer;
use files::{FileSystem, Inode};
use locks::{LockTable, OpenFile, Opened};
use notice::Announced;
use ports::Ports;
use processes::{Key, Process, Role};
use story::Story;
pub(crate) use story::{Digest, Show};
pub(crate) use weather::CallClass;
use weather::Weather;

/// A process that was started, and that the scheduler does not know yet.
#[derive(Debug)]
pub(crate) struct Newborn {
    pub(crate) key: Key,
    pub(crate) request: EnsureRequest,
}

/// A readiness channel.
#[derive(Debug, Default)]
pub(crate) struct Channel {
    pub(crate) messages: VecDeque<WorkerReport>,
    pub(crate) reader: Option<Waker>,
}

pub(crate) struct Kernel {
    /// Nanoseconds since the boot, less sleep.
    pub(crate) now: u64,
    /// Wall clock less `now`.
    pub(crate) wall: i128,
    pub(crate) boot: u32,
    pub(crate) seed: u64,
    pub(crate) processes: Vec<Process>,
    pub(crate) pids: BTreeMap<Pid, Key>,
    next_pid: u32,
    /// The pid that the next process gets, if an adversary decided that.
    pub(crate) recycled: Option<Pid>,
    pub(crate) files: FileSystem,
    pub(crate) locks: LockTable,
    pub(crate) ports: Ports,
    pub(crate) channels: Vec<Channel>,
    timers: BTreeMap<(u64, u64), Waker>,
    timer_count: u64,
    pub(crate) newborns: Vec<Newborn>,
    /// Those that died since the scheduler last looked.
    pub(crate) dead: Vec<Key>,
    pub(crate) weather: Weather,
    /// Until when nobody gets the CPU.
    pub(crate) loaded_until: u64,
    /// The task that goes on at the moment.
    pub(crate) going_on: u64,
    /// The calls that tasks are about to make.
    pub(crate) announced: HashMap<u64, Announced>,
    /// For each task a digest of all that it was ever told, and of what it was told when it began, which tells it apart in every schedule.
    pub(crate) told: HashMap<u64, u64>,
    pub(crate) roots: HashMap<u64, u64>,
    /// The same, since the last point at which a session may forget, and without when tasks went on.
    recent: HashMap<u64, u64>,
    /// A search leaves out what makes no difference: sessions forget then.
    pub(crate) reduced: bool,
    /// The sum of what the tasks were told that have come to an end by themselves.
    ended: u64,
    /// Who lies in wait for a call.
    pub(crate) ambushes: Vec<Ambush>,
    /// What blows struck in the midst of a step lead to later.
    pub(crate) later: Vec<(u64, Relief)>,
    pub(crate) guarantees: Guarantees,
    pub(crate) story: Story,
    pub(crate) state_dir: PathBuf,
    /// The reapers of this machine do not reap: who has died stays a zombie until its pid is taken.
    pub(crate) keeps_zombies: bool,
    /// Some session wants a worker to hand over.
    pub(crate) hands_over: bool,
    /// The kind of network file system that the state directory lies on.
    pub(crate) network_file_system: Option<&'static str>,
    /// Who was told to end the worker by force, whether it is well or not.
    pub(crate) forcing: BTreeSet<Key>,
    /// When each session's call has to be over.
    pub(crate) deadlines: BTreeMap<Key, u64>,
    /// What the sessions got.
    pub(crate) answers: BTreeMap<u32, Answer>,
}

/// The pid before the first one.
const FIRST_PID: u32 = 100;

/// One step of a generator that needs no state but a number (SplitMix64, Steele and others, 2014).
pub(crate) fn mix(mut z: u64) -> u64 {
    z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Kernel {
    pub(crate) fn new(seed: u64, state_dir: PathBuf) -> Self {
        Self {
            now: 1_000_000_000,
            wall: 1_700_000_000_000_000_000,
            boot: 1,
            seed,
            processes: Vec::new(),
            pids: BTreeMap::new(),
            next_pid: FIRST_PID,
            recycled: None,
            files: FileSystem::default(),
            locks: LockTable::default(),
            ports: Ports::default(),
            channels: Vec::new(),
            timers: BTreeMap::new(),
            timer_count: 0,
            newborns: Vec::new(),
            dead: Vec::new(),
            weather: Weather::default(),
            loaded_until: 0,
            going_on: 0,
            announced: HashMap::new(),
            told: HashMap::new(),
            roots: HashMap::new(),
            recent: HashMap::new(),
            reduced: false,
            ended: 0,
            ambushes: Vec::new(),
            later: Vec::new(),
            guarantees: Guarantees::default(),
            story: Story::default(),
            state_dir,
            keeps_zombies: false,
            hands_over: false,
            network_file_system: None,
            forcing: BTreeSet::new(),
            deadlines: BTreeMap::new(),
            answers: BTreeMap::new(),
        }
    }

    pub(crate) fn boot_id(&self) -> BootId {
        BootId(format!("boot-{}", self.boot))
    }

    pub(crate) fn process(&self, key: Key) -> &Process {
        &self.processes[key.0 as usize]
    }

    pub(crate) fn process_mut(&mut self, key: Key) -> &mut Process {
        &mut self.processes[key.0 as usize]
    }

    /// A number that nobody else draws. It depends on who draws it and how often it did, and on nothing that others do: schedules that
    /// differ only in the order of independent steps end in equal states.
    pub(crate) fn draw(&mut self, key: Key) -> u64 {
        let seed = self.seed;
        let process = self.process_mut(key);
        process.drawn += 1;
        mix(seed ^ mix(u64::from(key.0) << 32 | process.drawn))
    }

    /// This task goes on: it is no longer what it was, even if it is told nothing.
    pub(crate) fn goes_on(&mut self, task: u64) {
        self.going_on = task;
        if self.story.digests {
            self.announced.remove(&task);
            self.told.entry(task).and_modify(|told| *told = mix(*told));
        }
    }

    /// This task of a process has come to its end.
    pub(crate) fn ends(&mut self, task: u64, key: Key) {
        self.told.remove(&task);
        let told = self.recent.remove(&task).filter(|_| matches!(self.process(key).role, Role::Session(_)));
        if let Some(told) = told {
            self.ended = self.ended.wrapping_add(mix(u64::from(key.0) ^ mix(told)));
        }
    }

    /// The task that goes on was told something.
    pub(crate) fn tell(&mut self, key: Key, what: u64) {
        let told = self.told_so_far(key);
        self.told.insert(self.going_on, mix(told ^ mix(what)));
        let recent = self.recent.entry(self.going_on).or_default();
        *recent = mix(*recent ^ mix(what));
    }

    /// A session comes to a point from which on it is the same whatever it was told before: no variable holds anything of that, unless it still
    /// waits for an answer beside what else it does.
    pub(crate) fn may_forget(&mut self, key: Key, point: &str) {
        let process = self.process_mut(key);
        if process.kept_waiting || !matches!(process.role, Role::Session(_)) {
            return;
        }
        let point = point.bytes().fold(u64::from(key.0), |digest, byte| mix(digest ^ u64::from(byte)));
        self.recent.insert(self.going_on, point);
        if self.reduced {
            self.told.insert(self.going_on, point);
            self.process_mut(key).changes = 0;
        }
    }

    /// What the task that goes on was told; of a process that has just begun, who it is.
    pub(crate) fn told_so_far(&self, key: Key) -> u64 {
        self.told.get(&self.going_on).copied().unwrap_or(key.0.into())
    }

    /// A number for something that this process makes: nothing that others do has a part in it.
    pub(crate) fn new_number(&mut self, key: Key) -> u64 {
        let process = self.process_mut(key);
        process.drawn += 1;
        (u64::from(key.0) + 1) << 32 | process.drawn
    }

    pub(crate) fn new_inode(&mut self, key: Key) -> Inode {
        Inode(self.new_number(key))
    }

    pub(crate) fn open(&mut self, key: Key, inode: Inode) -> OpenFile {
        let file = OpenFile(self.new_number(key));
        self.locks.opened.insert(file, Opened { inode, copies: 1 });
        self.process_mut(key).descriptors.push(file);
        file
    }

    pub(crate) fn close(&mut self, key: Key, file: OpenFile) {
        let process = self.process_mut(key);
        let before = process.descriptors.len();
        process.descriptors.retain(|open| *open != file);
        if process.descriptors.len() < before {
            self.locks.close(file, key);
        }
    }

    /// After a boot the same programs get the same pids again.
    pub(crate) fn pids_begin_anew(&mut self) {
        self.next_pid = FIRST_PID;
    }

    /// Squatters hear what workers answer.
    pub(crate) fn ports_overhear(&mut self, health: &coordinator::proof::Health) {
        self.ports.overheard = Some(Box::new(health.clone()));
    }

    /// The directory at the state directory's path.
    pub(crate) fn current_folder(&self) -> Option<Inode> {
        self.files.paths.get(&self.state_dir).copied()
    }

    /// Wakes somebody after a while. The number cancels it.
    pub(crate) fn set_timer(&mut self, after: Duration, waker: Waker) -> (u64, u64) {
        self.timer_count += 1;
        let nanos = u64::try_from(after.as_nanos()).unwrap_or(u64::MAX);
        let id = (self.now.saturating_add(nanos), self.timer_count);
        self.timers.insert(id, waker);
        id
    }

    pub(crate) fn rearm_timer(&mut self, id: (u64, u64), waker: &Waker) {
        if let Some(armed) = self.timers.get_mut(&id) {
            armed.clone_from(waker);
        }
    }

    pub(crate) fn cancel_timer(&mut self, id: (u64, u64)) {
        self.timers.remove(&id);
    }

    pub(crate) fn next_timer(&self) -> Option<u64> {
        self.timers.first_key_value().map(|((at, _), _)| *at)
    }

    /// Lets time come to `now`, and rings what is due.
    pub(crate) fn advance(&mut self, now: u64) {
        self.now = self.now.max(now);
        while let Some(entry) = self.timers.first_entry()
            && entry.key().0 <= self.now
        {
            entry.remove().wake();
        }
    }
}
