//! Why an identity or a request is not valid.

use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use crate::state_dir::NoStateDir;

/// Why a [`WorkerId`](crate::WorkerId) or an [`EnsureRequest`](crate::EnsureRequest) can't be built.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RequestError {
    /// A value does not have the form it must have.
    #[error(transparent)]
    Invalid(#[from] crate::InvalidValue),
    /// The version is not a semantic version.
    #[error("version {given:?} is not a semantic version (https://semver.org): {source}")]
    Version {
        /// What was given.
        given: String,
        /// What is wrong with it.
        source: semver::Error,
    },
    /// The state directory is not named, and none can be derived.
    #[error(transparent)]
    NoStateDir(#[from] NoStateDir),
    /// The state directory is not named, and nothing says where the usual one is.
    #[error("no state directory is named")]
    StateDirMissing,
    /// The state directory is not an absolute path: it would be another one in every working directory.
    #[error("the state directory {0:?} is not an absolute path")]
    RelativeStateDir(PathBuf),
    /// A duration is out of its range.
    #[error("{what} must be between {min:?} and {max:?}, not {given:?}")]
    OutOfRange {
        /// Which duration.
        what: &'static str,
        /// What was given.
        given: Duration,
        /// The least.
        min: Duration,
        /// The most.
        max: Duration,
    },
}
