//! Versions that live together on one machine: which of them serves, and how office changes hands without a war.
//!
//! | module | subject |
//! | --- | --- |
//! | `policy` | what a session wants of a worker in another version, and how often that may be |
//! | `ledger` | `upgrades.json`: who was replaced by whom, which version is bad, and what served well before |
//! | `handover` | who hands over, who takes over, and `successor.json` |

mod handover;
mod ledger;
mod policy;

pub use handover::{HandOver, HandOverReply, InvalidPredecessor, Predecessor, Successor};
pub(crate) use handover::{Heir, code, heir_of, lives};
pub(crate) use ledger::{Begun, LastGood, Ledger, Refusal};
pub use policy::{UpgradeLimits, UpgradePolicy};
