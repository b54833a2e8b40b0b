//! What stands in a secret's place.

/// The text.
pub(super) const REMOVED: &str = "[removed]";
