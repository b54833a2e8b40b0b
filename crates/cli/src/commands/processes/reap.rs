//! `oneworker reap`: ends strays, and nobody else.

use std::time::{Duration, Instant};

use coordinator::machine::{Activity, Machine, Pid, ProcessIdentity, Signal, SignalOutcome};
use coordinator::{EnsureError, system};
use serde::Serialize;

use super::super::{Done, Request, question};
use super::choice::{Choice, choose};
use super::rows::{Row, rows};
use super::table::{coloured, table};
use super::view::View;
use crate::args::ReapArgs;
use crate::census::Kind;
use crate::exit::{self, Exit};
use crate::failure::Failure;
use crate::output::{self, Mode, SCHEMA, printable};

/// How long a killed process may take to be gone.
const KILL: Duration = Duration::from_secs(3);
/// How often it is looked.
const LOOK: Duration = Duration::from_millis(20);

pub(in super::super) fn run(args: &ReapArgs) -> Done {
    let mut flags = args.common.flags();
    args.patterns.add_to(&mut flags);
    let request = Request::new(&flags, &args.common.file(), false)?;
    if request.settings.strays.value.worker.is_empty() && request.settings.strays.value.helper.is_empty() {
        return Err(Failure::usage(
            "nothing says what a stray looks like: the configuration needs a table [strays], or --strays its patterns".to_owned(),
        ));
    }
    let machine = system::machine();
    let view = View::take(&machine, &request)?;
    let keep: Vec<Pid> = args.keep.iter().copied().map(Pid).collect();
    if let Some(missing) = keep.iter().find(|pid| !view.census.mine.contains_key(pid)) {
        return Err(Failure::usage(format!("--keep: there is no process {missing} of this user")));
    }
    let choice = choose(&view, &keep);
    let shown = Shown::new(&view, &choice);
    let mode = args.output.mode();
    if choice.end.is_empty() {
        output::result(mode, &shown.nothing(), &Answer::new(&shown, &[]))?;
        return Ok(exit::OK);
    }
    if !args.yes {
        let asked = question::can_be_asked(mode);
        output::result(mode, &shown.plan(), &Answer::new(&shown, &[]))?;
        if !asked || !question::consent(&format!("End these {} processes?", choice.end.len())) {
            if !asked {
                output::note("nothing was ended: --yes ends them");
            }
            return Ok(exit::of("strays"));
        }
    } else if mode == Mode::Human {
        output::result(mode, &shown.plan(), &Answer::new(&shown, &[]))?;
    }
    let targets: Vec<ProcessIdentity> =
        choice.end.keys().filter_map(|pid| Some(view.census.mine.get(pid)?.identity.clone())).collect();
    let ends =
        request.block_on(async { Ok::<_, EnsureError>(end(&machine, &targets, args.patience()).await) })?;
    let words: Vec<String> = ends.iter().map(End::words).collect();
    output::result(mode, &printable(&words.join("\n")), &Answer::new(&shown, &ends))?;
    Ok(code(&ends))
}

/// What became of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct End {
    pid: u32,
    outcome: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    /// It obeyed.
    Terminated,
    /// It had to be killed.
    Killed,
    /// It was gone already.
    Gone,
    /// A debugger came.
    Traced,
    /// It lives.
    Failed,
}

impl End {
    fn words(&self) -> String {
        let how = match self.outcome {
            Outcome::Terminated => "has ended",
            Outcome::Killed => "did not obey and was killed",
            Outcome::Gone => "was gone already",
            Outcome::Traced => "is left alone: a debugger has it",
            Outcome::Failed => "could not be ended",
        };
        let error = self.error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
        format!("process {} {how}{error}", self.pid)
    }
}

fn code(ends: &[End]) -> Exit {
    let left = ends.iter().any(|end| matches!(end.outcome, Outcome::Failed | Outcome::Traced));
    if left { exit::of("strays") } else { exit::OK }
}

