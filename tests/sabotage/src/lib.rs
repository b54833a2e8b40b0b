//! Protections that a test takes away, to see that their absence is noticed: a check that passes with
//! and without a protection checks nothing.
//!
//! [`sabotaged`] wraps a machine. Its wrappers take away what a trait of the machine shows. What no
//! trait shows is taken away in the product, which asks this crate by
//! [`oneworker_protocol::sabotage::install`].
//!
//! Only builds with `--cfg oneworker_test` and debug assertions can take a protection away. In all
//! other builds this crate has only [`VARIABLE`] and a [`sabotaged`] that changes nothing.

#[cfg(all(oneworker_test, debug_assertions))]
mod files;
#[cfg(all(oneworker_test, debug_assertions))]
mod kinds;
#[cfg(all(oneworker_test, debug_assertions))]
mod locks;
#[cfg(not(all(oneworker_test, debug_assertions)))]
mod off;
#[cfg(all(oneworker_test, debug_assertions))]
mod office;
#[cfg(all(oneworker_test, debug_assertions))]
mod processes;
#[cfg(all(oneworker_test, debug_assertions))]
mod random;
#[cfg(all(oneworker_test, debug_assertions))]
mod reading;
#[cfg(all(oneworker_test, debug_assertions))]
mod switch;
#[cfg(all(oneworker_test, debug_assertions))]
mod wrapper;

#[cfg(all(oneworker_test, debug_assertions))]
pub use kinds::{Sabotage, UnknownSabotage};
#[cfg(not(all(oneworker_test, debug_assertions)))]
pub use off::sabotaged;
#[cfg(all(oneworker_test, debug_assertions))]
pub use switch::{Switch, install, switch_on};
#[cfg(all(oneworker_test, debug_assertions))]
pub use wrapper::sabotaged;

/// The variable that switches sabotages on in a real process, their names separated by commas:
/// `ONEWORKER_SABOTAGE="record_believed,no_healing"`. Read once.
pub const VARIABLE: &str = "ONEWORKER_SABOTAGE";
