//! The settings there are: how each is called in the file, in the environment and on the command line.

use std::ffi::OsStr;

use super::value::{self, Wrong};

/// What can be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    Name,
    Port,
    StateDir,
    Deadline,
    HangLimit,
    BackoffFree,
    BackoffBase,
    BackoffMax,
    BackoffStableAfter,
    Upgrade,
    UpgradePerHour,
    UpgradeProbation,
    UpgradeFailures,
    Drain,
    Watchdog,
    IdleTimeout,
    Database,
    KeepFor,
    KeepBytes,
    Synchronous,
    LogMaxBytes,
    LogKeep,
    LogLevel,
    EnvPass,
    Plan,
    Strays,
    /// The words after `--`: of the plan's command. Only on a command line.
    Command,
}

/// How a value looks in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `"text"`.
    Text,
    /// `12`.
    Number,
    /// Either.
    TextOrNumber,
    /// `["text", "text"]`.
    List,
}

impl Key {
    /// All that can be set by itself, in the order in which they are shown.
    pub(crate) const ALL: [Self; 26] = [
        Self::Name,
        Self::Port,
        Self::StateDir,
        Self::Deadline,
        Self::HangLimit,
        Self::BackoffFree,
        Self::BackoffBase,
        Self::BackoffMax,
        Self::BackoffStableAfter,
        Self::Upgrade,
        Self::UpgradePerHour,
        Self::UpgradeProbation,
        Self::UpgradeFailures,
        Self::Drain,
        Self::Watchdog,
        Self::IdleTimeout,
        Self::Database,
        Self::KeepFor,
        Self::KeepBytes,
        Self::Synchronous,
        Self::LogMaxBytes,
        Self::LogKeep,
        Self::LogLevel,
        Self::EnvPass,
        Self::Plan,
        Self::Strays,
    ];

    /// The name in the file, with its table, the environment variable, the flag, and the form in the file.
    const fn names(self) -> (&'static str, &'static str, &'static str, Form) {
        match self {
            Self::Name => ("name", "ONEWORKER_NAME", "--name", Form::Text),
            Self::Port => ("port", "ONEWORKER_PORT", "--port", Form::TextOrNumber),
            Self::StateDir => ("state_dir", "ONEWORKER_STATE_DIR", "--state-dir", Form::Text),
            Self::Deadline => ("deadline", "ONEWORKER_DEADLINE", "--deadline", Form::Text),
            Self::HangLimit => ("hang_limit", "ONEWORKER_HANG_LIMIT", "--hang-limit", Form::Text),
            Self::BackoffFree => ("backoff.free", "ONEWORKER_BACKOFF_FREE", "--backoff-free", Form::Number),
            Self::BackoffBase => ("backoff.base", "ONEWORKER_BACKOFF_BASE", "--backoff-base", Form::Text),
            Self::BackoffMax => ("backoff.max", "ONEWORKER_BACKOFF_MAX", "--backoff-max", Form::Text),
            Self::BackoffStableAfter => (
                "backoff.stable_after",
                "ONEWORKER_BACKOFF_STABLE_AFTER",
                "--backoff-stable-after",
                Form::Text,
            ),
            Self::Upgrade => ("upgrade.policy", "ONEWORKER_UPGRADE", "--upgrade", Form::Text),
            Self::UpgradePerHour => {
                ("upgrade.per_hour", "ONEWORKER_UPGRADE_PER_HOUR", "--upgrade-per-hour", Form::Number)
            }
            Self::UpgradeProbation => {
                ("upgrade.probation", "ONEWORKER_UPGRADE_PROBATION", "--upgrade-probation", Form::Text)
            }
            Self::UpgradeFailures => {
                ("upgrade.failures", "ONEWORKER_UPGRADE_FAILURES", "--upgrade-failures", Form::Number)
            }
            Self::Drain => ("serve.drain", "ONEWORKER_DRAIN", "--drain", Form::Text),
            Self::Watchdog => ("serve.watchdog", "ONEWORKER_WATCHDOG", "--watchdog", Form::Text),
            Self::IdleTimeout => {
                ("serve.idle_timeout", "ONEWORKER_IDLE_TIMEOUT", "--idle-timeout", Form::Text)
            }
            Self::Database => ("store.database", "ONEWORKER_DATABASE", "--database", Form::Text),
            Self::KeepFor => ("store.keep_for", "ONEWORKER_KEEP_FOR", "--keep-for", Form::Text),
            Self::KeepBytes => {
                ("store.keep_bytes", "ONEWORKER_KEEP_BYTES", "--keep-bytes", Form::TextOrNumber)
            }
            Self::Synchronous => ("store.synchronous", "ONEWORKER_SYNCHRONOUS", "--synchronous", Form::Text),
            Self::LogMaxBytes => {
                ("serve.log_max_bytes", "ONEWORKER_LOG_MAX_BYTES", "--log-max-bytes", Form::TextOrNumber)
            }
            Self::LogKeep => ("serve.log_keep", "ONEWORKER_LOG_KEEP", "--log-keep", Form::Number),
            Self::LogLevel => ("serve.log_level", "ONEWORKER_LOG", "--log-level", Form::Text),
            Self::EnvPass => ("env.pass", "ONEWORKER_ENV_PASS", "--env", Form::List),
            // In the file it is written as tables: [worker] and [[helper]].
            Self::Plan => ("worker", "ONEWORKER_PLAN", "--plan", Form::Text),
            // In the file it is a table.
            Self::Strays => ("strays", "ONEWORKER_STRAYS", "--strays", Form::Text),
            Self::Command => ("worker.command", "", "--", Form::List),
        }
    }

