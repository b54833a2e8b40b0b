//! Who hands over and who takes over.
//!
//! A session launches the successor while the old worker serves, and marks it by [`Predecessor::VARIABLE`]. The successor asks the old worker
//! for its office ([`HandOver`]). That one writes [`Successor`] to its directory and goes; from then on nobody else takes office, as long as
//! the successor lives and its time has not passed.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::identity::Epoch;
use crate::launch_command::LaunchCommand;
use crate::layout;
use crate::machine::{Activity, Directory, HandOver, Machine, Moment, Pid, ProcessIdentity, StartTime};
use crate::record::{self, READ_LIMIT};

/// `successor.json`: for whom office is kept. Written by the worker that hands over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Successor {
    /// The format's version: 1.
    pub schema: u32,
    /// The process.
    #[serde(flatten)]
    pub process: ProcessIdentity,
    /// Until when, on the clock of that process's boot.
    pub until: Moment,
}

impl Successor {
    /// What stands in a file, if office is still kept: a successor that is dead or of another boot, or whose time has passed or is farther
    /// off than any can be, keeps nobody out.
    pub(crate) async fn living(machine: &Machine, bytes: Option<Vec<u8>>) -> Option<Self> {
        let successor: Self = record::parse(&bytes?)?;
        let now = machine.clock.now();
        let in_time = now < successor.until && successor.until <= now + HandOver::LONGEST;
        if !in_time || successor.process.boot_id != machine.clock.boot_id() {
            return None;
        }
        lives(machine, &successor.process).await.then_some(successor)
    }
}

/// Whether this very process lives.
pub(crate) async fn lives(machine: &Machine, process: &ProcessIdentity) -> bool {
    match machine.processes.look(process.pid).await {
        Ok(Some(info)) => info.identity == *process && info.activity != Activity::Zombie,
        // What can't be looked at is not taken for dead.
        Ok(None) => false,
        Err(_) => true,
    }
}

/// For whom office is kept.
pub(crate) enum Heir {
    /// For nobody.
    Nobody,
    /// For nobody any more: the file may go.
    Stale,
    /// For this process.
    Myself,
    /// For this one.
    Another(Pid),
}

/// For whom office is kept, by the directory of who has just taken the lock.
pub(crate) async fn heir_of(machine: &Machine, dir: &dyn Directory) -> Heir {
    let Some(bytes) = dir.read(layout::SUCCESSOR, READ_LIMIT).await.ok().flatten() else {
        return Heir::Nobody;
    };
    match Successor::living(machine, Some(bytes)).await {
        None => Heir::Stale,
        Some(heir) if heir.process == machine.processes.me() => Heir::Myself,
        Some(heir) => Heir::Another(heir.process.pid),
    }
}

/// Codes of a successor that office was not handed over to. None of them is a fault of its own.
pub(crate) mod code {
    /// The worker in office does not know such requests.
    pub(crate) const UNKNOWN: &str = "hand_over_unknown";
    /// It refused, could not be asked, or changed its mind.
    pub(crate) const REFUSED: &str = "hand_over_refused";
    /// It did not go in time.
    pub(crate) const LATE: &str = "hand_over_late";
}

/// Whom a launched worker is to take over from: `EPOCH:PID:START`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Predecessor {
    /// The tenure that is to end.
    pub epoch: Epoch,
    /// Its process.
    pub pid: Pid,
    /// When that was started.
    pub start_time: StartTime,
}

impl Predecessor {
    /// The variable that tells a launched worker.
    pub const VARIABLE: &str = "ONEWORKER_SUCCEED";

    /// What this process was told by who launched it. What can't be read is nothing: then it is a worker like any other.
    pub fn from_environment() -> Option<Self> {
        std::env::var(Self::VARIABLE).ok()?.parse().ok()
    }

    /// What a command tells the worker that it starts.
    pub fn of_command(command: &LaunchCommand) -> Option<Self> {
        let (_, value) = command.env_set.iter().rev().find(|(name, _)| name == Self::VARIABLE)?;
        value.to_str()?.parse().ok()
    }

    /// The command of a worker that is to take over.
    pub(crate) fn tell(self, command: &LaunchCommand) -> LaunchCommand {
        let mut command = command.clone();
        command.env_set.push((Self::VARIABLE.to_owned(), self.to_string().into()));
        command
    }
}

impl fmt::Display for Predecessor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.epoch, self.pid, self.start_time.0)
    }
}

/// A text that names no [`Predecessor`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0:?} does not name a worker as EPOCH:PID:START")]
pub struct InvalidPredecessor(pub String);

impl FromStr for Predecessor {
    type Err = InvalidPredecessor;

    fn from_str(text: &str) -> Result<Self, InvalidPredecessor> {
        let parts = || {
            let mut parts = text.split(':');
            let predecessor = Self {
                epoch: Epoch(parts.next()?.parse().ok()?),
                pid: Pid(parts.next()?.parse().ok()?),
                start_time: StartTime(parts.next()?.parse().ok()?),
            };
            parts.next().is_none().then_some(predecessor)
        };
        parts().ok_or_else(|| InvalidPredecessor(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::machine::BootId;

    #[test]
    fn a_predecessor_is_read_back_from_its_text_and_nothing_else_is_one() {
        let predecessor = Predecessor { epoch: Epoch(3), pid: Pid(77), start_time: StartTime(123_456) };
        assert_eq!(predecessor.to_string(), "3:77:123456");
        assert_eq!("3:77:123456".parse(), Ok(predecessor));
        let told = predecessor.tell(&LaunchCommand::new("w", ["serve"]));
        assert_eq!(Predecessor::of_command(&told), Some(predecessor));
        for text in ["", "3:77", "3:77:1:2", "x:77:1", "3:-7:1", "3::1"] {
            assert!(text.parse::<Predecessor>().is_err(), "{text}");
        }
    }

    #[tokio::test]
    async fn office_is_kept_only_for_a_living_process_of_this_boot_and_only_for_its_time() {
        let machine = crate::test_machine::machine();
        let me = machine.processes.me();
        let (now, second) = (machine.clock.now(), Duration::from_secs(1));
        let kept = async |process: ProcessIdentity, until| {
            let bytes = record::render(&Successor { schema: 1, process, until });
            Successor::living(&machine, Some(bytes)).await.is_some()
        };
        assert!(kept(me.clone(), now + 30 * second).await);
        assert!(!kept(me.clone(), now - second).await, "its time has passed");
        assert!(!kept(me.clone(), now + 3600 * second).await, "nobody is given so long");
        let reused = ProcessIdentity { start_time: StartTime(me.start_time.0 + 1), ..me.clone() };
        assert!(!kept(reused, now + 30 * second).await, "another process has its pid");
        let rebooted = ProcessIdentity { boot_id: BootId("another".into()), ..me };
        assert!(!kept(rebooted, now + 30 * second).await, "it was of another boot");
        for garbage in [None, Some(Vec::new()), Some(b"{".to_vec()), Some(vec![0xFF; 100])] {
            assert_eq!(Successor::living(&machine, garbage).await, None);
        }
    }
}
