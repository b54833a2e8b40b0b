//! Files of other programs that we write into: what is added can be taken out again to the byte, and nothing else is touched.

pub(crate) mod commands;
pub(crate) mod hooks;
mod removal;
mod replace;
mod syntax;

pub(crate) use replace::{Refused, WrittenFile, difference};
