//! The worker's end of the readiness channel: a pipe that its launcher left open for it.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;
#[cfg(unix)]
use unix as imp;
#[cfg(windows)]
use windows as imp;

pub use imp::VARIABLE;

use std::fs::File;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

use oneworker_protocol::machine::{Readiness, WorkerReport};

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

/// The readiness channel that a launcher left for this process, or one that nobody listens to. The first call takes it over.
pub fn inherited() -> Box<dyn Readiness> {
    Box::new(Channel(Mutex::new(imp::take())))
}
