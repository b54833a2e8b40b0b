//! The commands, one file each, and what they share.

mod config_show;
mod consent;
mod copies;
mod doctor;
mod ensure;
mod generated;
mod history;
mod hook;
mod last_bytes;
mod logs;
mod processes;
mod purge;
mod put;
mod question;
mod restart;
mod search;
mod serve;
mod service;
mod session;
mod status;
mod stop;
mod storm;

use std::process::ExitCode;

pub(crate) use restart::Install;

use coordinator::{EnsureError, WorkerSpec};
use worker::client::{Client, ClientError};

use crate::args::{Command, ConfigCommand, Flags};
use crate::config::{ConfigError, FileChoice, Settings};
use crate::exit::Exit;
use crate::explain::Words;
use crate::failure::Failure;
use crate::output::{self, Mode};
use crate::spec::worker_spec;

/// Does what the command line says, and reports a failure.
pub(crate) fn run(command: &Command) -> ExitCode {
    let (mode, result) = match command {
        Command::Ensure(args) => (args.output.mode(), ensure::run(args)),
        Command::Serve(args) => (args.output.mode(), serve::run(args)),
        Command::Status(args) => (args.output.mode(), status::run(args)),
        Command::Stop(args) => (args.output.mode(), stop::run(args)),
        Command::Restart(args) => (args.output.mode(), restart::run(args)),
        Command::Logs(args) => (Mode::Human, logs::run(args)),
        Command::Events(args) => (args.output.mode(), history::events(args)),
        Command::Explain(args) => (args.output.mode(), history::explain(args)),
        Command::Ps(args) => (args.output.mode(), processes::ps(args)),
        Command::Reap(args) => (args.output.mode(), processes::reap(args)),
        Command::Adopt(args) => (args.output.mode(), processes::adopt(args)),
        Command::Doctor(args) => (args.output.mode(), doctor::run(args)),
        Command::Purge(args) => (args.output.mode(), purge::run(args)),
        Command::Storm(args) => (args.output.mode(), storm::run(args)),
        Command::Put(args) => (args.output.mode(), put::run(args)),
        Command::Search(args) => (args.output.mode(), search::search(args)),
        Command::Tail(args) => (args.output.mode(), search::tail(args)),
        Command::Session(args) => (args.output.mode(), session::run(args)),
        Command::Hook(command) => hook::run(command),
        Command::Service(command) => service::run(command),
        Command::Completions(args) => (Mode::Human, generated::completions(args)),
        Command::Man(args) => (Mode::Human, generated::man(args)),
        Command::Backup(args) => (args.output.mode(), copies::backup(args)),
        Command::Restore(args) => (args.output.mode(), copies::restore(args)),
        Command::Config(ConfigCommand::Show(args)) => (args.output.mode(), config_show::run(args)),
    };
    result
        .unwrap_or_else(|failure| {
            output::failure(mode, &failure);
            failure.exit()
        })
        .into()
}

/// What came of a command.
type Done = Result<Exit, Failure>;

/// The settings of this process.
fn settings(flags: &Flags, file: &FileChoice) -> Result<Settings, ConfigError> {
    Settings::resolve(flags, file, &|variable| std::env::var_os(variable))
}

/// A call for one identity: what most commands begin with.
struct Request {
    settings: Settings,
    spec: WorkerSpec,
    words: Words,
}

impl Request {
    /// Reads the settings, and checks them against their bounds.
    fn new(flags: &Flags, file: &FileChoice, may_start: bool) -> Result<Self, Failure> {
        let settings = settings(flags, file)?;
        let spec = worker_spec(&settings, may_start, settings.deadline.value)?;
        let words = Words::new(&settings);
        Ok(Self { settings, spec, words })
    }

    /// The failure that an error is.
    fn failure(&self, error: &EnsureError) -> Failure {
        Failure::ensure(error, &self.words, &self.spec)
    }

    /// Asks the worker for its data; it is started if none runs and the request allows it.
    fn ask<T>(&self, work: impl AsyncFnOnce(Client<'_>) -> Result<T, ClientError>) -> Result<T, Failure> {
        let asked = self.block_on(async { Ok(work(Client::new(&self.spec)).await) })?;
        asked.map_err(|error| match error {
            ClientError::Worker(error) => self.failure(&error),
            other => Failure::data(&other, &self.words),
        })
    }

    /// Runs `work` on this thread, without starting another.
    fn block_on<T>(&self, work: impl Future<Output = Result<T, EnsureError>>) -> Result<T, Failure> {
        let event_loop = coordinator::blocking::event_loop().map_err(|source| {
            self.failure(&EnsureError::NotPermitted { what: "set up an event loop", source })
        })?;
        let result = event_loop.block_on(work);
        // A blocking call that hangs must not hold the caller up beyond its deadline.
        event_loop.shutdown_background();
        result.map_err(|error| self.failure(&error))
    }
}