/// Asks all of them to end, waits, and kills who does not. Each is looked at again right before each signal: pid, start time and boot.
async fn end(machine: &Machine, targets: &[ProcessIdentity], patience: Duration) -> Vec<End> {
    let mut ends: Vec<End> =
        targets.iter().map(|target| End { pid: target.pid.0, outcome: Outcome::Gone, error: None }).collect();
    for (target, end) in targets.iter().zip(&mut ends) {
        signal(machine, target, Signal::Terminate, Outcome::Terminated, end).await;
    }
    wait(machine, targets, patience).await;
    for (target, end) in targets.iter().zip(&mut ends) {
        if end.outcome == Outcome::Terminated && lives(machine, target).await {
            signal(machine, target, Signal::Kill, Outcome::Killed, end).await;
        }
    }
    wait(machine, targets, KILL).await;
    for (target, end) in targets.iter().zip(&mut ends) {
        if end.outcome == Outcome::Killed && lives(machine, target).await {
            (end.outcome, end.error) =
                (Outcome::Failed, Some(format!("it lives {KILL:?} after it was killed")));
        }
    }
    ends
}

async fn signal(machine: &Machine, target: &ProcessIdentity, signal: Signal, done: Outcome, end: &mut End) {
    let info = machine.processes.look(target.pid).await.ok().flatten();
    if info.is_some_and(|info| info.traced_by.is_some() || info.activity == Activity::Traced) {
        end.outcome = Outcome::Traced;
        return;
    }
    match machine.processes.signal(target, signal).await {
        Ok(SignalOutcome::Sent) => end.outcome = done,
        Ok(SignalOutcome::Gone) => {}
        Err(error) => (end.outcome, end.error) = (Outcome::Failed, Some(error.to_string())),
    }
}

/// Until all of them are gone, or the time is over.
async fn wait(machine: &Machine, targets: &[ProcessIdentity], patience: Duration) {
    let until = Instant::now() + patience;
    for target in targets {
        while lives(machine, target).await && Instant::now() < until {
            tokio::time::sleep(LOOK).await;
        }
    }
}

async fn lives(machine: &Machine, target: &ProcessIdentity) -> bool {
    let info = machine.processes.look(target.pid).await.ok().flatten();
    info.is_some_and(|info| info.identity == *target && info.activity != Activity::Zombie)
}

/// What is said before anything is done.
struct Shown {
    end: Vec<Row>,
    keep: Vec<Row>,
}

impl Shown {
    fn new(view: &View, choice: &Choice) -> Self {
        let strays: Vec<Row> = rows(view, false).into_iter().filter(|row| row.kind == Kind::Stray).collect();
        let part = |of: &std::collections::BTreeMap<Pid, String>| -> Vec<Row> {
            let why = |row: &Row| of.get(&Pid(row.pid)).cloned();
            strays.iter().filter_map(|row| Some(Row { why: Some(why(row)?), ..row.clone() })).collect()
        };
        Self { end: part(&choice.end), keep: part(&choice.keep) }
    }

    fn plan(&self) -> String {
        let mut text = format!("To end:\n{}\n{}", table(&self.end, coloured()), reasons(&self.end));
        if !self.keep.is_empty() {
            text.push_str(&format!("\nTo stay:\n{}", reasons(&self.keep)));
        }
        text
    }

    fn nothing(&self) -> String {
        if self.keep.is_empty() {
            "there are no strays".to_owned()
        } else {
            format!("There is nothing to end. To stay:\n{}", reasons(&self.keep))
        }
    }
}

fn reasons(rows: &[Row]) -> String {
    let reason = |row: &Row| printable(&format!("  {}: {}", row.pid, row.why.as_deref().unwrap_or_default()));
    rows.iter().map(reason).collect::<Vec<_>>().join("\n")
}

/// The shape of the answer.
#[derive(Serialize)]
struct Answer<'a> {
    schema: u32,
    to_end: &'a [Row],
    to_keep: &'a [Row],
    ended: &'a [End],
}

impl<'a> Answer<'a> {
    fn new(shown: &'a Shown, ended: &'a [End]) -> Self {
        Self { schema: SCHEMA, to_end: &shown.end, to_keep: &shown.keep, ended }
    }
}
