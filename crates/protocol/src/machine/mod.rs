//! What the protocol needs from a machine, as small traits.
//!
//! No time, file, lock, process, random or network call of the protocol bypasses them, so the very code that ships also runs on a
//! simulated machine. Every method that reaches the machine is `async`: each is a point at which a scheduler may let
//! somebody else go first. The real implementations are in the `oneworker-system` crate.

mod bundle;
mod clock;
mod files;
mod handover;
mod history;
mod launcher;
mod locks;
mod network;
mod processes;
mod random;

pub use bundle::Machine;
pub use clock::{BootId, Clock, Moment};
pub use files::{Directory, Durability, FileStamp, Files};
pub use handover::{HandOver, HandOverReply};
pub use history::{Event, EventKind, History, NoHistory};
pub use launcher::{Ending, LaunchError, LaunchEvent, Launched, Launcher, Readiness, WorkerReport};
pub use locks::{ClaimAttempt, ElectionGuard, Locks, OfficeCheck, PendingTenure, TenureGuard, TenureLook};
pub use network::{BoundPort, Network, PortOwner, ProbeAnswer};
pub use processes::{
    Activity, Pid, ProcessIdentity, ProcessInfo, Processes, Signal, SignalOutcome, StartTime, Surroundings,
};
pub use random::Random;
