//! What a check can say.

use std::io;
use std::path::PathBuf;

use serde::Serialize;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Level {
    /// Works, and may not for long.
    Warning,
    /// Does not work, or not safely.
    Problem,
}

/// Something that is not as it should be.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) level: Level,
    /// What is wrong.
    pub(super) message: String,
    /// What to do.
    pub(super) help: String,
    /// What `--repair` does.
    pub(super) repair: Option<Repair>,
}

impl Finding {
    pub(super) fn problem(message: String, help: impl Into<String>) -> Self {
        Self { level: Level::Problem, message, help: help.into(), repair: None }
    }

    pub(super) fn warning(message: String, help: impl Into<String>) -> Self {
        Self { level: Level::Warning, ..Self::problem(message, help) }
    }

    #[cfg(unix)]
    pub(super) fn mended_by(self, repair: Repair) -> Self {
        Self { repair: Some(repair), ..self }
    }
}

/// What can be mended without harm to anybody.
#[derive(Debug)]
#[cfg_attr(not(unix), allow(dead_code, reason = "there are no such rights there"))]
pub(super) enum Repair {
    /// Takes others' rights to it away.
    OwnersOnly(PathBuf),
}

impl Repair {
    /// Mends it.
    pub(super) fn apply(self) -> io::Result<()> {
        match self {
            #[cfg(unix)]
            Self::OwnersOnly(path) => {
                use std::os::unix::fs::PermissionsExt;
                let file = std::fs::File::open(&path)?;
                let mode = file.metadata()?.permissions().mode() & 0o700;
                file.set_permissions(std::fs::Permissions::from_mode(mode))
            }
            #[cfg(not(unix))]
            Self::OwnersOnly(_) => Ok(()),
        }
    }
}
