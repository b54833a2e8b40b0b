//! Flags that several commands have.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Arg, Args};

use super::setting_flags::{Flags, Identity};
use crate::config::{FileChoice, Key};
use crate::output::Mode;

/// The heading of the flags about the identity, as in the table of settings.
const WORKER: &str = crate::config::Heading::Worker.as_str();

/// Which identity, and how patiently.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Common {
    #[command(flatten)]
    identity: Identity,
    /// Read this configuration file
    ///
    /// [default: the user's own, if there is one]
    ///
    /// [variable: ONEWORKER_CONFIG]
    #[arg(long, value_name = "FILE", conflicts_with = "no_config", help_heading = WORKER)]
    config: Option<PathBuf>,
    /// Read no configuration file
    #[arg(long, help_heading = WORKER)]
    no_config: bool,
}

impl Common {
    /// The values of these flags.
    pub(crate) fn flags(&self) -> Flags {
        let mut flags = Flags::new();
        self.identity.add_to(&mut flags);
        flags
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

/// Leaves flags that mean nothing for a command out of its help. They are accepted all the same.
pub(super) fn without(flags: &'static [&'static str]) -> impl FnMut(Arg) -> Arg {
    |arg| {
        let meaningless = flags.iter().any(|flag| arg.get_id() == *flag);
        if meaningless { arg.hide(true) } else { arg }
    }
}

/// How the result is written.
#[derive(Debug, Default, Args)]
pub(crate) struct Output {
    /// Print one JSON object, also for a failure
    #[arg(long, conflicts_with = "quiet", help_heading = "Output")]
    json: bool,
    /// Print nothing on standard output
    #[arg(long, short, help_heading = "Output")]
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

/// What serves in the worker's place.
#[derive(Debug, Default, Args)]
pub(crate) struct Supervised {
    /// Supervise this command as the worker
    ///
    /// It serves on the worker's port. `{port}` in it stands for that port.
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
    /// End a worker that does not obey by signals
    ///
    /// Its process is identified first.
    #[arg(long)]
    pub(crate) force: bool,
}
