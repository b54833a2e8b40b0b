//! `oneworker doctor --bundle FILE`: what a report of a bug needs, in one file, without secrets.
//!
//! What is taken is what the other commands print, the small files of the state directory, and the ends of the logs. Never `proof.key`, the token
//! or what is in a database; and no value of a variable. Each part is gathered by itself: that one can't be had is a part of the report.

mod about;
mod archive;
mod command;
mod gather;
mod known_secrets;
mod secrets;

pub(super) use command::run;
