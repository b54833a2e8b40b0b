//! Coordinator's traits, as one process of the simulated machine sees them.

mod clock;
mod directory;
mod files;
mod launcher;
mod locks;
mod network;
mod processes;

use std::sync::Arc;

use coordinator::lock_scheme::UnixLocks;
use coordinator::machine::{Machine, NoHistory};
use oneworker_sabotage::sabotaged;

pub(crate) use launcher::Channel;

use crate::host::Host;

/// The machine of one process.
pub(crate) fn machine(host: &Host) -> Machine {
    let machine = sabotaged(Machine {
        clock: Arc::new(clock::SimulatedClock(host.clone())),
        random: Arc::new(clock::SimulatedRandom(host.clone())),
        files: Arc::new(files::SimulatedFiles(host.clone())),
        locks: Arc::new(UnixLocks::new(locks::SimulatedCalls(host.clone()))),
        processes: Arc::new(processes::SimulatedProcesses(host.clone())),
        launcher: Arc::new(launcher::SimulatedLauncher(host.clone())),
        network: Arc::new(network::SimulatedNetwork(host.clone())),
        history: Arc::new(NoHistory),
    });
    // The eye is outermost: it sees what comes of a sabotage too.
    let locks = locks::WatchedLocks { host: host.clone(), scheme: machine.locks };
    Machine { locks: Arc::new(locks), ..machine }
}
