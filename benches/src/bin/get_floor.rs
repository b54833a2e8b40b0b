//! The floor: a program that makes one loopback HTTP GET with the standard library, and exits.

use std::io;
use std::process::ExitCode;

use oneworker_benches::bare_get;

fn main() -> ExitCode {
    let answered = || -> io::Result<usize> {
        let address = std::env::args().nth(1).ok_or(io::ErrorKind::InvalidInput)?;
        bare_get(address.parse().map_err(io::Error::other)?)
    };
    if answered().is_ok_and(|bytes| bytes > 0) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
