//! What happens to the connections when the server ends.

/// Whether and how the server is closing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closing {
    /// It is not.
    Not,
    /// Each connection closes as soon as its request has ended.
    Close,
    /// Connections between two requests are given back. The others close.
    PassOn,
}
