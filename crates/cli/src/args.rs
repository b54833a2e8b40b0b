//! The command line.
//!
//! Values stay text here: flags, environment and file write them alike, so `config` reads them all.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use coordinator::Name;
use worker::api::Filter;

use crate::config::{FileChoice, Key};
use crate::output::Mode;

mod doctor;
mod generated;
mod help;
mod history;
mod hook;
mod parse;
mod processes;
mod purge;
mod service;
mod since;
mod storm;
mod upgrade;

pub(crate) use doctor::DoctorArgs;
pub(crate) use generated::{CompletionsArgs, ManArgs};
pub(crate) use history::{EventsArgs, ExplainArgs};
pub(crate) use hook::{Consent, FireArgs, HookCommand, InstallArgs};
pub(crate) use parse::parse;
pub(crate) use processes::{AdoptArgs, Patterns, PsArgs, ReapArgs};
pub(crate) use purge::PurgeArgs;
pub(crate) use service::{ServiceArgs, ServiceChange, ServiceCommand};
pub(crate) use since::Since;
pub(crate) use storm::StormArgs;
pub(crate) use upgrade::Upgrade;

/// However many sessions start at once, exactly one background worker runs, and every session gets it.
#[derive(Debug, Parser)]
#[command(name = "oneworker", version = crate::version::of_this_program(), arg_required_else_help = true, after_help = help::PROGRAM)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// All commands and flags, for what is generated from them.
pub(crate) fn definition() -> clap::Command {
    <Cli as clap::CommandFactory>::command()
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print the worker's address; start the worker first if none runs
    #[command(after_help = help::ENSURE)]
    Ensure(EnsureArgs),
    /// Be the worker, unless there is one
    #[command(after_help = help::SERVE)]
    Serve(ServeArgs),
    /// Say who is in office, without starting or changing anything
    #[command(after_help = help::STATUS)]
    Status(QueryArgs),
    /// End the worker
    #[command(after_help = help::STOP)]
    Stop(StopArgs),
    /// End the worker if there is one, and start another
    #[command(after_help = help::RESTART)]
    Restart(RestartArgs),
    /// Print the end of the worker's log, or of what a child of the worker said
    #[command(after_help = help::LOGS)]
    Logs(LogsArgs),
    /// Say what has happened, one line for each event
    #[command(after_help = help::EVENTS)]
    Events(EventsArgs),
    /// Tell the worker's story: who started it, what was seen, why the last one ended
    #[command(after_help = help::EXPLAIN)]
    Explain(ExplainArgs),
    /// Show the processes of the identity, and those that only look like it
    #[command(after_help = help::PS)]
    Ps(PsArgs),
    /// End the processes that look like the worker's program and belong to no worker
    #[command(after_help = help::REAP)]
    Reap(ReapArgs),
    /// Replace a daemon from before by the worker, on the same port
    #[command(after_help = help::ADOPT)]
    Adopt(AdoptArgs),
    /// Check everything that can be wrong, and say how to mend it
    #[command(after_help = help::DOCTOR)]
    Doctor(DoctorArgs),
    /// Remove an identity with all its data
    #[command(after_help = help::PURGE)]
    Purge(PurgeArgs),
    /// Test this program here: many sessions at once, in a directory of their own
    #[command(after_help = help::STORM)]
    Storm(StormArgs),
    /// Hand an observation to the worker; returns once it is safe
    #[command(after_help = help::PUT)]
    Put(PutArgs),
    /// Find observations by their words, best first
    #[command(after_help = help::SEARCH)]
    Search(SearchArgs),
    /// Print the last observations
    #[command(after_help = help::TAIL)]
    Tail(TailArgs),
    /// Copy the worker's data to a file, while it runs
    #[command(after_help = help::BACKUP)]
    Backup(CopyArgs),
    /// Put a backup in the place of the worker's data, while none runs
    #[command(after_help = help::BACKUP)]
    Restore(CopyArgs),
    /// Say that a session needs the worker, or no longer does
    #[command(after_help = help::SESSION)]
    Session(SessionArgs),
    /// Be a hook of an agent, or write the hooks into its settings
    #[command(subcommand)]
    Hook(HookCommand),
    /// Have the system start the worker
    #[command(subcommand)]
    Service(ServiceCommand),
    /// Print the completions of a shell
    #[command(after_help = help::COMPLETIONS)]
    Completions(CompletionsArgs),
    /// Print the manual page, or write those of all commands
    #[command(after_help = help::MAN)]
    Man(ManArgs),
    /// Show the settings
    #[command(subcommand)]
    Config(ConfigCommand),
}

