//! What most commands begin with: the settings of one identity, and the calls to its worker.

use coordinator::{EnsureError, EnsureRequest};
use worker::client::{Client, ClientError};

use crate::args::Flags;
use crate::config::{ConfigError, FileChoice, Settings};
use crate::exit::Exit;
use crate::explain::Words;
use crate::failure::Failure;
use crate::from_settings::ensure_request;

/// The result of a command.
pub(crate) type Done = Result<Exit, Failure>;

/// The settings of this process.
pub(crate) fn settings(flags: &Flags, file: &FileChoice) -> Result<Settings, ConfigError> {
    Settings::resolve(flags, file, &|variable| std::env::var_os(variable))
}

/// A command's call for one identity: its settings, and what it asks the worker for.
pub(crate) struct Request {
    pub(crate) settings: Settings,
    pub(crate) ensure: EnsureRequest,
    pub(crate) words: Words,
}

impl Request {
    /// Reads the settings, and checks them against their bounds.
    pub(crate) fn new(flags: &Flags, file: &FileChoice, may_start: bool) -> Result<Self, Failure> {
        let settings = settings(flags, file)?;
        let ensure = ensure_request(&settings, may_start)?;
        let words = Words::new(&settings);
        Ok(Self { settings, ensure, words })
    }

    /// Returns the failure that an error is.
    pub(crate) fn failure(&self, error: &EnsureError) -> Failure {
        Failure::ensure(error, &self.words, self.ensure.id())
    }

    /// Asks the worker for its data. Starts the worker first if it does not run and the request allows it.
    pub(crate) fn ask<T>(
        &self,
        work: impl AsyncFnOnce(Client<'_>) -> Result<T, ClientError>,
    ) -> Result<T, Failure> {
        let asked = self.block_on(async { Ok(work(Client::new(&self.ensure)).await) })?;
        asked.map_err(|error| match error {
            ClientError::Worker(error) => self.failure(&error),
            other => Failure::data(&other, &self.words),
        })
    }

    /// Runs `work` on this thread, without starting another thread.
    pub(crate) fn block_on<T>(
        &self,
        work: impl Future<Output = Result<T, EnsureError>>,
    ) -> Result<T, Failure> {
        let event_loop = coordinator::blocking::event_loop().map_err(|source| {
            self.failure(&EnsureError::NotPermitted { what: "set up an event loop", source })
        })?;
        let result = event_loop.block_on(work);
        // A blocking call that hangs must not hold the caller up beyond its deadline.
        event_loop.shutdown_background();
        result.map_err(|error| self.failure(&error))
    }
}
