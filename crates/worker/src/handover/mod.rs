//! Handing office over to another version, and taking it over from one.
//!
//! The protocol is the coordinator's ([`coordinator::Tenure::succeed`], [`coordinator::Tenure::hand_over_to`]): who may, for whom office is kept, and who
//! takes it. Here is what a worker has besides its office, and what becomes of it: `outgoing` for the one that goes, `incoming` for the one that
//! comes, and `passing` for the sockets between them.

mod incoming;
mod outgoing;
#[cfg_attr(unix, path = "passing.rs")]
#[cfg_attr(not(unix), path = "passing_elsewhere.rs")]
mod passing;

pub(crate) use incoming::{Inherited, expect, take_port};
pub(crate) use outgoing::{Agreed, Drained, drain};
pub(crate) use passing::{Incoming, Outgoing};
