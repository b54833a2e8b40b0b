//! `oneworker reap`: ends strays, and nobody else.

use coordinator::machine::{Pid, ProcessIdentity};
use coordinator::{EnsureError, system};
use serde::Serialize;

use super::super::question;
use super::choice::{Choice, choose};
use super::ending::{EndOutcome, ProcessEnd, end};
use super::rows::{Row, rows};
use super::table::{coloured, table};
use super::view::View;
use crate::args::ReapArgs;
use crate::census::ProcessKind;
use crate::errors;
use crate::exit::{self, Exit};
use crate::failure::Failure;
use crate::output::{self, Mode, SCHEMA, printable};
use crate::request::{Done, Request};

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
    let plan = ReapPlan::new(&view, &choice);
    let mode = args.output.mode();
    if choice.end.is_empty() {
        output::result(mode, &plan.nothing(), &ReapOutput::new(&plan, &[]))?;
        return Ok(exit::OK);
    }
    if !args.yes {
        let asked = question::can_be_asked(mode);
        output::result(mode, &plan.words(), &ReapOutput::new(&plan, &[]))?;
        if !asked || !question::consent(&format!("End these {} processes?", choice.end.len())) {
            if !asked {
                output::note("nothing was ended: --yes ends them");
            }
            return Ok(errors::exit_of("strays"));
        }
    } else if mode == Mode::Human {
        output::result(mode, &plan.words(), &ReapOutput::new(&plan, &[]))?;
    }
    let targets: Vec<ProcessIdentity> =
        choice.end.keys().filter_map(|pid| Some(view.census.mine.get(pid)?.identity.clone())).collect();
    let ends =
        request.block_on(async { Ok::<_, EnsureError>(end(&machine, &targets, args.patience()).await) })?;
    let words: Vec<String> = ends.iter().map(ProcessEnd::words).collect();
    output::result(mode, &printable(&words.join("\n")), &ReapOutput::new(&plan, &ends))?;
    Ok(code(&ends))
}

fn code(ends: &[ProcessEnd]) -> Exit {
    let left = ends.iter().any(|end| matches!(end.outcome, EndOutcome::Failed | EndOutcome::Traced));
    if left { errors::exit_of("strays") } else { exit::OK }
}

/// What is said before anything is done.
struct ReapPlan {
    end: Vec<Row>,
    keep: Vec<Row>,
}

impl ReapPlan {
    fn new(view: &View, choice: &Choice) -> Self {
        let strays: Vec<Row> =
            rows(view, false).into_iter().filter(|row| row.kind == ProcessKind::Stray).collect();
        let part = |of: &std::collections::BTreeMap<Pid, String>| -> Vec<Row> {
            let why = |row: &Row| of.get(&Pid(row.pid)).cloned();
            strays.iter().filter_map(|row| Some(Row { why: Some(why(row)?), ..row.clone() })).collect()
        };
        Self { end: part(&choice.end), keep: part(&choice.keep) }
    }

    fn words(&self) -> String {
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
struct ReapOutput<'a> {
    schema: u32,
    to_end: &'a [Row],
    to_keep: &'a [Row],
    ended: &'a [ProcessEnd],
}

impl<'a> ReapOutput<'a> {
    fn new(plan: &'a ReapPlan, ended: &'a [ProcessEnd]) -> Self {
        Self { schema: SCHEMA, to_end: &plan.end, to_keep: &plan.keep, ended }
    }
}
