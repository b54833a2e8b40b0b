//! What the benches share: the bare round trip that everything is compared with, and a stage to measure on.

// All of this package is measuring code: what it can't set up ends the run.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod stage;

pub use stage::{Stage, Timing};

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

/// The program that `BENCH_PROGRAM` names, by an absolute path, or else this one.
pub fn chosen_or(built: &str) -> String {
    std::env::var("BENCH_PROGRAM").unwrap_or_else(|_| built.to_owned())
}

/// One HTTP/1.1 round trip on a new connection, with nothing but the standard library.
///
/// # Errors
/// If it can't connect, write or read.
pub fn bare_get(address: SocketAddr) -> io::Result<usize> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    write!(stream, "GET /health HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
    let mut answer = [0; 4096];
    stream.read(&mut answer)
}
