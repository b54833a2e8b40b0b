use std::sync::Arc;

use oneworker_protocol::machine::Machine;

use crate::{files, locks, processes, random, switch};

/// The machine, without the protections that are switched on to be left out. If none is, it is the
/// machine itself: so a switch has to be on before the machine is made.
pub fn sabotaged(machine: Machine) -> Machine {
    if !switch::any_is_on() {
        return machine;
    }
    switch::install();
    Machine {
        files: Arc::new(files::Sabotaged(machine.clone())),
        locks: Arc::new(locks::Sabotaged::new(machine.clone())),
        processes: Arc::new(processes::Sabotaged(machine.clone())),
        random: Arc::new(random::Sabotaged(machine.random.clone())),
        ..machine
    }
}
