//! What happened in a round: one append-only file of JSON lines, written by the campaign and by every process of the round.
//!
//! A line is written with one write in append mode, so lines never mix. All times are nanoseconds of `CLOCK_MONOTONIC`, which the
//! processes of a machine share.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use crate::plan::Fault;

/// A directory, by device and inode.
pub type DirId = [u64; 2];

/// Now.
pub fn now() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

/// A line of the history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Event {
    /// A process came by a point of the product's code: `claim.locked` is the beginning of a tenure, `office.left` its end.
    Note {
        /// The point.
        point: String,
        /// The process.
        pid: u32,
        /// When.
        at: u64,
        /// The directories that it had open.
        #[serde(default)]
        dirs: Vec<DirId>,
    },
    /// What the campaign saw or did.
    Campaign(Seen),
}

/// What the campaign saw or did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Seen {
    /// A command was about to be started.
    Call {
        /// Its number.
        call: usize,
        /// `ensure`, `stop`…
        command: String,
        /// When.
        at: u64,
        /// Its deadline.
        deadline_ms: u64,
        /// Its failpoint, if it has one.
        failpoint: Option<String>,
    },
    /// It ended.
    Return {
        /// Its number.
        call: usize,
        /// Its process.
        pid: u32,
        /// When.
        at: u64,
        /// How.
        answer: Answer,
    },
    /// Something is about to be done to the product.
    Fault {
        /// When.
        at: u64,
        /// What.
        fault: Fault,
        /// To whom.
        pids: Vec<u32>,
    },
    /// The fault was done (or could not be).
    Done {
        /// When.
        at: u64,
        /// What.
        fault: Fault,
        /// Whether it was.
        done: bool,
        /// The directory that is no longer at the path from then on.
        gone: Option<DirId>,
    },
    /// A worker was seen to have died.
    Death {
        /// Which.
        pid: u32,
        /// When it was last seen alive.
        alive: u64,
        /// When it was first seen dead.
        at: u64,
    },
    /// A bystander was signalled.
    Signalled {
        /// Which.
        pid: u32,
        /// The signal.
        signal: i32,
        /// By whom.
        from: u32,
        /// When.
        at: u64,
    },
    /// Something that may not be, which the campaign saw by itself.
    Wrong {
        /// When.
        at: u64,
        /// What.
        what: String,
    },
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// With a worker.
    Worker {
        /// `reused`, `waited`, `started`, `replaced`.
        outcome: String,
        /// Its process.
        worker: u32,
        /// Its epoch.
        epoch: u64,
    },
    /// With an error.
    Error {
        /// Its code.
        code: String,
        /// Its text.
        message: String,
    },
    /// Well, without naming a worker (`stop`, `serve`).
    Done,
    /// By a signal.
    Killed {
        /// Which.
        signal: i32,
    },
    /// With output that is none of these.
    Garbage {
        /// What it wrote.
        output: String,
    },
}

/// A history that is being written.
pub struct History(File);

impl History {
    /// Begins the file, or goes on with it.
    ///
    /// # Errors
    /// Those of opening it.
    pub fn append_to(path: &Path) -> io::Result<Self> {
        Ok(Self(OpenOptions::new().create(true).append(true).open(path)?))
    }

    /// Adds a line.
    pub fn add(&self, seen: Seen) {
        let mut line = serde_json::to_string(&Event::Campaign(seen)).expect("an event is JSON");
        line.push('\n');
        (&self.0).write_all(line.as_bytes()).expect("room for the history");
    }
}

/// A history that is still being written, read from its beginning on.
pub struct Tail {
    lines: BufReader<File>,
    half: String,
}

impl Tail {
    /// Of this one.
    ///
    /// # Errors
    /// Those of opening it.
    pub fn of(path: &Path) -> io::Result<Self> {
        Ok(Self { lines: BufReader::new(File::open(path)?), half: String::new() })
    }

    /// The processes that came by this point since the last look, in their order.
    pub fn new_at(&mut self, wanted: &str) -> Vec<u32> {
        let mut pids = Vec::new();
        while matches!(self.lines.read_line(&mut self.half), Ok(1..)) && self.half.ends_with('\n') {
            if let Ok(Event::Note { point, pid, .. }) = serde_json::from_str(&self.half)
                && point == wanted
            {
                pids.push(pid);
            }
            self.half.clear();
        }
        pids
    }
}

/// Reads a history. A half line at the end, of a process that was killed, is passed over.
///
/// # Errors
/// Those of reading the file, and a whole line that is no event.
pub fn read(path: &Path) -> io::Result<Vec<Event>> {
    let text = std::fs::read_to_string(path)?;
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole
        .lines()
        .map(|line| serde_json::from_str(line).map_err(|error| io::Error::other(format!("{line}: {error}"))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_is_read_as_it_was_written_with_the_notes_of_others() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("history.jsonl");
        let history = History::append_to(&path).unwrap();
        let seen = Seen::Done { at: 5, fault: Fault::Fill { ms: 3 }, done: true, gone: Some([1, 2]) };
        history.add(seen.clone());
        let note = r#"{"point":"claim.locked","pid":7,"at":9,"dirs":[[1, 2]]}"#;
        std::fs::OpenOptions::new()
            .append(true)
            .open(&path)
            .unwrap()
            .write_all(format!("{note}\n{{\"poi").as_bytes())
            .unwrap();
        let expected = Event::Note { point: "claim.locked".into(), pid: 7, at: 9, dirs: vec![[1, 2]] };
        assert_eq!(read(&path).unwrap(), [Event::Campaign(seen), expected]);
    }
}
