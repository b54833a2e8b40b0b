//! A simulated machine on which coordinator's protocol runs: the very code that ships, both sides of it, under a scheduler that owns
//! every choice.

mod faults;
mod guarantees;
mod host;
mod kernel;
mod machine;
mod program;
pub mod scenario;
mod schedule;
mod scheduler;
pub mod search;
mod session;

pub use faults::{Ambush, Blow, Fault, Havoc, When, Whom};
pub use kernel::life::Replacement;
pub use kernel::ports::{Question, Reply, Squatter};
pub use kernel::processes::Key;
pub use kernel::weather::Trouble;
pub use program::{Asked, Program, StandardWorker, WorkerProcess};
pub use schedule::{Chooser, Dice, Schedule, Step};
pub use scheduler::{Pause, Simulation};
pub use session::{Answer, Errand, SessionPlan};

/// Where the simulated machine's state directory is.
pub const STATE_DIR: &str = "/state";
