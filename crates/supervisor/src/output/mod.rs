//! The output of a child: written line by line to a log of its own, and searched by checks.
//!
//! A child that floods its output must not harm the daemon. It is read as fast as its lines can be
//! written, into buffers of a fixed size, and its log is rotated before it gets too large. A log
//! that can't be written, on a full disk for example, must not block the child at a full pipe: such
//! output is dropped and counted.

mod child_output;
mod history;
mod lines;
mod log;

pub(crate) use child_output::ChildOutput;