/// What to show of the settings.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print each setting, its value and where that comes from
    #[command(after_help = help::CONFIG_SHOW)]
    Show(ShowArgs),
}

/// `ensure`
#[derive(Debug, Args)]
pub(crate) struct EnsureArgs {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) passed: Passed,
    #[command(flatten)]
    pub(crate) supervised: Supervised,
    #[command(flatten)]
    pub(crate) upgrade: Upgrade,
    /// Start nothing: fail with `not_running` if no worker runs
    #[arg(long)]
    pub(crate) no_start: bool,
    /// Begin a lease for this session, or go on with it: the worker stays for as long as it lasts
    #[arg(long, value_name = "ID")]
    pub(crate) session: Option<String>,
    #[command(flatten)]
    pub(crate) lease: Lease,
}

/// How long a session lasts.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Lease {
    /// End the session with this process
    #[arg(long, value_name = "PID")]
    pub(crate) session_pid: Option<u32>,
    /// End it after so long, unless it is heard of again [default: 12h]
    #[arg(long, value_name = "TIME")]
    pub(crate) session_ttl: Option<humantime::Duration>,
}

/// What to do with a session's lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SessionAction {
    /// Begin a lease, or go on with it
    Start,
    /// Go on with a lease
    Touch,
    /// End a lease
    End,
    /// List the leases
    List,
}

/// `session`
#[derive(Debug, Args)]
pub(crate) struct SessionArgs {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) output: Output,
    /// What to do
    #[arg(value_name = "ACTION")]
    pub(crate) action: SessionAction,
    /// The session's name
    #[arg(value_name = "ID", required_if_eq_any = [("action", "start"), ("action", "touch"), ("action", "end")])]
    pub(crate) session: Option<String>,
    #[command(flatten)]
    pub(crate) lease: Lease,
}

/// `put`
#[derive(Debug, Args)]
pub(crate) struct PutArgs {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) output: Output,
    /// The session that it comes from
    #[arg(long, value_name = "ID", default_value = "cli")]
    pub(crate) session: String,
    /// What kind of thing it is
    #[arg(long, value_name = "KIND", default_value = "note")]
    pub(crate) kind: String,
    /// Of observations with one key, the first is kept: so a hook may try again
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<String>,
    /// Anything more, as JSON
    #[arg(long, value_name = "JSON")]
    pub(crate) metadata: Option<String>,
    /// Read observations from standard input: JSON objects, one after the other
    #[arg(long, conflicts_with_all = ["text", "key", "metadata"])]
    pub(crate) stdin: bool,
    /// The text
    #[arg(value_name = "TEXT", required_unless_present = "stdin")]
    pub(crate) text: Vec<String>,
}

/// Which observations.
#[derive(Debug, Default, Args)]
pub(crate) struct Which {
    /// Only those of this session
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// Only those of this kind
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
}

impl Which {
    /// The filter of these flags.
    pub(crate) fn filter(&self) -> Filter {
        Filter { session: self.session.clone(), kind: self.kind.clone(), ..Filter::default() }
    }
}

/// `search`
#[derive(Debug, Args)]
pub(crate) struct SearchArgs {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) filter: Which,
    /// So many at most
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) limit: u32,
    /// Words that all have to be there; `word*` stands for those that begin with it
    #[arg(value_name = "WORDS", required = true)]
    pub(crate) words: Vec<String>,
}

/// `backup`, `restore`
#[derive(Debug, Args)]
pub(crate) struct CopyArgs {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) output: Output,
    /// The backup
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

/// `tail`
#[derive(Debug, Args)]
pub(crate) struct TailArgs {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) filter: Which,
    /// Go on with what comes from now on
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// So many
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    pub(crate) lines: u32,
}

/// `serve`
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) tuning: Tuning,
    #[command(flatten)]
    pub(crate) supervised: Supervised,
    /// Write the log to standard error instead of the log file, and end with the terminal
    #[arg(long)]
    pub(crate) foreground: bool,
}

/// `status`
#[derive(Debug, Args)]
pub(crate) struct QueryArgs {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// `stop`
#[derive(Debug, Args)]
pub(crate) struct StopArgs {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) force: Force,
}

