//! What is kept in small JSON files of the state directory: the worker's record, the last launch, the first silence.
//!
//! All of them are hints that survive being lost, half-written or full of garbage: life itself is told by the tenure lock
//! alone. The formats are frozen: fields are added, never changed or taken away, and unknown ones are passed over.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::identity::{Epoch, Name, ProtocolRange};
use crate::machine::{BootId, Files, Moment, Pid, ProcessIdentity, Surroundings};

/// The most that is read of any of these files, in bytes.
pub const READ_LIMIT: usize = 64 * 1024;

/// How far a worker is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkerState {
    /// In office, not yet serving.
    Starting,
    /// Serving.
    Ready,
    /// On its way out.
    Leaving,
    /// Ended in good order.
    Stopped,
}

/// A command that a worker supervises and that serves in its place. The worker has the tenure and proves it at an address of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Where the command serves: what sessions are given.
    pub address: SocketAddr,
    /// The command's process.
    pub pid: Pid,
}

/// `worker.json`: what the worker in office says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The format's version: 1.
    pub schema: u32,
    /// The identity's name.
    pub name: Name,
    /// How far it is.
    pub state: WorkerState,
    /// Its epoch; absent in the first record of a tenure, which is written before the epoch is drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Epoch>,
    /// Its process.
    #[serde(flatten)]
    pub process: ProcessIdentity,
    /// Its guardian, if it has one: the process that was launched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guardian: Option<ProcessIdentity>,
    /// Where it runs.
    #[serde(flatten)]
    pub surroundings: Surroundings,
    /// Where it listens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<SocketAddr>,
    /// The command that serves in its place, if it supervises one and that is ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Service>,
    /// Its version.
    pub version: semver::Version,
    /// The protocol versions that it speaks.
    pub protocol: ProtocolRange,
    /// Its program.
    pub program: PathBuf,
    /// When it took office, in milliseconds since 1970: for people.
    pub started_at_ms: u64,
    /// When it took office, on the clock that excludes sleep.
    pub started: Moment,
}

impl Record {
    /// Whether it is that of the worker which this launch has come to.
    pub(crate) fn is_of(&self, launched: &ProcessIdentity) -> bool {
        self.process == *launched || self.guardian.as_ref() == Some(launched)
    }
}

/// `launch.json`: the last launch. Written by the elected; what backoff rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaunchNote {
    /// The format's version: 1.
    pub schema: u32,
    /// The boot that the moments belong to.
    pub boot_id: BootId,
    /// When it was launched; once the outcome is known, when that was noted.
    pub at: Moment,
    /// The launched process, as soon as it is known.
    #[serde(default)]
    pub process: Option<ProcessIdentity>,
    /// How it went; `None` while that is open.
    #[serde(default)]
    pub outcome: Option<LaunchOutcome>,
    /// Failures in a row, this one included.
    pub failures: u32,
    /// What the last failure was, for people.
    #[serde(default)]
    pub last_error: Option<String>,
    /// The end of its log.
    #[serde(default)]
    pub log_tail: Option<String>,
}

/// How a launch went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "how")]
pub enum LaunchOutcome {
    /// The worker became ready.
    Ready {
        /// In this epoch.
        epoch: Epoch,
        /// Then.
        at: Moment,
    },
    /// Another worker was in office.
    AlreadyRunning,
    /// It failed.
    Failed,
    /// Its port is held by somebody else: no launch until that changes.
    PortTaken {
        /// The port.
        port: u16,
        /// By this process, if that could be seen.
        pid: Option<u32>,
        /// Its program.
        program: Option<String>,
    },
    /// A session ended it, since it did not answer.
    Replaced,
}

/// `suspect.json`: since when a worker in office has been silent. A proof removes it. And `watched.json`: what was added to the one of the same
/// process and the same `since`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspicion {
    /// The format's version: 1.
    pub schema: u32,
    /// The process that holds the tenure lock.
    pub process: ProcessIdentity,
    /// When it was first silent.
    pub since: Moment,
    /// How much of the time since then was watched by somebody: only that counts.
    pub watched_ms: u64,
    /// When it was last found silent.
    pub last: Moment,
    /// Unanswered probes.
    pub attempts: u32,
    /// Its CPU time at the first silence, plus the time it had waited for a CPU, in milliseconds: if that grows, it is busy.
    pub effort_ms: u64,
}

/// One of these files, of the directory that the path leads to; `None` if it is missing, can't be read, or is not a whole one.
pub async fn read<T: DeserializeOwned>(files: &dyn Files, dir: &Path, name: &str, limit: usize) -> Option<T> {
    parse(&files.read(dir, name, limit).await.ok()??)
}

/// Reads one of these files' contents; `None` for anything that is not a whole one.
pub fn parse<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Option<T> {
    serde_json::from_slice(bytes).ok()
}

/// The bytes of one of these files.
pub fn render<T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(value).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::LOG_TAIL_BYTES;
    use crate::machine::{Pid, StartTime};

    #[test]
    fn the_longest_note_of_a_launch_is_read_back_whole() {
        let boot_id = BootId("0".repeat(36));
        let note = LaunchNote {
            schema: 1,
            boot_id: boot_id.clone(),
            at: Moment { nanos: u64::MAX },
            process: Some(ProcessIdentity { pid: Pid(u32::MAX), start_time: StartTime(u64::MAX), boot_id }),
            outcome: Some(LaunchOutcome::Failed),
            failures: u32::MAX,
            last_error: Some("w".repeat(4096)),
            // Each of them is six bytes of JSON.
            log_tail: Some("\u{1}".repeat(LOG_TAIL_BYTES)),
        };
        let bytes = render(&note);
        assert!(bytes.len() <= READ_LIMIT, "{}", bytes.len());
        assert_eq!(parse::<LaunchNote>(&bytes), Some(note));
    }
}
