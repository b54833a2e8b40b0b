//! Descriptor 2.

use std::fs::File;
use std::io;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::stdio::{dup2_stderr, dup2_stdout, stderr, stdout};

use oneworker_supervisor::logfile::Stamp;

/// Returns whether a write would not block. Then a pipe takes `PIPE_BUF` bytes (pipe(7)). Files
/// never block.
pub(super) fn would_take() -> bool {
    let mut wanted = [PollFd::from_borrowed_fd(stderr(), PollFlags::OUT)];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    matches!(poll(&mut wanted, Some(&at_once)), Ok(1..)) && wanted[0].revents().contains(PollFlags::OUT)
}

pub(super) fn write(mut bytes: &[u8]) {
    /// What a pipe takes in one piece on all supported systems. POSIX guarantees at least 512.
    const PIECE: usize = 4096;
    while !bytes.is_empty() {
        match rustix::io::write(stderr(), &bytes[..bytes.len().min(PIECE)]) {
            Ok(written) if written > 0 => bytes = &bytes[written..],
            Err(Errno::INTR) => continue,
            // A full disk or a closed pipe: it cannot be reported anywhere.
            _ => return,
        }
        if !bytes.is_empty() && !would_take() {
            return;
        }
    }
}

/// Returns which file standard error is.
pub(crate) fn stamp() -> io::Result<Stamp> {
    Stamp::of(stderr())
}

/// Makes this file standard error, and standard output too if that was the same file.
pub(crate) fn redirect(file: File) -> io::Result<()> {
    let both = match (Stamp::of(stdout()), Stamp::of(stderr())) {
        (Ok(out), Ok(err)) => out.same_file(err),
        _ => false,
    };
    // Neither copy is close-on-exec: children inherit the log.
    if both {
        dup2_stdout(&file)?;
    }
    Ok(dup2_stderr(&file)?)
}
