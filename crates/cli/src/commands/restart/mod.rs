//! `oneworker restart`: `stop`, then `ensure`, within one deadline. Or, with a version that a person has chosen, a hand-over to that one.
//!
//! Between the two another session may start a worker. It is as new as one of our own, so it is the answer.

mod chosen;
mod command;

pub(super) use command::run;
