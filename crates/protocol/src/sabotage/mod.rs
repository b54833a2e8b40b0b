//! Protections that a test takes away, to see that their absence is noticed. Only test builds of this workspace can take one away.

mod kinds;
#[cfg(not(all(oneworker_test, debug_assertions)))]
mod off;
#[cfg(all(oneworker_test, debug_assertions))]
mod on;

pub use kinds::Sabotage;
#[cfg(not(all(oneworker_test, debug_assertions)))]
pub use off::on;
#[cfg(all(oneworker_test, debug_assertions))]
pub use on::{install, on};