/// `restart`
#[derive(Debug, Args)]
pub(crate) struct RestartArgs {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Have the worker hand over to this version, an older one too; its program is looked for among those that have served, and on the search path
    #[arg(long, value_name = "VERSION")]
    pub(crate) version: Option<semver::Version>,
    /// The program to start, with or without its version
    #[arg(long, value_name = "PATH", value_hint = clap::ValueHint::ExecutablePath)]
    pub(crate) program: Option<std::path::PathBuf>,
    #[command(flatten)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) passed: Passed,
    #[command(flatten)]
    pub(crate) supervised: Supervised,
    #[command(flatten)]
    pub(crate) force: Force,
}

/// `logs`
#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Go on with what is written from now on, across rotation
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// Begin so many lines before the end [default: 50; with --since all]
    #[arg(short = 'n', long, value_name = "LINES")]
    pub(crate) lines: Option<u64>,
    /// Only what is so old or younger, such as 10m, or of this time on, such as 2026-01-31T08:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<Since>,
    /// The child whose output is wanted; without it, the worker's own log
    #[arg(value_name = "NAME")]
    pub(crate) child: Option<Name>,
}

/// `config show`
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) tuning: Tuning,
    #[command(flatten)]
    pub(crate) upgrade: Upgrade,
    #[command(flatten)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) passed: Passed,
    #[command(flatten)]
    pub(crate) supervised: Supervised,
    #[command(flatten)]
    pub(crate) patterns: Patterns,
}

/// Which identity, and how patiently.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Common {
    /// The identity's name: there is one worker for each name, user and state directory [default: default]
    #[arg(long, value_name = "NAME")]
    name: Option<OsString>,
    /// The port of the worker on 127.0.0.1, or `auto` for any free one [default: 37777]
    #[arg(long, value_name = "N|auto")]
    port: Option<OsString>,
    /// The identity's directory, an absolute path [default: below the user's home, by name]
    #[arg(long, value_name = "DIR")]
    state_dir: Option<OsString>,
    /// Read this configuration file [default: the user's own, if there is one]
    #[arg(long, value_name = "FILE", conflicts_with = "no_config")]
    config: Option<PathBuf>,
    /// Read no configuration file
    #[arg(long)]
    no_config: bool,
    /// How long the command may take, such as 250ms, 5s or 30m [default: 5s]
    #[arg(long, value_name = "TIME")]
    deadline: Option<OsString>,
    /// How long a worker may be silent before it is replaced [default: 10s]
    #[arg(long, value_name = "TIME")]
    hang_limit: Option<OsString>,
}

/// How the result is written.
#[derive(Debug, Default, Args)]
pub(crate) struct Output {
    /// Print one JSON object on standard output, also for a failure
    #[arg(long, conflicts_with = "quiet")]
    json: bool,
    /// Print nothing on standard output
    #[arg(long, short)]
    quiet: bool,
}

impl Output {
    /// The way that was chosen.
    pub(crate) fn mode(&self) -> Mode {
        match (self.json, self.quiet) {
            (true, _) => Mode::Json,
            (_, true) => Mode::Quiet,
            _ => Mode::Human,
        }
    }
}

/// What a started worker gets of this process.
#[derive(Debug, Default, Args)]
pub(crate) struct Passed {
    /// Pass this environment variable on to a worker that is started, and to its command (repeatable)
    #[arg(long = "env", value_name = "NAME")]
    env: Vec<OsString>,
}

