//! The worker's end of the readiness channel: a pipe that its launcher left open for it.

#[cfg_attr(unix, path = "unix.rs")]
#[cfg_attr(windows, path = "windows.rs")]
mod imp;

pub(super) use imp::VARIABLE;

use std::fs::File;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

use crate::machine::{Readiness, WorkerReport};

struct Channel(Mutex<Option<File>>);

impl Readiness for Channel {
    fn report(&self, report: &WorkerReport) {
        // One report ends the channel: every one of them is final.
        let Some(mut pipe) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        if let Ok(mut line) = serde_json::to_vec(report) {
            line.push(b'\n');
            // Whoever launched this worker may have given up: that does not concern the worker.
            let _ = pipe.write_all(&line);
        }
    }
}

/// Takes the channel over, once in a process.
pub(super) fn inherited() -> Box<dyn Readiness> {
    Box::new(Channel(Mutex::new(imp::take())))
}
