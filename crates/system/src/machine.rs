use std::sync::{Arc, OnceLock};

use oneworker_protocol::machine::{Machine, NoHistory};

use crate::{clock, files, launcher, locks, network, processes, random};

/// This machine, without a history. A worker whose unit is enabled is started through systemd; see [`crate::systemd`]. Cheap to ask for again.
pub fn machine() -> Machine {
    static MACHINE: OnceLock<Machine> = OnceLock::new();
    MACHINE.get_or_init(|| managed(unmanaged())).clone()
}

/// The same, on which this process starts every worker itself.
pub fn unmanaged() -> Machine {
    static MACHINE: OnceLock<Machine> = OnceLock::new();
    MACHINE
        .get_or_init(|| Machine {
            clock: Arc::new(clock::SystemClock),
            files: Arc::new(files::SystemFiles),
            locks: Arc::new(locks::locks()),
            processes: Arc::new(processes::SystemProcesses),
            launcher: Arc::new(launcher::SystemLauncher),
            network: Arc::new(network::SystemNetwork),
            random: Arc::new(random::SystemRandom),
            history: Arc::new(NoHistory),
        })
        .clone()
}

#[cfg(target_os = "linux")]
fn managed(machine: Machine) -> Machine {
    Machine { launcher: Arc::new(launcher::systemd::ByUnit(machine.clone())), ..machine }
}

/// No other system's service manager is asked.
#[cfg(not(target_os = "linux"))]
fn managed(machine: Machine) -> Machine {
    machine
}
