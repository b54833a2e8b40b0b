//! The worker's side: taking office, proving it, keeping it, leaving it.
//!
//! | module | subject |
//! | --- | --- |
//! | `held` | what a worker in office has |
//! | `claim`, `office`, `epoch` | taking the lock, drawing the epoch |
//! | `holder` | the running worker, to one that lost the claim |
//! | `port` | the identity's port |
//! | `publish`, `publication` | the record and the secrets, and putting them back |
//! | `answer`, `check` | proving it, and looking whether it still holds |
//! | `succession` | handing over, both sides |
//! | `leave`, `notes` | the end, and what is noted of it all |

mod answer;
mod check;
mod claim;
mod epoch;
mod error;
mod held;
mod holder;
mod leave;
mod notes;
mod office;
mod port;
mod publication;
mod publish;
mod succession;

pub use claim::Claim;
pub use epoch::EpochFloor;
pub use error::{Superseded, TenureError};
pub use held::Tenure;
pub use holder::Holder;
pub use succession::{HandOverRefused, Takeover};
