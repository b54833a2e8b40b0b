//! The flags of the commands that look at processes, and end some.

use std::ffi::OsString;
use std::time::Duration;

use clap::Args;

use super::{Common, Flags, Output, Passed, Supervised};
use crate::config::Key;

/// `ps`
#[derive(Debug, Args)]
pub(crate) struct PsArgs {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) patterns: Patterns,
    /// Those of all of this user's identities below the usual directory
    #[arg(long)]
    pub(crate) all: bool,
    /// Show them on the whole terminal, live, with keys to look closer and to stop
    #[arg(long, short)]
    pub(crate) watch: bool,
    /// How often --watch looks, 200 ms to 1 h
    #[arg(long, value_name = "TIME", default_value = "2s", requires = "watch", value_parser = interval)]
    interval: Duration,
}

impl PsArgs {
    /// How often it is looked.
    pub(crate) fn interval(&self) -> Duration {
        self.interval
    }
}

fn interval(text: &str) -> Result<Duration, String> {
    let interval = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    let bounds = Duration::from_millis(200)..=Duration::from_secs(3600);
    if bounds.contains(&interval) { Ok(interval) } else { Err("not between 200ms and 1h".to_owned()) }
}

/// `reap`
#[derive(Debug, Args)]
pub(crate) struct ReapArgs {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) patterns: Patterns,
    /// End them without asking
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// Keep this process and what comes from it (repeatable)
    #[arg(long, value_name = "PID")]
    pub(crate) keep: Vec<u32>,
    /// How long they may take to obey before they are killed
    #[arg(long, value_name = "TIME", default_value = "3s")]
    within: humantime::Duration,
}

impl ReapArgs {
    /// How long they may take to obey.
    pub(crate) fn patience(&self) -> Duration {
        self.within.into()
    }
}

/// `adopt`
#[derive(Debug, Args)]
pub(crate) struct AdoptArgs {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) passed: Passed,
    /// The daemon, if nothing in the configuration says what it looks like; it has to have the identity's port all the same
    #[arg(value_name = "PID")]
    pub(crate) pid: Option<u32>,
    #[command(flatten)]
    pub(crate) supervised: Supervised,
    #[command(flatten)]
    pub(crate) patterns: Patterns,
    /// Replace it without asking
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// How long it may take to end before it is killed; --deadline counts from then on
    #[arg(long, value_name = "TIME", default_value = "5s")]
    within: humantime::Duration,
    /// Change nothing: print what the configuration needs for the same program to be supervised
    #[arg(long, conflicts_with_all = ["yes", "command"])]
    pub(crate) print_config: bool,
}

impl AdoptArgs {
    /// How long it may take to end.
    pub(crate) fn patience(&self) -> Duration {
        self.within.into()
    }
}

/// What strays look like.
#[derive(Debug, Default, Args)]
pub(crate) struct Patterns {
    /// The processes that look like the worker's program, as JSON; a configuration file has [strays]
    #[arg(long, value_name = "JSON")]
    strays: Option<OsString>,
}

impl Patterns {
    /// Adds the values of these flags.
    pub(crate) fn add_to(&self, flags: &mut Flags) {
        flags.extend(self.strays.clone().map(|strays| (Key::Strays, strays)));
    }
}
