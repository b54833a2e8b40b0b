//! The rotation of the worker's own log.
//!
//! Only the running worker rotates its log, and only if its standard error is the log. Under a
//! service manager or in a terminal it is not, and nothing is touched.

use std::fs::File;
use std::io;
use std::path::Path;

use oneworker_supervisor::logfile::{Destination, LogLimits, Rotation, Stamp};

/// The process's standard error.
#[derive(Debug)]
pub(crate) struct StandardError;

impl Destination for StandardError {
    const ADOPTS: bool = false;
    fn stamp(&self) -> io::Result<Option<Stamp>> {
        crate::stderr::stamp().map(Some)
    }
    fn switch_to(&mut self, file: File) -> io::Result<()> {
        crate::stderr::redirect(file)
    }
}

/// Takes over the log at this path, if standard error is that file.
pub(crate) fn rotation(path: &Path, limits: LogLimits) -> Option<Rotation<StandardError>> {
    Rotation::adopt(path, StandardError, limits)
}
