//! Birth, death, signals and power failures.

use std::task::Waker;
use std::time::Duration;

use coordinator::EnsureRequest;
use coordinator::machine::{Ending, Pid, ProcessIdentity, ProcessInfo, Signal, StartTime};

use super::files::Inode;
use super::ports::Listener;
use super::processes::{Key, Pace, Process, Role};
use super::{Channel, Kernel, Newborn};
use crate::faults::Relief;

const SIGKILL: i32 = 9;
const SIGTERM: i32 = 15;

impl Kernel {
    pub(crate) fn born(&mut self, role: Role) -> Key {
        let key = Key(u32::try_from(self.processes.len()).unwrap_or(u32::MAX));
        let pid = self.recycled.take().filter(|pid| self.living(*pid).is_none()).unwrap_or_else(|| {
            self.next_pid += 1;
            Pid(self.next_pid)
        });
        self.processes.push(Process {
            pid,
            // Clock ticks of 10 ms, as on Linux: a pid that comes back within one is told apart by nothing, so it never does.
            start: (self.now - self.weather.booted) / 10_000_000,
            role,
            request: None,
            pace: Pace::Running,
            idle_since: None,
            idle: Duration::ZERO,
            quiet: Duration::ZERO,
            before: (0, Duration::ZERO, Duration::ZERO),
            resumed: self.now,
            cpu: 0,
            starved: 0,
            ended: None,
            zombie: false,
            terminated: false,
            descriptors: Vec::new(),
            calls: 0,
            drawn: 0,
            changes: 0,
            channel: None,
            kept_waiting: false,
            await_signal: Vec::new(),
            await_question: Vec::new(),
        });
        self.pids.insert(pid, key);
        let (now, loaded_until) = (self.now, self.loaded_until);
        if now < loaded_until && role != Role::Stranger {
            self.process_mut(key).hold(now, loaded_until - now);
            self.later.push((loaded_until, Relief::GoOn(key)));
        }
        key
    }

    /// Starts a worker, with a readiness channel whose number is returned too.
    pub(crate) fn spawn_worker(&mut self, number: u32, request: &EnsureRequest) -> (Key, usize) {
        let key = self.born(Role::Worker(number));
        let channel = self.channels.len();
        self.channels.push(Channel::default());
        let process = self.process_mut(key);
        process.channel = Some(channel);
        process.request = Some(request.clone());
        self.newborns.push(Newborn { key, request: request.clone() });
        (key, channel)
    }

    /// The process that has this pid and lives.
    pub(crate) fn living(&self, pid: Pid) -> Option<Key> {
        self.pids.get(&pid).copied().filter(|key| self.process(*key).alive())
    }

    pub(crate) fn identity(&self, key: Key) -> ProcessIdentity {
        let process = self.process(key);
        ProcessIdentity { pid: process.pid, start_time: StartTime(process.start), boot_id: self.boot_id() }
    }

    /// What `/proc` shows of a pid: the dead only as long as they are zombies.
    pub(crate) fn look(&self, pid: Pid) -> Option<ProcessInfo> {
        let key = *self.pids.get(&pid)?;
        let process = self.process(key).settled(self.now);
        (process.alive() || process.zombie).then(|| ProcessInfo {
            identity: self.identity(key),
            activity: process.activity(),
            traced_by: (process.pace == Pace::Traced).then_some(Pid(1)),
            cpu_time: Duration::from_nanos(process.cpu),
            starved: Duration::from_nanos(process.starved),
            program: process.role.to_string(),
        })
    }

    /// The end of a process, by itself or by a signal: the kernel closes its descriptors and lets go of its locks.
    pub(crate) fn die(&mut self, key: Key, ending: Ending) {
        if !self.process(key).alive() {
            return;
        }
        let zombie = self.keeps_zombies;
        let now = self.now;
        let process = self.process_mut(key);
        process.set_pace(Pace::Running, now);
        process.idle_since = None;
        process.ended = Some(ending);
        process.zombie = zombie;
        let (pid, channel) = (process.pid, process.channel);
        for file in std::mem::take(&mut process.descriptors) {
            self.locks.close(file, key);
        }
        self.ports.closed_by(key);
        if !zombie {
            self.pids.remove(&pid);
        }
        self.guarantees.left_office(key, now);
        if let Some(reader) = channel.and_then(|channel| self.channels[channel].reader.take()) {
            reader.wake();
        }
        self.dead.push(key);
    }