/// What serves in the worker's place.
#[derive(Debug, Default, Args)]
pub(crate) struct Supervised {
    /// Supervise this command: it serves on the worker's port, and `{port}` in it stands for that port
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl Supervised {
    /// Adds the values of these flags.
    pub(crate) fn add_to(&self, flags: &mut Flags) {
        flags.extend(self.command.iter().map(|word| (Key::Command, word.clone())));
    }
}

/// How far ending a worker may go.
#[derive(Debug, Args)]
pub(crate) struct Force {
    /// End a worker that does not obey by signals: its process is identified first
    #[arg(long)]
    pub(crate) force: bool,
}

/// How a worker serves, and what is held against one that fails.
#[derive(Debug, Default, Args)]
pub(crate) struct Tuning {
    /// How long running requests may take to end once the worker stops [default: 5s]
    #[arg(long, value_name = "TIME")]
    drain: Option<OsString>,
    /// End the worker when its event loop was stuck for so long [default: the hang limit]
    #[arg(long, value_name = "TIME")]
    watchdog: Option<OsString>,
    /// Leave when nobody has needed the worker for so long, at least 1s; 0: never [default: 30m]
    #[arg(long, value_name = "TIME")]
    idle_timeout: Option<OsString>,
    /// Keep the data in this file, an absolute path [default: worker.db in the state directory]
    #[arg(long, value_name = "FILE")]
    database: Option<OsString>,
    /// Drop observations after so long; 0: never [default: 0]
    #[arg(long, value_name = "TIME")]
    keep_for: Option<OsString>,
    /// Drop the oldest observations when the database is larger than this; 0: never [default: 0]
    #[arg(long, value_name = "BYTES")]
    keep_bytes: Option<OsString>,
    /// `full`: what was answered survives a power failure; `normal`: faster, and it survives all else [default: full]
    #[arg(long, value_name = "full|normal")]
    synchronous: Option<OsString>,
    /// Rotate the log when it is larger than this, such as 5MiB [default: 5MiB]
    #[arg(long, value_name = "BYTES")]
    log_max_bytes: Option<OsString>,
    /// Keep so many rotated logs [default: 3]
    #[arg(long, value_name = "N")]
    log_keep: Option<OsString>,
    /// Log what is at least this important: error, warn, info or debug [default: info]
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<OsString>,
    /// Retry so many failed starts in a row without delay [default: 2]
    #[arg(long, value_name = "N")]
    backoff_free: Option<OsString>,
    /// Wait so long after the next failed start, and twice as long after each further one [default: 500ms]
    #[arg(long, value_name = "TIME")]
    backoff_base: Option<OsString>,
    /// Never wait longer than this [default: 1m]
    #[arg(long, value_name = "TIME")]
    backoff_max: Option<OsString>,
    /// A worker that served for so long did not fail, however it ended [default: 5s]
    #[arg(long, value_name = "TIME")]
    backoff_stable_after: Option<OsString>,
    /// What is started in the worker's place and beside it, as JSON; a configuration file has [worker] and [[helper]]
    #[arg(long, value_name = "JSON")]
    plan: Option<OsString>,
}

/// The values that were given.
pub(crate) type Flags = Vec<(Key, OsString)>;

fn given<const N: usize>(values: [(Key, &Option<OsString>); N]) -> impl Iterator<Item = (Key, OsString)> {
    values.into_iter().filter_map(|(key, value)| Some((key, value.clone()?)))
}

impl Common {
    /// The values of these flags.
    pub(crate) fn flags(&self) -> Flags {
        given([
            (Key::Name, &self.name),
            (Key::Port, &self.port),
            (Key::StateDir, &self.state_dir),
            (Key::Deadline, &self.deadline),
            (Key::HangLimit, &self.hang_limit),
        ])
        .collect()
    }

    /// Which configuration file is read.
    pub(crate) fn file(&self) -> FileChoice {
        match &self.config {
            _ if self.no_config => FileChoice::None,
            Some(path) => FileChoice::Flag(path.clone()),
            None => FileChoice::Usual,
        }
    }
}

impl Passed {
    /// Adds the values of these flags.
    pub(crate) fn add_to(&self, flags: &mut Flags) {
        flags.extend(self.env.iter().map(|name| (Key::EnvPass, name.clone())));
    }
}

impl Tuning {
    /// Adds the values of these flags.
    pub(crate) fn add_to(&self, flags: &mut Flags) {
        flags.extend(given([
            (Key::Drain, &self.drain),
            (Key::Watchdog, &self.watchdog),
            (Key::IdleTimeout, &self.idle_timeout),
            (Key::Database, &self.database),
            (Key::KeepFor, &self.keep_for),
            (Key::KeepBytes, &self.keep_bytes),
            (Key::Synchronous, &self.synchronous),
            (Key::LogMaxBytes, &self.log_max_bytes),
            (Key::LogKeep, &self.log_keep),
            (Key::LogLevel, &self.log_level),
            (Key::BackoffFree, &self.backoff_free),
            (Key::BackoffBase, &self.backoff_base),
            (Key::BackoffMax, &self.backoff_max),
            (Key::BackoffStableAfter, &self.backoff_stable_after),
            (Key::Plan, &self.plan),
        ]));
    }
}

#[cfg(test)]
mod tests;
