//! The `oneworker` command: flags, configuration and words around the `coordinator` and `worker` crates.
//!
//! A hook runs `oneworker ensure` before everything else it does, so a start has to be cheap and an answer exact: one
//! line on standard output, one exit code for each kind of failure, and a message that says what to do next. Nothing here
//! decides whether a worker runs; that is the business of `coordinator`.
//!
//! | module | subject |
//! | --- | --- |
//! | `args` | the flags |
//! | `config` | flags, environment, file and defaults, each value with its source |
//! | `from_settings` | what the settings ask `coordinator` and `worker` for |
//! | `census` | the processes of this user, and what each is to an identity |
//! | `commands` | one file for each command |
//! | `installs` | where this program is installed, and in which versions |
//! | `service` | what service managers read |
//! | `errors` | the table of errors |
//! | `failure`, `explain`, `fields`, `exit` | a failure's words, advice, JSON fields and exit code |
//! | `version` | which version of the program this is |
//! | `request` | what most commands begin with: settings, and calls to the worker |
//! | `output`, `progress` | what is written, and where |

#![forbid(unsafe_code)]

mod args;
mod census;
mod commands;
mod config;
mod errors;
mod exit;
mod explain;
mod failure;
mod fields;
mod from_settings;
mod installs;
mod output;
mod progress;
#[cfg(test)]
mod reference;
mod request;
mod service;
mod version;

use std::path::Path;
use std::process::ExitCode;

/// The `oneworker` program: reads the arguments and the environment of this process, does what they say, and gives the exit
/// code that `docs/cli.md` documents.
#[must_use]
pub fn main() -> ExitCode {
    match args::parse(std::env::args_os()) {
        Ok(command) => commands::run(&command),
        Err(refusal) => refusal.print(),
    }
}

/// Reads and checks a configuration file as every command does, without flags or environment: for tests of what a file may say.
///
/// # Errors
/// The sentence that a command would print.
#[doc(hidden)]
pub fn check_configuration(path: &Path) -> Result<(), String> {
    let choice = config::FileChoice::Flag(path.to_owned());
    let settings = config::Settings::resolve(&[], &choice, &|_| None).map_err(|wrong| wrong.to_string())?;
    // As `config show` prints them.
    settings.entries();
    Ok(())
}
