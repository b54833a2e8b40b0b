//! No service manager is asked here: a session starts the worker itself.

use coordinator::machine::Machine;
use coordinator::system;

/// This machine.
pub(crate) fn machine() -> Machine {
    system::machine()
}
