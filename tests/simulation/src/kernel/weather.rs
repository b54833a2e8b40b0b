//! Errors that calls meet: a full disk, exhausted descriptors, a sandbox, a failing disk.

use std::io;

use super::processes::Role;

/// Kinds of calls, by what can go wrong with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum CallClass {
    /// Opens a descriptor.
    Open,
    /// Takes room on the disk.
    Write,
    /// Reads or looks.
    Read,
    /// Makes or takes a connection.
    Socket,
    /// Starts a process.
    Spawn,
    /// Signals or inspects a process.
    Process,
}

/// An error that calls meet for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trouble {
    /// ENOSPC for everything that writes.
    DiskFull,
    /// EMFILE for everything that opens.
    TooManyFiles,
    /// EIO for everything that reads or writes.
    DiskFailing,
    /// EPERM for sockets, new processes and signals.
    Sandbox,
}

impl Trouble {
    /// The error that this trouble gives to a call of that class.
    fn error(self, class: CallClass) -> Option<io::Error> {
        let kind = match (self, class) {
            (Self::DiskFull, CallClass::Write) => io::ErrorKind::StorageFull,
            (Self::TooManyFiles, CallClass::Open | CallClass::Socket) => {
                return Some(io::Error::from_raw_os_error(24));
            }
            (Self::DiskFailing, CallClass::Read | CallClass::Write) => {
                return Some(io::Error::from_raw_os_error(5));
            }
            (Self::Sandbox, CallClass::Socket | CallClass::Spawn | CallClass::Process) => {
                io::ErrorKind::PermissionDenied
            }
            _ => return None,
        };
        Some(kind.into())
    }
}

/// The troubles of the moment, and whom they strike.
#[derive(Clone, Debug, Default)]
pub(crate) struct Weather {
    pub(crate) troubles: Vec<(Trouble, Option<Role>)>,
    /// When the last trouble ended.
    pub(crate) cleared: u64,
    /// When this boot began.
    pub(crate) booted: u64,
}

impl Weather {
    pub(crate) fn strike(&self, role: Role, class: CallClass) -> io::Result<()> {
        let met = self.troubles.iter().filter(|(_, whom)| whom.is_none_or(|whom| whom == role));
        met.filter_map(|(trouble, _)| trouble.error(class)).next().map_or(Ok(()), Err)
    }
}