    /// What a signal does to a process that it reaches.
    pub(crate) fn deliver(&mut self, key: Key, signal: Signal) {
        match signal {
            Signal::Kill => self.die(key, Ending::Signalled(SIGKILL)),
            // Only a worker handles it; a stopped one does when it goes on, a wedged one never.
            Signal::Terminate if matches!(self.process(key).role, Role::Worker(_)) => {
                let process = self.process_mut(key);
                process.terminated = true;
                process.await_signal.drain(..).for_each(Waker::wake);
            }
            Signal::Terminate => self.die(key, Ending::Signalled(SIGTERM)),
            Signal::Continue => {
                let now = self.now;
                let process = self.process_mut(key);
                if process.pace == Pace::Stopped {
                    process.set_pace(Pace::Running, now);
                }
            }
        }
    }

    /// Wakes those of a process that wait for a question. In random stories, those that wait for a signal look too, and wait on: else what was found in
    /// them would have other numbers.
    pub(crate) fn knock(&mut self, key: Key) {
        let search = self.story.digests;
        let process = self.process_mut(key);
        process.await_question.drain(..).for_each(Waker::wake);
        if !search {
            process.await_signal.drain(..).for_each(Waker::wake);
        }
    }

    /// A child of `parent` that was forked without care: it keeps a copy of every descriptor, the listening socket too.
    pub(crate) fn fork_carelessly(&mut self, parent: Key) -> Key {
        let child = self.born(Role::Stranger);
        let descriptors = self.process(parent).descriptors.clone();
        for file in &descriptors {
            if let Some(opened) = self.locks.opened.get_mut(file) {
                opened.copies += 1;
            }
        }
        self.process_mut(child).descriptors = descriptors;
        for listener in self.ports.listeners.values_mut() {
            if let Listener::Worker { owner, copies, .. } = listener
                && *owner == parent
            {
                copies.push(child);
            }
        }
        child
    }

    /// Everybody dies, and what was not on the disk may be gone.
    pub(crate) fn lose_power(&mut self, mut survives: impl FnMut() -> bool) {
        let everybody: Vec<Key> =
            (0..self.processes.len()).filter_map(|n| u32::try_from(n).ok().map(Key)).collect();
        for key in everybody {
            self.die(key, Ending::Unknown);
        }
        self.pids.clear();
        self.files.lose_power(&mut survives);
        self.boot += 1;
        self.pids_begin_anew();
        let now = self.now;
        self.guarantees.rebooted(now);
        self.weather.booted = now;
        // The record is not synced: it is a hint, and the second of the two places that remember the epoch.
        self.guarantees.lost_record = true;
    }

    /// Puts another directory in the place of the state directory: an empty one, a copy, or none.
    pub(crate) fn replace_directory(&mut self, by: Replacement) {
        let fresh = Inode(u64::from(u32::MAX) << 32 | u64::try_from(self.files.folders.len()).unwrap_or(0));
        let Some(old) = self.files.paths.remove(&self.state_dir) else { return };
        self.guarantees.tampered = true;
        let now = self.now;
        self.guarantees.directory_replaced(now);
        if by == Replacement::Nothing {
            return;
        }
        let path = self.state_dir.clone();
        self.files.make_folder(&path, fresh);
        let entries = self.files.folders.get(&old).map(|folder| folder.entries.clone()).unwrap_or_default();
        for (n, (name, file)) in entries.into_iter().enumerate().filter(|_| by == Replacement::Copy) {
            let inode = Inode(fresh.0 + (u64::try_from(n).unwrap_or(0) + 1) * 0x1_0000);
            let contents = self.files.files.get(&file).cloned().unwrap_or_default();
            self.files.files.insert(inode, contents);
            if let Some(folder) = self.files.folders.get_mut(&fresh) {
                folder.entries.insert(name, inode);
            }
        }
    }
}

/// What comes to the place of a directory that somebody takes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Replacement {
    /// Nothing.
    Nothing,
    /// An empty directory.
    Empty,
    /// A copy with the same files.
    Copy,
}
