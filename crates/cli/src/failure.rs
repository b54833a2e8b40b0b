//! A failure as the caller gets it: what happened, why, what to do next, and a code that stays the same.

use coordinator::{EnsureError, WorkerSpec};
use serde_json::{Map, Value};
use worker::client::ClientError;
use worker::{ServeError, StoreError};

use crate::config::ConfigError;
use crate::exit::{self, Exit};
use crate::explain::{self, Words};
use crate::fields;
use crate::written::Refused;

/// Why a command failed.
#[derive(Debug)]
pub(crate) struct Failure {
    /// Stable, for programs.
    pub(crate) code: &'static str,
    /// What happened, and why.
    pub(crate) message: String,
    /// What to do next.
    pub(crate) help: String,
    /// What else a program may want to know: fields of its own for each code.
    pub(crate) fields: Map<String, Value>,
    /// The end of the worker's log, if that tells more.
    pub(crate) log_tail: Option<String>,
}

impl Failure {
    /// A mistake of whoever called.
    pub(crate) fn usage(message: String) -> Self {
        Self::plain("usage", message, "See oneworker --help and docs/cli.md.".to_owned())
    }

    /// Something that could not be read or written.
    pub(crate) fn io(what: &str, error: &std::io::Error) -> Self {
        let help = "Check the disk's free space and the rights of the files named above.";
        Self::plain("io", format!("{what}: {error}"), help.to_owned())
    }

    /// Why there is no worker.
    pub(crate) fn ensure(error: &EnsureError, words: &Words, spec: &WorkerSpec) -> Self {
        Self {
            code: error.code(),
            message: error.to_string(),
            help: explain::ensure(error, words, spec),
            fields: fields::of(error),
            log_tail: error.log_tail().filter(|tail| !tail.trim().is_empty()).map(str::to_owned),
        }
    }

    /// Why this process can't be the worker.
    pub(crate) fn serve(error: &ServeError, words: &Words) -> Self {
        let fields = fields::of_serve(error);
        Self { fields, ..Self::plain(error.code(), error.to_string(), explain::serve(error, words)) }
    }

    /// Why the worker did not do what it was asked to with its data.
    pub(crate) fn data(error: &ClientError, words: &Words) -> Self {
        let code = exit::TABLE
            .iter()
            .find(|(known, _)| *known == error.code())
            .map_or("refused", |(known, _)| known);
        Self::plain(code, error.to_string(), explain::data(code, words))
    }

    /// Why the data could not be copied.
    pub(crate) fn store(error: &StoreError, words: &Words) -> Self {
        Self::plain(error.code(), error.to_string(), explain::data(error.code(), words))
    }

    /// A failure without fields or log.
    pub(crate) fn plain(code: &'static str, message: String, help: String) -> Self {
        Self { code, message, help, fields: Map::new(), log_tail: None }
    }

    /// The exit code.
    pub(crate) fn exit(&self) -> Exit {
        exit::of(self.code)
    }
}

impl From<Refused> for Failure {
    fn from(Refused(message): Refused) -> Self {
        let help = "Nothing was written. Mend the file, or make room for it, and run the command again.";
        Self::plain("not_written", message, help.to_owned())
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::plain("usage", error.to_string(), explain::config(&error).to_owned())
    }
}
