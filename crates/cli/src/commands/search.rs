//! `oneworker search` and `oneworker tail`: what was observed.

use std::time::Duration;

use serde::Serialize;
use worker::api::Observation;

use crate::args::{SearchArgs, TailArgs};
use crate::exit;
use crate::failure::Failure;
use crate::output::{self, Mode, SCHEMA, printable};
use crate::request::{Done, Request};

/// How often `tail -f` asks the worker.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// Observations that are asked for at once.
const PAGE: u32 = 200;

pub(super) fn search(args: &SearchArgs) -> Done {
    #[derive(Serialize)]
    struct SearchOutput {
        schema: u32,
        observations: Vec<Observation>,
    }
    let request = Request::new(&args.common.flags(), &args.common.file(), true)?;
    let (words, filter) = (args.words.join(" "), args.filter.filter());
    let observations = request.ask(async |client| client.search(&words, &filter, args.limit).await)?;
    let lines: Vec<String> = observations.iter().map(line).collect();
    if lines.is_empty() && args.output.mode() == Mode::Human {
        output::note("nothing was found");
        return Ok(exit::OK);
    }
    output::result(args.output.mode(), &lines.join("\n"), &SearchOutput { schema: SCHEMA, observations })?;
    Ok(exit::OK)
}

pub(super) fn tail(args: &TailArgs) -> Done {
    let request = Request::new(&args.common.flags(), &args.common.file(), true)?;
    let (filter, mode) = (args.filter.filter(), args.output.mode());
    let (observations, mut cursor) = request.ask(async |client| client.last(&filter, args.lines).await)?;
    print(mode, &observations)?;
    // Whoever only watches does not start a worker that somebody has stopped.
    let watching = Request::new(&args.common.flags(), &args.common.file(), false)?;
    while args.follow && output::is_read() {
        std::thread::sleep(POLL_INTERVAL);
        let (observations, next) = match watching.ask(async |client| client.list(&filter, cursor, PAGE).await)
        {
            Err(failure) if failure.exit() == exit::NOT_RUNNING => continue,
            listed => listed?,
        };
        cursor = next;
        print(mode, &observations)?;
    }
    Ok(exit::OK)
}

/// One line for each, in JSON too.
fn print(mode: Mode, observations: &[Observation]) -> Result<(), Failure> {
    observations.iter().try_for_each(|observation| output::result(mode, &line(observation), observation))
}

/// Number, time, session and kind, and what was found, on one line.
fn line(observation: &Observation) -> String {
    let at = Duration::from_millis(u64::try_from(observation.at_ms).unwrap_or(0));
    let at = humantime::format_rfc3339_seconds(std::time::SystemTime::UNIX_EPOCH + at);
    let text = observation.snippet.as_ref().unwrap_or(&observation.text).replace(['\n', '\r'], " ");
    let Observation { id, session, kind, .. } = observation;
    printable(&format!("{id}  {at}  {session}  {kind}: {text}"))
}
