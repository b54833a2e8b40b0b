//! Versions that live together on one machine: which of them serves, and how office changes hands without a war.
//!
//! | module | subject |
//! | --- | --- |
//! | `policy` | what a session wants of a worker in another version, and how often that may be |
//! | `ledger` | `upgrades.json`: which version replaced which, which is bad, and what served well before |
//! | `permit` | whether the ledger lets a version replace another |
//! | `refusal` | why it does not, in words |
//! | `handover` | who hands over, who takes over, and `successor.json` |

mod handover;
mod ledger;
mod permit;
mod policy;
mod refusal;

pub(crate) use handover::{Heir, code, heir_of, lives};
pub use handover::{InvalidPredecessor, Predecessor, Successor};
pub(crate) use ledger::{Begun, LastGood, Ledger};
pub use policy::{UpgradeLimits, UpgradePolicy};
pub(crate) use refusal::Refusal;
