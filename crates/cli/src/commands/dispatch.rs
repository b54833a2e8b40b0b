//! From a command line to its command.

use std::process::ExitCode;

use super::{
    config_show, copies, doctor, ensure, generated, history, hook, logs, processes, purge, put, restart,
    search, serve, service, session, status, stop, storm,
};
use crate::args::{Command, ConfigCommand};
use crate::output::{self, Mode};

/// Runs the command of this command line, and reports its failure.
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
