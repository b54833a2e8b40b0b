//! `oneworker doctor`: everything that can be wrong with an identity, and how to mend it. Says nothing where nothing is.

mod bundle;
mod case;
mod checks;
mod finding;
mod repair;

use std::io;

use coordinator::machine::Machine;
use coordinator::system;
use serde::Serialize;
use serde_json::Value;

use crate::args::DoctorArgs;
use crate::exit::{self, Exit};
use crate::explain;
use crate::failure::Failure;
use crate::output::{self, Mode, SCHEMA, printable};
use crate::request::{Done, Request, settings};
use case::Case;
use checks::{CHECKS, CONFIG};
use finding::{Finding, Level};
use repair::Mended;

pub(super) fn run(args: &DoctorArgs) -> Done {
    if let Some(file) = &args.try_lock {
        return Ok(checks::locks::try_from_here(file));
    }
    let mut flags = args.common.flags();
    args.patterns.add_to(&mut flags);
    if let Err(error) = settings(&flags, &args.common.file())
        && error.is_of_file()
    {
        let finding = Finding::problem(error.to_string(), explain::config(&error));
        return say(args, vec![Diagnosis::new(CONFIG, finding, false, None)]);
    }
    let request = Request::new(&flags, &args.common.file(), false)?;
    if let Some(path) = &args.bundle {
        return bundle::run(path, args.output.mode(), &request);
    }
    say(args, examine(&system::machine(), &request, args.repair)?)
}

fn say(args: &DoctorArgs, diagnoses: Vec<Diagnosis>) -> Done {
    let words: Vec<String> = diagnoses.iter().map(Diagnosis::words).collect();
    let answer = Answer::new(&diagnoses);
    if args.output.mode() != Mode::Human || !words.is_empty() {
        output::result(args.output.mode(), &printable(&words.join("\n")), &answer)?;
    }
    Ok(code(&diagnoses))
}

/// What all checks found, and what was done about it.
fn examine(machine: &Machine, request: &Request, repair: bool) -> Result<Vec<Diagnosis>, Failure> {
    let case = Case::take(machine, request)?;
    let mut diagnoses: Vec<Diagnosis> = Vec::new();
    for (check, examine) in CHECKS {
        for mut finding in examine(&case) {
            let repairable = finding.repair.is_some();
            if repairable && !repair {
                let command = case.words.command("doctor --repair");
                finding.help = format!("{} Or: {command}", finding.help);
            }
            let mended = match finding.repair.take_if(|_| repair) {
                Some(repair) => Some(request.block_on(async { Ok(repair.apply(machine, case.dir).await) })?),
                None => None,
            };
            diagnoses.push(Diagnosis::new(check, finding, repairable, mended));
        }
    }
    Ok(diagnoses)
}

/// What `--json` prints, where nothing is to be mended.
fn report(machine: &Machine, request: &Request) -> Result<Value, Failure> {
    Ok(output::value(&Answer::new(&examine(machine, request, false)?)))
}

fn code(diagnoses: &[Diagnosis]) -> Exit {
    let wrong = diagnoses
        .iter()
        .any(|diagnosis| diagnosis.level == Level::Problem && diagnosis.repaired != Some(true));
    if wrong { exit::of("unhealthy") } else { exit::OK }
}

/// The shape of the answer.
#[derive(Serialize)]
struct Answer<'a> {
    schema: u32,
    checks: Vec<&'static str>,
    findings: &'a [Diagnosis],
}

impl<'a> Answer<'a> {
    fn new(findings: &'a [Diagnosis]) -> Self {
        Self { schema: SCHEMA, checks: CHECKS.iter().map(|(name, _)| *name).collect(), findings }
    }
}

/// What a check found, and what was done about it.
#[derive(Serialize)]
struct Diagnosis {
    check: &'static str,
    level: Level,
    message: String,
    help: String,
    /// Whether it is of those that `--repair` mends.
    repairable: bool,
    /// Whether it was mended, if that was tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    repaired: Option<bool>,
    /// How what was mended was before, and is now.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<String>,
}

impl Diagnosis {
    fn new(
        check: &'static str,
        finding: Finding,
        repairable: bool,
        mended: Option<io::Result<Mended>>,
    ) -> Self {
        let Finding { level, message, mut help, .. } = finding;
        let repaired = mended.as_ref().map(Result::is_ok);
        let (mut before, mut after) = (None, None);
        match mended {
            Some(Ok(mended)) => (before, after) = (Some(mended.before), Some(mended.after)),
            Some(Err(error)) => help = format!("{help} It could not be mended: {error}."),
            None => {}
        }
        Self { check, level, message, help, repairable, repaired, before, after }
    }

    fn words(&self) -> String {
        let level = match (self.repaired, self.level) {
            (Some(true), _) => "mended",
            (_, Level::Problem) => "problem",
            (_, Level::Warning) => "warning",
        };
        let more = match (&self.before, &self.after) {
            (Some(before), Some(after)) => format!("it was: {before}\n  it is: {after}"),
            _ => self.help.clone(),
        };
        format!("{level}: {}: {}\n  {more}", self.check, self.message)
    }
}
