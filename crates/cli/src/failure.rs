//! A failure as the caller gets it: what happened, why, what to do next, and a code that stays the same.

use coordinator::{EnsureError, WorkerId};
use oneworker_agents::settings::FileError;
use serde_json::{Map, Value};
use worker::client::ClientError;
use worker::{ServeError, StoreError};

use crate::config::ConfigError;
use crate::errors;
use crate::exit::Exit;
use crate::explain::{self, Words};
use crate::fields;

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
        Self::helped("usage", message)
    }

    /// Something that could not be read or written.
    pub(crate) fn io(what: &str, error: &std::io::Error) -> Self {
        Self::helped("io", format!("{what}: {error}"))
    }

    /// A file of another program that is left as it is.
    pub(crate) fn not_written(message: String) -> Self {
        Self::helped("not_written", message)
    }

    /// Why there is no worker.
    pub(crate) fn ensure(error: &EnsureError, words: &Words, id: &WorkerId) -> Self {
        Self {
            code: error.code(),
            message: error.to_string(),
            help: explain::ensure(error, words, id),
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
        let code = errors::of(error.code()).map_or("refused", |kind| kind.code);
        Self::plain(code, error.to_string(), explain::data(code, words))
    }

    /// Why the data could not be copied.
    pub(crate) fn store(error: &StoreError, words: &Words) -> Self {
        Self::plain(error.code(), error.to_string(), explain::data(error.code(), words))
    }

    /// A failure with the usual help of its code.
    fn helped(code: &'static str, message: String) -> Self {
        Self::plain(code, message, explain::plain(code, errors::USUAL).to_owned())
    }

    /// A failure without fields or log.
    pub(crate) fn plain(code: &'static str, message: String, help: String) -> Self {
        Self { code, message, help, fields: Map::new(), log_tail: None }
    }

    /// The exit code.
    pub(crate) fn exit(&self) -> Exit {
        errors::exit_of(self.code)
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        Self::not_written(error.to_string())
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::plain("usage", error.to_string(), explain::config(&error).to_owned())
    }
}
