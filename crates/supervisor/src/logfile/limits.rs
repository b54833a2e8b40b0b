//! How much of a log is kept.

/// The limits of one log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogLimits {
    /// The log is rotated when it is larger than this many bytes.
    pub max_bytes: u64,
    /// How many rotated logs are kept. With 0, a full log is overwritten.
    pub keep: u32,
}
