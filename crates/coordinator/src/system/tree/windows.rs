//! Not on Windows yet: a tree of processes is a job object there.

use std::convert::Infallible;
use std::fs::File;
use std::io;

use super::{ChildCommand, Signal, SpawnError};
use crate::machine::{Ending, ProcessIdentity};

/// A process of the tree. There is none on this system.
#[derive(Debug)]
pub struct Child(Infallible);

pub(super) fn spawn(_command: &ChildCommand) -> Result<Child, SpawnError> {
    Err(SpawnError::Unsupported)
}

impl Child {
    /// Which process it is.
    pub fn process(&self) -> &ProcessIdentity {
        match self.0 {}
    }

    /// What it writes to its standard output and standard error.
    pub fn take_output(&mut self) -> Option<File> {
        match self.0 {}
    }

    /// Waits for its end.
    pub async fn ended(&mut self) -> Ending {
        match self.0 {}
    }

    /// Signals its process group.
    ///
    /// # Errors
    /// What the system says.
    pub fn signal_group(&self, _signal: Signal) -> io::Result<()> {
        match self.0 {}
    }
}
