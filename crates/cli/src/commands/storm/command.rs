//! The command, and what it says of the outcome.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Serialize;

use super::directory::StormDirectory;
use super::picture;
use super::sessions::{self, StormSession};
use crate::args::StormArgs;
use crate::exit;
use crate::failure::Failure;
use crate::output::{self, SCHEMA, printable};
use crate::request::Done;

pub(in super::super) fn run(args: &StormArgs) -> Done {
    let number = usize::from(args.sessions);
    let directory = StormDirectory::make()
        .map_err(|error| Failure::io("no directory can be made for the storm", &error))?;
    let sessions =
        if args.naive { sessions::naive(&directory, number) } else { sessions::at_once(&directory, number) };
    let sessions = sessions.map_err(|error| Failure::io("the sessions can't be started", &error))?;
    let workers: BTreeSet<u32> = sessions.iter().filter_map(|session| session.worker).collect();
    let failed = sessions.iter().filter(|session| session.worker.is_none()).count();
    let tenures = directory.tenures();
    drop(directory);
    let longest = sessions.iter().map(|session| session.end).max().unwrap_or_default();
    let answer = StormOutput {
        schema: SCHEMA,
        naive: args.naive,
        workers: workers.len(),
        tenures,
        failed,
        elapsed_ms: crate::fields::ms(longest),
        one: workers.len() == 1 && tenures == 1 && failed == 0,
        sessions: &sessions,
    };
    let words = format!("{}\n{}", picture::draw(&sessions, picture::window()), answer.verdict());
    output::result(args.output.mode(), &printable(&words), &answer)?;
    // What sessions without an election do is no news.
    Ok(if answer.one || args.naive { exit::OK } else { exit::OTHER })
}

/// The shape of the answer.
#[derive(Serialize)]
struct StormOutput<'a> {
    schema: u32,
    naive: bool,
    /// How many different ones the sessions were given.
    workers: usize,
    /// How many were in office.
    tenures: usize,
    /// Sessions that were given none.
    failed: usize,
    elapsed_ms: u64,
    /// Whether it was one and the same for all.
    one: bool,
    sessions: &'a [StormSession],
}

impl StormOutput<'_> {
    fn verdict(&self) -> String {
        let number = self.sessions.len();
        let within = humantime::format_duration(Duration::from_millis(self.elapsed_ms));
        match self {
            Self { one: true, .. } => format!("{number} sessions, one worker, within {within}."),
            Self { naive: true, workers, .. } => format!(
                "{number} sessions that looked first and started one if there was none: {workers} workers, within {within}. Without --naive they elect."
            ),
            Self { workers, failed, tenures, .. } => format!(
                "{number} sessions, {workers} workers in {tenures} tenures, {failed} sessions without one, within {within}: this is not as it should be."
            ),
        }
    }
}
