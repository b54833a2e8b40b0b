//! What happens while the table is shown.

use super::sample::Sample;
use super::window::WindowSize;

/// What happens.
#[derive(Clone, Debug)]
pub(super) enum WatchEvent {
    Key(KeyPress),
    /// The window has this size.
    Resized(WindowSize),
    /// A sample was taken, or failed.
    Sampled(Result<Sample, String>),
    /// What became of a process that was to end.
    Ended(String),
    /// The sampler is gone.
    Lost,
}

/// A key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyPress {
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
    Enter,
    Escape,
    Interrupt,
    Letter(char),
}
