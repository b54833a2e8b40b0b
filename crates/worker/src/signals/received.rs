//! What a signal means.

/// A received signal, with its name.
pub(super) enum ReceivedSignal {
    /// A request to stop.
    Stop(&'static str),
    /// The terminal went away.
    HangUp(&'static str),
}
