//! Random bytes from the system.

use std::io;

use oneworker_protocol::machine::Random;

/// The system's random bytes.
pub(super) struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) -> io::Result<()> {
        fill(bytes)
    }
}

/// Fills `bytes`.
///
/// On Linux by the system call itself (getrandom(2)): the `getrandom` crate looks for the C library's function at run time, does not find
/// it in a static program, and opens two devices instead.
#[cfg(target_os = "linux")]
pub(super) fn fill(mut bytes: &mut [u8]) -> io::Result<()> {
    use rustix::rand::{GetRandomFlags, getrandom};

    while !bytes.is_empty() {
        match getrandom(&mut *bytes, GetRandomFlags::empty()) {
            Ok(n) => bytes = &mut bytes[n..],
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Fills `bytes`.
#[cfg(not(target_os = "linux"))]
pub(super) fn fill(bytes: &mut [u8]) -> io::Result<()> {
    getrandom::fill(bytes).map_err(io::Error::other)
}
