//! `oneworker hook`: what agents run when a session begins and ends, and how it is installed.

mod command;
mod fire;
mod install;

pub(super) use command::run;
