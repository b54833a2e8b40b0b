//! The Unix lock scheme, without the system calls: which lock is tried when, what is checked after it, and what is never opened twice.
//!
//! It rests on [`LockCalls`], a handful of system calls. The real ones are in `oneworker-system`; a simulated machine has a model of them
//! and so runs this very scheme, traps included: a record lock that any `close` drops, a `flock` that a forked child keeps, files and
//! directories that are replaced between two calls. Windows has another scheme, of its own calls.
//!
//! See `docs/protocol.md` for why these locks and no others.

mod calls;
mod election;
mod registry;
mod tenure;
mod unix_locks;

pub use calls::{LockCalls, Opening, RecordHolder, Sharing};
pub use unix_locks::UnixLocks;
