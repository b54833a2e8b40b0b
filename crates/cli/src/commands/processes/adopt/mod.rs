//! `oneworker adopt`: a daemon from before there was an election, and that has the identity's port, is replaced by the worker.
//!
//! No process can be given a tenure from outside: the lock that a tenure rests on is held by who took it, and the daemon knows nothing of it. So it
//! is ended in its own time, and the worker takes its place on its port. While it ends, this process holds office, so that no session starts a
//! worker beside it; sessions wait, or are told that the worker starts. That the same program goes on, supervised, is for the configuration to
//! say; `--print-config` prints what it needs.

mod command;
mod old_daemon;
mod output;
mod replacement;
mod supervision;

pub(in super::super) use command::run;
