//! Protections that a test takes away, to see that their absence is noticed: a check that passes with and without a protection checks
//! nothing. Only test builds of this workspace can take one away.

mod kinds;
#[cfg(not(all(oneworker_test, debug_assertions)))]
mod off;
#[cfg(all(oneworker_test, debug_assertions))]
mod on;

pub use kinds::Sabotage;
#[cfg(not(all(oneworker_test, debug_assertions)))]
pub use off::on;
#[cfg(all(oneworker_test, debug_assertions))]
pub use on::{Switch, UnknownSabotage, VARIABLE, on, switch_on};
