use std::path::PathBuf;
use std::process::ExitStatus;

use crate::target::Target;

/// Why nothing, or not all of it, was made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The arguments are not understood, or ask for help.
    #[error("{0}")]
    Arguments(#[from] clap::Error),
    /// A file or directory.
    #[error("{} can't be {what}: {source}", path.display())]
    File {
        /// `read` or `written`.
        what: &'static str,
        /// Which one.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A program that is needed does not start.
    #[error("{program} can't be started ({source}): {advice}")]
    Missing {
        /// Its name.
        program: String,
        /// What the system says.
        source: std::io::Error,
        /// How to get it.
        advice: &'static str,
    },
    /// A program that is needed has failed; it has said why.
    #[error("`{command}` has failed ({status}): {said}")]
    Failed {
        /// Its command line.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// Its standard error, if it was not shown.
        said: String,
    },
    /// There is no standard library for a target.
    #[error(
        "there is no standard library for {0}, and no source to build it from: run `rustup target add {0}`, or ci/dist.sh, which takes Debian's compiler"
    )]
    NoStandardLibrary(Target),
    /// A file that was given as a target's binary is something else.
    #[error("{} is no program for {target}: {found}. Give the right file with --binary {target}=PATH, or leave the flag out to build it", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What it should be for.
        target: Target,
        /// What it is.
        found: String,
    },
    /// Steps of a check failed, or were skipped and must not be; each has said why.
    #[error("{} did not pass. `--step NAME` runs one of them again", names.join(", "))]
    Steps {
        /// Their names.
        names: Vec<&'static str>,
    },
    /// A check found something that must not be.
    #[error("{what}: {found}. {wanted}")]
    Unmet {
        /// What was checked.
        what: String,
        /// What was found.
        found: String,
        /// What must be, or what to do.
        wanted: &'static str,
    },
    /// A variable or a file holds what is not understood.
    #[error("{what} is {found}, which is not understood: {wanted}")]
    Value {
        /// Its name.
        what: String,
        /// What stands there.
        found: String,
        /// What should.
        wanted: &'static str,
    },
    /// A binary that was built would not be the same elsewhere.
    #[error("{} names {}, where it was built: no other checkout gives the same bytes. Something in the build ignores --remap-path-prefix", binary.display(), place.display())]
    NamesItsPlace {
        /// The binary.
        binary: PathBuf,
        /// The directory.
        place: PathBuf,
    },
}

impl Error {
    /// For `map_err` after reading a file.
    pub(crate) fn read(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { what: "read", path, source }
    }

    /// For `map_err` after writing a file.
    pub(crate) fn written(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { what: "written", path, source }
    }
}
