//! `oneworker explain`: the history as a story, with how it stands now, and why the last worker ended.

use std::time::SystemTime;

use coordinator::lifecycle::{Noted, Wanted};
use coordinator::record::LaunchOutcome;
use coordinator::{Sight, system};
use humantime::format_duration;
use serde::Serialize;

use super::super::condition::{WorkerCondition, inspect_worker, record_in_office};
use super::events::{EventObject, time};
use super::read::read;
use super::sentence::sentence;
use super::story::{PastTenure, TenureEnd, last_begins, tenures};
use crate::args::ExplainArgs;
use crate::exit;
use crate::output::{self, SCHEMA, printable};
use crate::request::{Done, Request};

/// A story of more events than these is none.
const EVENTS: u32 = 200;

pub(in super::super) fn run(args: &ExplainArgs) -> Done {
    let request = Request::new(&args.common.flags(), &args.common.file(), false)?;
    let since = args.since.map(|since| since.0);
    let limit = if since.is_some() { u32::MAX } else { EVENTS };
    let mut events = read(&request, &Wanted { after: i64::MIN, since, limit })?;
    let sight = request.block_on(inspect_worker(&system::machine(), &request))?;
    // All of them: how the one before the last ended is part of the last one's story.
    let past = tenures(&events);
    if args.last {
        events.drain(..last_begins(&events));
    }
    let answer = ExplainOutput::new(&request, &sight, &past, &events);
    output::result(args.output.mode(), &answer.words(), &answer)?;
    Ok(exit::OK)
}

/// The shape of the answer.
#[derive(Serialize)]
struct ExplainOutput<'a> {
    schema: u32,
    name: &'a str,
    state: WorkerCondition,
    now: String,
    last_end: Option<LastEnd>,
    held_back: Option<String>,
    events: Vec<EventObject<'a>>,
    #[serde(skip)]
    lines: Vec<String>,
}

/// How the last tenure that is over ended.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct LastEnd {
    epoch: u64,
    pid: Option<u32>,
    in_good_order: bool,
    at: Option<String>,
    served: Option<String>,
    why: String,
}

impl<'a> ExplainOutput<'a> {
    fn new(request: &'a Request, sight: &Sight, tenures: &[PastTenure], events: &'a [Noted]) -> Self {
        let state = WorkerCondition::of(sight);
        Self {
            schema: SCHEMA,
            name: request.settings.name.value.as_str(),
            state,
            now: now(sight, state),
            last_end: last_end(sight, tenures, &request.words.command("logs")),
            held_back: held_back(sight),
            events: events.iter().map(EventObject::new).collect(),
            lines: events
                .iter()
                .map(|noted| format!("{}  {}", time(noted.event.at), sentence(&noted.event)))
                .collect(),
        }
    }

    fn words(&self) -> String {
        let mut paragraphs = Vec::new();
        if self.lines.is_empty() {
            paragraphs.push("Nothing was noted yet.".to_owned());
        } else {
            paragraphs.push(self.lines.join("\n"));
        }
        paragraphs.push(format!("Now: {}", self.now));
        paragraphs.extend(self.last_end.as_ref().map(LastEnd::words));
        paragraphs.extend(self.held_back.clone());
        printable(&paragraphs.join("\n\n"))
    }
}

impl LastEnd {
    fn words(&self) -> String {
        let pid = self.pid.map(|pid| format!(", pid {pid}")).unwrap_or_default();
        let at = self.at.as_ref().map(|at| format!(" at {at}")).unwrap_or_default();
        let served =
            self.served.as_ref().map(|served| format!(", after {served} in office")).unwrap_or_default();
        format!("The last one to end: epoch {}{pid} ended{at}{served}: {}", self.epoch, self.why)
    }
}

fn now(sight: &Sight, state: WorkerCondition) -> String {
    let record = record_in_office(sight);
    let pid = sight.holder.or(record.map(|record| record.process.pid));
    let who = pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default();
    let install =
        record.map(|record| format!(", version {} from {}", record.version, record.program.display()));
    let epoch =
        record.and_then(|record| record.epoch).map(|epoch| format!(", epoch {epoch}")).unwrap_or_default();
    let which = format!("{who}{epoch}{}", install.unwrap_or_default());
    match state {
        WorkerCondition::NotRunning => "nobody is in office.".to_owned(),
        WorkerCondition::Ready => format!("a worker is in office and well{which}."),
        WorkerCondition::Starting => format!("a worker is starting{which}."),
        WorkerCondition::Leaving => format!("a worker is on its way out{which}."),
        WorkerCondition::Unresponsive => format!("a worker is in office and does not answer{which}."),
    }
}

/// The last tenure that is over, and why.
fn last_end(sight: &Sight, tenures: &[PastTenure], logs: &str) -> Option<LastEnd> {
    let in_office = record_in_office(sight).and_then(|record| record.epoch);
    // Of a worker in office that has said nothing of itself, it is not known which it is.
    let is_over = |epoch| !sight.in_office || in_office.is_some_and(|now| now > epoch);
    let tenure =
        tenures.iter().rev().find(|tenure| tenure.end != TenureEnd::Unknown || is_over(tenure.epoch))?;
    let (at, why) = match &tenure.end {
        TenureEnd::Left { at, why } => (Some(*at), why.clone()),
        TenureEnd::Replaced { at, why } => (Some(*at), format!("a session ended it, since {why}")),
        TenureEnd::Unknown => (
            None,
            format!(
                "it said nothing of its end, so it crashed or was killed (by somebody, or by the kernel where memory runs out); {logs} may show more"
            ),
        ),
    };
    let served = |at: SystemTime| at.duration_since(tenure.began?).ok();
    let seconds = |served: std::time::Duration| std::time::Duration::from_secs(served.as_secs().max(1));
    Some(LastEnd {
        epoch: tenure.epoch.0,
        pid: tenure.pid.map(|pid| pid.0),
        in_good_order: matches!(tenure.end, TenureEnd::Left { .. }),
        at: at.map(time),
        served: at.and_then(served).map(|served| format_duration(seconds(served)).to_string()),
        why,
    })
}

/// Why the next launch may have to wait.
fn held_back(sight: &Sight) -> Option<String> {
    let launch = sight.launch.as_ref().filter(|_| !sight.in_office)?;
    let last =
        launch.last_error.as_deref().map(|error| format!("; the last one: {error}")).unwrap_or_default();
    match &launch.outcome {
        Some(LaunchOutcome::PortTaken { port, program, .. }) => {
            let by = program.as_deref().unwrap_or("another program");
            Some(format!("No worker is launched while port {port} is held by {by}."))
        }
        _ if launch.failures > 0 => {
            Some(format!("Launches are held back, after {} failed ones in a row{last}", launch.failures))
        }
        _ => None,
    }
}
