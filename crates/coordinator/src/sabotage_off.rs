//! Protections that a test takes away, to see that their absence is noticed. In this build none can be.

#[path = "sabotage_kinds.rs"]
mod kinds;

pub use kinds::Sabotage;

/// No.
#[inline(always)]
pub const fn on(_sabotage: Sabotage) -> bool {
    false
}
