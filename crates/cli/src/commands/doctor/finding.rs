//! What a check can say.

use serde::Serialize;

use super::repair::Repair;

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

    /// The same, with what mends it.
    pub(super) fn mended_by(self, repair: impl Into<Option<Repair>>) -> Self {
        Self { repair: repair.into(), ..self }
    }
}
