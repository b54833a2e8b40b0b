//! `oneworker events`: the history, one line for each event.

use std::time::{Duration, SystemTime};

use coordinator::lifecycle::{Noted, Wanted};
use serde::Serialize;
use serde_json::Value;

use super::read::read;
use super::sentence::sentence;
use crate::args::EventsArgs;
use crate::exit;
use crate::failure::Failure;
use crate::output::{self, Mode, SCHEMA, printable};
use crate::request::{Done, Request};

/// So many events, if nothing else is said.
const LINES: u32 = 50;
/// How often `-f` reads the history.
const POLL_INTERVAL: Duration = Duration::from_millis(300);

pub(in super::super) fn run(args: &EventsArgs) -> Done {
    let request = Request::new(&args.common.flags(), &args.common.file(), false)?;
    let mode = args.output.mode();
    let since = args.since.map(|since| since.0);
    let limit = args.lines.unwrap_or(if since.is_some() { u32::MAX } else { LINES });
    let first = read(&request, &Wanted { after: i64::MIN, since, limit })?;
    if first.is_empty() && mode == Mode::Human {
        output::note(&format!("nothing was noted yet in {}", request.ensure.id().state_dir().display()));
    }
    let mut last = print(mode, &first, i64::MIN)?;
    while args.follow && output::is_read() {
        std::thread::sleep(POLL_INTERVAL);
        // What is missed by one read is found by the next.
        if let Ok(news) = read(&request, &Wanted { after: last, since: None, limit: u32::MAX }) {
            last = print(mode, &news, last)?;
        }
    }
    Ok(exit::OK)
}

/// What `events --json` prints, of the last events.
pub(in super::super) fn report(request: &Request) -> Result<Vec<Value>, Failure> {
    let last = read(request, &Wanted { after: i64::MIN, since: None, limit: 500 })?;
    Ok(last.iter().map(|noted| output::value(&EventObject::new(noted))).collect())
}

/// Prints these, and returns the number of the last one.
fn print(mode: Mode, events: &[Noted], before: i64) -> Result<i64, Failure> {
    for noted in events {
        output::result(mode, &line(noted), &EventObject::new(noted))?;
    }
    Ok(events.last().map_or(before, |noted| noted.id))
}

fn line(noted: &Noted) -> String {
    let kind = noted.event.kind.as_str();
    printable(&format!("{}  {kind:<13}  {}", time(noted.event.at), sentence(&noted.event)))
}

/// To the millisecond: what happens at one start happens within one second.
pub(super) fn time(at: SystemTime) -> String {
    humantime::format_rfc3339_millis(at).to_string()
}

/// An event in JSON.
#[derive(Debug, Serialize)]
pub(super) struct EventObject<'a> {
    schema: u32,
    id: i64,
    at: String,
    kind: &'static str,
    noted_by: u32,
    pid: Option<u32>,
    epoch: Option<u64>,
    version: Option<&'a str>,
    program: Option<&'a str>,
    reason: Option<&'a str>,
    text: String,
}

impl<'a> EventObject<'a> {
    pub(super) fn new(noted: &'a Noted) -> Self {
        let event = &noted.event;
        Self {
            schema: SCHEMA,
            id: noted.id,
            at: time(event.at),
            kind: event.kind.as_str(),
            noted_by: event.noted_by.0,
            pid: event.worker.map(|pid| pid.0),
            epoch: event.epoch.map(|epoch| epoch.0),
            version: event.version.as_deref(),
            program: event.program.as_deref(),
            reason: event.reason.as_deref(),
            text: sentence(event),
        }
    }
}

#[cfg(test)]
mod tests {
    use coordinator::lifecycle::EventKind;

    use super::super::sentence::samples::event;
    use super::*;

    #[test]
    fn an_event_in_json_has_the_documented_fields() {
        let noted = event(EventKind::TenureEnded, 5, 3, Some("asked to stop"));
        let json = serde_json::to_value(EventObject::new(&noted)).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "schema": 1, "id": 5, "at": "2026-01-31T08:00:05.000Z", "kind": "tenure_ended", "noted_by": 7, "pid": 103,
                "epoch": 3, "version": "1.2.3", "program": "/opt/a/oneworker", "reason": "asked to stop",
                "text": "worker 103 left office (epoch 3): asked to stop",
            })
        );
    }

    #[test]
    fn a_line_can_not_command_the_terminal() {
        let noted = event(EventKind::TenureEnded, 5, 3, Some("\u{1b}[2J"));
        assert!(line(&noted).ends_with("epoch 3): \u{fffd}[2J"), "{}", line(&noted));
    }
}
