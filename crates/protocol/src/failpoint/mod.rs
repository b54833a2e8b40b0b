//! Named points at which a test may act: kill, stop or delay the process. Only test builds of this workspace have them.

#[cfg(not(all(oneworker_test, debug_assertions)))]
mod off;
#[cfg(all(oneworker_test, debug_assertions))]
mod on;

#[cfg(not(all(oneworker_test, debug_assertions)))]
pub use off::hit;
#[cfg(all(oneworker_test, debug_assertions))]
pub use on::{hit, install};
