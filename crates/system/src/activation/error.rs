//! Why a passed socket cannot be taken over.

use std::io;

use thiserror::Error;

/// Why what was passed is no socket to listen on.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PassedSocketError {
    /// There is more than one, and no way to tell which is meant.
    #[error("{0} sockets were passed to this process, and one is wanted")]
    Several(u32),
    /// It is a file, a datagram socket, or nothing at all.
    #[error("what was passed to this process as descriptor 3 is no TCP socket that listens: {0}")]
    NotListening(io::Error),
}
