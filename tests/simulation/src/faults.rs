//! What an adversary does to the machine, and when.

use std::time::Duration;

use coordinator::machine::Pid;

use crate::kernel::Kernel;
use crate::kernel::files::File;
use crate::kernel::life::Replacement;
use crate::kernel::ports::{Listener, Squatter};
use crate::kernel::processes::{Key, Pace, Role};
use crate::kernel::weather::Trouble;

/// Whom a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Whom {
    /// The session of this number.
    Session(u32),
    /// The worker launched as this number.
    Worker(u32),
    /// Whoever is in office then.
    Incumbent,
}

/// When a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum When {
    /// So long after the beginning.
    At(Duration),
    /// Instead of this call of the process that it strikes: 0 is before its first.
    Call(u32),
}

/// Something done to one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Blow {
    /// SIGKILL.
    Kill,
    /// SIGTERM.
    Terminate,
    /// SIGSTOP, and SIGCONT after that long; `None`: never.
    Stop(Option<Duration>),
    /// No CPU for that long.
    Starve(Duration),
    /// It never goes on, and uses the CPU or not.
    Wedge {
        /// Whether it uses the CPU.
        spinning: bool,
    },
    /// A debugger halts it for that long.
    Trace(Duration),
    /// It forks a child that keeps a copy of its descriptors.
    Fork,
    /// It dies, and its pid goes to somebody else.
    ReusePid,
}

/// Something done to the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Havoc {
    /// A file of the state directory is removed.
    Delete(&'static str),
    /// A file's contents are replaced by garbage, in place.
    Garble(&'static str),
    /// A file is replaced by an empty one of the same name.
    Swap(&'static str),
    /// The whole directory is replaced.
    ReplaceDirectory(Replacement),
    /// Calls fail for that long, everybody's or one session's.
    Trouble(Trouble, Option<u32>, Duration),
    /// Somebody sits on the identity's port for that long, if it is free.
    Squat(Squatter, Duration),
    /// Whoever is in office is killed, and somebody takes over the port at once.
    Usurp(Squatter, Duration),
    /// Nobody gets the CPU for that long.
    Load(Duration),
    /// The power fails.
    PowerFailure,
    /// The wall clock jumps by so many seconds; that is also what a laptop's sleep looks like.
    WallClock(i32),
}

/// A blow right before somebody else makes a certain call: the narrowest of races.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ambush {
    /// The call, by its name in a trace.
    pub call: &'static str,
    /// How many such calls are let pass first.
    pub after: u32,
    /// Who is struck, if it is not the one who makes the call.
    pub whom: Whom,
    /// With what.
    pub blow: Blow,
}

/// A planned fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// To one process.
    Blow(Whom, When, Blow),
    /// To the machine, so long after the beginning.
    Havoc(Duration, Havoc),
    /// To a process, in the midst of what another does.
    Ambush(Ambush),
}

/// What ends by itself later.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Relief {
    GoOn(Key),
    Clear(Trouble, Option<u32>),
    Leave(Key),
}

fn nanos(d: Duration) -> u64 {
    u64::try_from(d.as_nanos()).unwrap_or(u64::MAX)
}

impl Kernel {
    pub(crate) fn whom(&self, whom: Whom) -> Option<Key> {
        let role = match whom {
            Whom::Session(n) => Role::Session(n),
            Whom::Worker(n) => Role::Worker(n),
            Whom::Incumbent => {
                return self
                    .guarantees
                    .offices
                    .iter()
                    .rev()
                    .find(|o| o.until.is_none())
                    .map(|office| office.key);
            }
        };
        let found = self.processes.iter().position(|process| process.role == role && process.alive())?;
        u32::try_from(found).ok().map(Key)
    }

    /// Strikes a process. What it returns happens later.
    pub(crate) fn strike(&mut self, key: Key, blow: Blow) -> Option<(u64, Relief)> {
        if !self.process(key).alive() {
            return None;
        }
        let (now, role, pid) = (self.now, self.process(key).role, self.process(key).pid);
        self.story.tell(now, &"ADVERSARY", &format_args!("{blow:?} strikes {role} [{pid}]"));
        let (pace, until) = match blow {
            Blow::Kill => {
                self.die(key, coordinator::machine::Ending::Signalled(9));
                return None;
            }
            Blow::Terminate => {
                self.deliver(key, coordinator::machine::Signal::Terminate);
                return None;
            }
            Blow::Fork => {
                let child = self.fork_carelessly(key);
                self.guarantees.tampered = true;
                return Some((now + 3_000_000_000, Relief::Leave(child)));
            }
            Blow::ReusePid => {
                let pid = self.process(key).pid;
                self.die(key, coordinator::machine::Ending::Signalled(9));
                // A pid is not reused within one tick of the clock that start times are told by.
                self.advance(now + 20_000_000);
                self.recycle(pid);
                return None;
            }
            Blow::Stop(until) => (Pace::Stopped, until),
            Blow::Starve(until) => (Pace::Starved(now + nanos(until)), Some(until)),
            Blow::Trace(until) => (Pace::Traced, Some(until)),
            Blow::Wedge { spinning } => (Pace::Wedged { spinning }, None),
        };
        // One that does not run already stays as it is.
        if self.process(key).pace != Pace::Running {
            return None;
        }
        self.process_mut(key).set_pace(pace, now);
        until.map(|until| (now + nanos(until), Relief::GoOn(key)))
    }

