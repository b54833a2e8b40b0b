use super::Sabotage;

/// No: this build can take none away.
#[inline(always)]
pub const fn on(_sabotage: Sabotage) -> bool {
    false
}