    /// The name in the file, with its table: `backoff.base`.
    pub(crate) const fn path(self) -> &'static str {
        self.names().0
    }

    /// The environment variable.
    pub(crate) const fn variable(self) -> &'static str {
        self.names().1
    }

    /// The flag, with its dashes.
    pub(crate) const fn flag(self) -> &'static str {
        self.names().2
    }

    /// How it looks in the file.
    pub(crate) const fn form(self) -> Form {
        self.names().3
    }

    /// Whether it is for sessions alone: a worker is not told. What it passes on is decided by its environment, which it has already; and it never
    /// chooses who comes after it.
    pub(crate) const fn is_of_sessions(self) -> bool {
        matches!(
            self,
            Self::EnvPass
                | Self::Upgrade
                | Self::UpgradePerHour
                | Self::UpgradeProbation
                | Self::UpgradeFailures
        )
    }

    /// The table that it is in (empty for the top) and its name there.
    pub(crate) fn table_and_leaf(self) -> (&'static str, &'static str) {
        self.path().split_once('.').unwrap_or(("", self.path()))
    }

    /// Checks a value without keeping it.
    pub(crate) fn check(self, raw: &OsStr) -> Result<(), Wrong> {
        match self {
            Self::Name => value::name(raw).map(drop),
            Self::Port => value::port(raw).map(drop),
            Self::StateDir => value::directory(raw).map(drop),
            Self::Deadline
            | Self::HangLimit
            | Self::BackoffBase
            | Self::BackoffMax
            | Self::BackoffStableAfter
            | Self::UpgradeProbation
            | Self::Drain
            | Self::KeepFor => value::duration(raw).map(drop),
            Self::Upgrade => value::upgrade(raw).map(drop),
            Self::UpgradePerHour | Self::UpgradeFailures => value::count(raw).map(drop),
            Self::IdleTimeout => value::idle_timeout(raw).map(drop),
            Self::Database => value::file(raw).map(drop),
            Self::KeepBytes => value::bytes(raw).map(drop),
            Self::Synchronous => value::synchronous(raw).map(drop),
            Self::Watchdog => value::positive(raw).map(drop),
            Self::BackoffFree | Self::LogKeep => value::count(raw).map(drop),
            Self::LogMaxBytes => value::bytes(raw).map(drop),
            Self::LogLevel => value::log_level(raw).map(drop),
            Self::EnvPass => value::variable(raw).map(drop),
            Self::Plan => value::plan(raw).map(drop),
            Self::Strays => value::strays(raw).map(drop),
            Self::Command => value::word(raw).map(drop),
        }
    }
}
