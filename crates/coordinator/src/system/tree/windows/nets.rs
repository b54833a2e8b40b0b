//! A job object is all the nets in one.

use std::time::Duration;

pub(super) use super::imp::guard;
use super::marker::{LeftBehind, Wanted};

pub(super) fn outlive_guardian() {}

/// Nothing can be left.
pub(super) fn sweep(_wanted: &Wanted<'_>, _patience: Duration) -> Result<usize, LeftBehind> {
    Ok(0)
}
