//! Descriptor 2.

use std::fs::File;
use std::io;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::stdio::{dup2_stderr, dup2_stdout, stderr, stdout};

use crate::log::Stamp;

/// Whether a write would not block. A pipe that says so takes `PIPE_BUF` bytes (pipe(7)); files always say so.
pub(super) fn would_take() -> bool {
    let mut wanted = [PollFd::from_borrowed_fd(stderr(), PollFlags::OUT)];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    matches!(poll(&mut wanted, Some(&at_once)), Ok(1..)) && wanted[0].revents().contains(PollFlags::OUT)
}

pub(super) fn write(mut bytes: &[u8]) {
    /// What a pipe takes in one piece on every system that matters here; POSIX promises 512 at least.
    const PIECE: usize = 4096;
    while !bytes.is_empty() {
        match rustix::io::write(stderr(), &bytes[..bytes.len().min(PIECE)]) {
            Ok(written) if written > 0 => bytes = &bytes[written..],
            Err(Errno::INTR) => continue,
            // A full disk, a closed pipe: there is nowhere to say it.
            _ => return,
        }
        if !bytes.is_empty() && !would_take() {
            return;
        }
    }
}

/// Which file standard error is.
pub(crate) fn stamp() -> io::Result<Stamp> {
    Ok(Stamp::from(rustix::fs::fstat(stderr())?))
}

/// Makes this file standard error, and standard output too if that was the same file.
pub(crate) fn redirect(file: File) -> io::Result<()> {
    let both = match (rustix::fs::fstat(stdout()), rustix::fs::fstat(stderr())) {
        (Ok(out), Ok(err)) => Stamp::from(out).same_file(Stamp::from(err)),
        _ => false,
    };
    // Neither copy is close-on-exec: children are to inherit the log, as before.
    if both {
        dup2_stdout(&file)?;
    }
    Ok(dup2_stderr(&file)?)
}