    /// Strikes whom an ambush is for, if `caller` is about to make the call that it waits for.
    pub(crate) fn spring_ambushes(&mut self, call: &str, caller: Key) {
        let mut sprung = Vec::new();
        self.ambushes.retain_mut(|ambush| {
            let due = ambush.call == call && ambush.after == 0;
            if ambush.call == call && !due {
                ambush.after -= 1;
            }
            if due {
                sprung.push(*ambush);
            }
            !due
        });
        for ambush in sprung {
            let victim = self.whom(ambush.whom).filter(|victim| *victim != caller);
            let later = victim.and_then(|victim| self.strike(victim, ambush.blow));
            self.later.extend(later);
        }
    }

    fn recycle(&mut self, pid: Pid) {
        if self.living(pid).is_none() {
            self.recycled = Some(pid);
            self.born(Role::Stranger);
        }
    }

    fn squat(&mut self, port: u16, kind: Squatter, until: Duration) -> Option<(u64, Relief)> {
        if self.ports.listeners.contains_key(&port) {
            return None;
        }
        let owner = self.born(Role::Stranger);
        self.ports.listeners.insert(port, Listener::Squatter { owner, kind });
        Some((self.now + nanos(until), Relief::Leave(owner)))
    }

    /// Strikes the machine. What it returns happens later.
    pub(crate) fn wreak(
        &mut self,
        havoc: Havoc,
        port: u16,
        mut chance: impl FnMut() -> bool,
    ) -> Option<(u64, Relief)> {
        let now = self.now;
        self.story.tell(now, &"ADVERSARY", &format_args!("{havoc:?}"));
        let folder = self.current_folder();
        match havoc {
            Havoc::Delete(name) | Havoc::Garble(name) | Havoc::Swap(name) => {
                let folder = folder?;
                let there = self.files.entry(folder, name)?;
                self.guarantees.tampered = true;
                self.guarantees.lost_epoch |= name == coordinator::layout::EPOCH;
                self.guarantees.lost_record |= name == coordinator::layout::RECORD;
                match havoc {
                    Havoc::Garble(_) => self.files.write(there, b"\xffgarbage{".as_slice().into(), now),
                    Havoc::Delete(_) => drop(self.files.unlink(folder, name)),
                    _ => {
                        let inode = crate::kernel::files::Inode(u64::MAX - now);
                        self.files.files.insert(inode, File { modified: now.into(), ..File::default() });
                        self.files.folders.get_mut(&folder)?.entries.insert(name.to_owned(), inode);
                    }
                }
                None
            }
            Havoc::ReplaceDirectory(by) => {
                self.replace_directory(by);
                None
            }
            Havoc::Trouble(trouble, session, until) => {
                self.guarantees.tampered = true;
                self.weather.troubles.push((trouble, session.map(Role::Session)));
                Some((now + nanos(until), Relief::Clear(trouble, session)))
            }
            Havoc::Squat(kind, until) => self.squat(port, kind, until),
            Havoc::Usurp(kind, until) => {
                let worker = self.whom(Whom::Incumbent)?;
                let port = self.ports.of(worker)?;
                self.die(worker, coordinator::machine::Ending::Signalled(9));
                self.squat(port, kind, until)
            }
            Havoc::Load(until) => {
                self.loaded_until = self.loaded_until.max(now + nanos(until));
                for n in 0..self.processes.len() {
                    let key = Key(u32::try_from(n).unwrap_or(u32::MAX));
                    let process = self.process_mut(key);
                    if process.alive() && process.role != Role::Stranger && process.hold(now, nanos(until)) {
                        self.later.push((now + nanos(until), Relief::GoOn(key)));
                    }
                }
                None
            }
            Havoc::PowerFailure => {
                self.lose_power(&mut chance);
                None
            }
            Havoc::WallClock(seconds) => {
                self.wall += i128::from(seconds) * 1_000_000_000;
                None
            }
        }
    }

    pub(crate) fn relieve(&mut self, relief: Relief) {
        let now = self.now;
        match relief {
            // Whatever it was halted by is over, and it waits for a CPU like everybody else.
            Relief::GoOn(key) if self.process(key).alive() && now < self.loaded_until => {
                let until = self.loaded_until;
                self.process_mut(key).set_pace(Pace::Starved(until), now);
                self.later.push((until, Relief::GoOn(key)));
            }
            Relief::GoOn(key) if self.process(key).alive() => {
                self.process_mut(key).set_pace(Pace::Running, now)
            }
            Relief::GoOn(_) => {}
            Relief::Clear(trouble, session) => {
                let over = (trouble, session.map(Role::Session));
                if let Some(at) = self.weather.troubles.iter().position(|there| *there == over) {
                    self.weather.troubles.remove(at);
                    self.weather.cleared = now;
                }
            }
            Relief::Leave(key) => self.die(key, coordinator::machine::Ending::Exited(0)),
        }
    }
}
