use std::fs::File;
use std::path::PathBuf;

use crate::identity::Identity;

/// A failpoint at which a process waits until it is let go: for as long as a test needs, however fast or slow the machine is. The process
/// sleeps and is not stopped, so it looks like one that is slow.
pub struct Hold {
    point: String,
    arrived: PathBuf,
    fifo: PathBuf,
}

impl Hold {
    /// At this failpoint.
    pub fn at(identity: &Identity, point: &str) -> Self {
        let [arrived, fifo] =
            ["arrived", "hold"].map(|what| identity.scratch().join(format!("{what}-{point}")));
        File::create(&arrived).expect("a file");
        rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, 0o600.into()).expect("a FIFO");
        Self { point: point.to_owned(), arrived, fifo }
    }

    /// What to put into `ONEWORKER_FAILPOINTS`. A FIFO cannot be opened for writing before somebody opens it for reading (fifo(7)).
    pub fn failpoint(&self) -> String {
        let point = &self.point;
        format!("{point}=note:{};{point}=note:{}", self.arrived.display(), self.fifo.display())
    }

    /// Waits until a process has come to the point, and gives its pid.
    pub fn wait_until_reached(&self) -> u32 {
        crate::wait_for(&format!("a process at {}", self.point), || {
            let notes = std::fs::read_to_string(&self.arrived).ok()?;
            let note: serde_json::Value = serde_json::from_str(notes.lines().next()?).ok()?;
            u32::try_from(note["pid"].as_u64()?).ok()
        })
    }

    /// Lets the process go on, and all that come to the point as long as the file is open.
    #[must_use = "a process that comes to the point waits again once this is dropped"]
    pub fn release(self) -> File {
        // A reader that is also a writer does not wait for one.
        File::options().read(true).write(true).open(&self.fifo).expect("the FIFO")
    }
}
