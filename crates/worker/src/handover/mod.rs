//! Hands the tenure over to another version, and takes it over from one.
//!
//! The protocol is the coordinator's ([`coordinator::Tenure::succeed`],
//! [`coordinator::Tenure::hand_over_to`]): it decides which process may take the tenure, and
//! reserves the lock for it. This module moves what else a worker has: `drain` prepares the old
//! worker, `inherit` gives the new worker its port, and `passing` moves the sockets between them.

mod drain;
mod inherit;
mod passing;

pub(crate) use drain::{HandoverDecision, drain};
pub(crate) use inherit::{Inherited, receive_from, take_port};
pub(crate) use passing::{SocketReceiver, SocketSender};
