//! `oneworker doctor`: everything that can be wrong with an identity, and how to fix it. Says nothing if nothing is wrong.

mod bundle;
mod case;
mod checks;
mod command;
mod diagnosis;
mod finding;
mod repair;

pub(super) use command::run;
