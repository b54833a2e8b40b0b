//! The names of the files in a state directory. They are a frozen format: installs of every version share the directory.

/// The tenure lock.
pub const WORKER_LOCK: &str = "worker.lock";
/// What the worker in office says of itself.
pub const RECORD: &str = "worker.json";
/// The bare pid, for other tools.
pub const PID_FILE: &str = "worker.pid";
/// The last epoch given out.
pub const EPOCH: &str = "epoch";
/// The bearer token of those who may command.
pub const TOKEN: &str = "token";
/// The key of the proof of identity.
pub const PROOF_KEY: &str = "proof.key";
/// The first silence of a worker in office.
pub const SUSPECT: &str = "suspect.json";
/// How much of that silence was watched.
pub const WATCHED: &str = "watched.json";
/// The last launch and how it went: what backoff rests on.
pub const LAUNCH: &str = "launch.json";
/// Which versions replaced which: what keeps them from doing so for ever.
pub const UPGRADES: &str = "upgrades.json";
/// For whom office is kept while a worker hands over.
pub const SUCCESSOR: &str = "successor.json";
/// The socket that a worker waits at for what its predecessor passes to it.
pub const PASSING: &str = "passing.sock";
/// The worker's own data.
pub const WORKER_DB: &str = "worker.db";
/// The history.
pub const LIFECYCLE_DB: &str = "lifecycle.db";
/// Is there while a worker may have children: the next one then looks for what is left of them.
pub const CHILDREN: &str = "children";
/// The worker's output.
pub const LOG_FILE: &str = "logs/worker.log";
/// The directory of the logs.
pub const LOG_DIR: &str = "logs";

/// The output of a child of the worker, by its [`crate::Name`]. No child is called `worker`: its log would be the worker's own.
pub fn child_log(child: &str) -> String {
    format!("{LOG_DIR}/{child}.log")
}

/// The election lock of a rank: `spawn.lock`, `spawn.1.lock`, `spawn.2.lock`…
pub fn election_lock(rank: u8) -> String {
    if rank == 0 { "spawn.lock".to_owned() } else { format!("spawn.{rank}.lock") }
}
