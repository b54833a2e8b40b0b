//! The flags of the commands that look at processes, and end some.

use std::time::Duration;

use clap::Args;

use super::setting_flags::{Passed, Patterns};
use super::shared::{Common, Output, Supervised, without};

/// `ps`
#[derive(Debug, Args)]
#[command(mut_args(without(&["hang-limit"])))]
pub(crate) struct PsArgs {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) patterns: Patterns,
    /// Those of all identities of this user
    ///
    /// They are looked for below the usual directory.
    #[arg(long)]
    pub(crate) all: bool,
    /// Show them live, on the whole terminal
    ///
    /// There are keys to look closer and to stop.
    #[arg(long, short)]
    pub(crate) watch: bool,
    /// How often --watch looks
    ///
    /// 200ms to 1h.
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
#[command(mut_args(without(&["hang-limit"])))]
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
    /// Keep this process and what comes from it
    ///
    /// Repeat the flag for more processes.
    #[arg(long, value_name = "PID")]
    pub(crate) keep: Vec<u32>,
    /// The time to obey before a kill
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
    /// The daemon
    ///
    /// It is needed if nothing in the configuration says what the daemon looks like. It must have the
    /// identity's port all the same.
    #[arg(value_name = "PID")]
    pub(crate) pid: Option<u32>,
    #[command(flatten)]
    pub(crate) supervised: Supervised,
    #[command(flatten)]
    pub(crate) patterns: Patterns,
    /// Replace it without asking
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// The time to end before a kill
    ///
    /// --deadline counts from then on.
    #[arg(long, value_name = "TIME", default_value = "5s")]
    within: humantime::Duration,
    /// Print what the configuration needs; change nothing
    ///
    /// With it the same program is supervised.
    #[arg(long, conflicts_with_all = ["yes", "command"])]
    pub(crate) print_config: bool,
}

impl AdoptArgs {
    /// How long it may take to end.
    pub(crate) fn patience(&self) -> Duration {
        self.within.into()
    }
}
