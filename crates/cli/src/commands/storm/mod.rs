//! `oneworker storm`: a self-test. Many sessions start at once, in a directory of their own that is removed afterwards.

mod command;
mod directory;
mod picture;
mod sessions;

pub(super) use command::run;
