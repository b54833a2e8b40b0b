//! The table of commands.

use clap::{Parser, Subcommand};

use super::{
    AdoptArgs, CompletionsArgs, ConfigCommand, CopyArgs, DoctorArgs, EnsureArgs, EventsArgs, ExplainArgs,
    HookCommand, LogsArgs, ManArgs, PsArgs, PurgeArgs, PutArgs, QueryArgs, ReapArgs, RestartArgs, SearchArgs,
    ServeArgs, ServiceCommand, SessionArgs, StopArgs, StormArgs, TailArgs, help, layout,
};

/// However many sessions start at once, exactly one background worker runs,
/// and every session gets it.
#[derive(Debug, Parser)]
#[command(
    name = "oneworker",
    version = crate::version::of_this_program(),
    arg_required_else_help = true,
    verbatim_doc_comment,
    after_help = help::PROGRAM_SHORT,
    after_long_help = help::PROGRAM
)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Command,
}

/// All commands and flags, arranged for people: for parsing, and for what is generated from them.
pub(crate) fn definition() -> clap::Command {
    layout::arranged(<Cli as clap::CommandFactory>::command(), GROUPS)
}

/// Makes [`Command`] and [`GROUPS`] from the commands below the headings of their groups. A command's
/// comment is its summary.
macro_rules! commands {
    ($($heading:literal { $($(#[$meta:meta])* $command:ident($args:ty),)* })*) => {
        /// What to do.
        #[derive(Debug, Subcommand)]
        pub(crate) enum Command {
            $($($(#[$meta])* $command($args),)*)*
        }

        /// The groups in their order, each with its commands.
        pub(super) const GROUPS: &[layout::Group] = &[$(($heading, &[$(stringify!($command)),*])),*];
    };
}

commands! {
    "Worker" {
        /// Print the worker's address; start the worker first if none runs
        #[command(after_long_help = help::ENSURE)]
        Ensure(EnsureArgs),
        /// Say who is in office, without starting or changing anything
        #[command(after_long_help = help::STATUS)]
        Status(QueryArgs),
        /// End the worker
        #[command(after_long_help = help::STOP)]
        Stop(StopArgs),
        /// End the worker if there is one, and start another
        #[command(after_long_help = help::RESTART)]
        Restart(RestartArgs),
        /// Be the worker, unless there is one
        #[command(after_long_help = help::SERVE)]
        Serve(ServeArgs),
        /// Print the end of the worker's log, or of a child's
        #[command(after_long_help = help::LOGS)]
        Logs(LogsArgs),
    }
    "Data" {
        /// Hand an observation to the worker; returns once it is safe
        #[command(after_long_help = help::PUT)]
        Put(PutArgs),
        /// Find observations by their words, best first
        #[command(after_long_help = help::SEARCH)]
        Search(SearchArgs),
        /// Print the last observations
        #[command(after_long_help = help::TAIL)]
        Tail(TailArgs),
        /// Copy the worker's data to a file, while it runs
        #[command(after_long_help = help::BACKUP)]
        Backup(CopyArgs),
        /// Put a backup in the place of the worker's data, while none runs
        #[command(after_long_help = help::BACKUP)]
        Restore(CopyArgs),
        /// Say that a session needs the worker, or no longer does
        #[command(after_long_help = help::SESSION)]
        Session(SessionArgs),
    }
    "Look" {
        /// Show the identity's processes, and those that only look like it
        #[command(after_long_help = help::PS)]
        Ps(PsArgs),
        /// Say what has happened, one line for each event
        #[command(after_long_help = help::EVENTS)]
        Events(EventsArgs),
        /// Tell the worker's story
        ///
        /// Who started it, what was seen, why the last one ended.
        #[command(after_long_help = help::EXPLAIN)]
        Explain(ExplainArgs),
        /// Check everything that can be wrong, and say how to mend it
        #[command(after_long_help = help::DOCTOR)]
        Doctor(DoctorArgs),
    }
    "Clean up" {
        /// End processes that look like the worker and belong to none
        #[command(after_long_help = help::REAP)]
        Reap(ReapArgs),
        /// Replace a daemon from before by the worker, on the same port
        #[command(after_long_help = help::ADOPT)]
        Adopt(AdoptArgs),
        /// Remove an identity with all its data
        #[command(after_long_help = help::PURGE)]
        Purge(PurgeArgs),
    }
    "Set up" {
        /// Be a hook of an agent, or write the hooks into its settings
        #[command(subcommand)]
        Hook(HookCommand),
        /// Have the system start the worker
        #[command(subcommand)]
        Service(ServiceCommand),
        /// Show the settings
        #[command(subcommand)]
        Config(ConfigCommand),
        /// Print the completions of a shell
        #[command(after_long_help = help::COMPLETIONS)]
        Completions(CompletionsArgs),
        /// Print the manual page, or write those of all commands
        #[command(after_long_help = help::MAN)]
        Man(ManArgs),
        /// Test this program here: many sessions at once
        ///
        /// They have a directory of their own.
        #[command(after_long_help = help::STORM)]
        Storm(StormArgs),
    }
}
