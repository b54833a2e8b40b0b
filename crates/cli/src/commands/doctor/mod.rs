//! `oneworker doctor`: everything that can be wrong with an identity, and how to mend it. Says nothing where nothing is.

mod bundle;
mod case;
mod checks;
mod finding;

use coordinator::machine::Machine;
use coordinator::system;
use serde::Serialize;
use serde_json::Value;

use super::{Done, Request};
use crate::args::DoctorArgs;
use crate::exit::{self, Exit};
use crate::failure::Failure;
use crate::output::{self, Mode, SCHEMA, printable};
use case::Case;
use checks::CHECKS;
use finding::{Finding, Level};

pub(super) fn run(args: &DoctorArgs) -> Done {
    if let Some(file) = &args.try_lock {
        return Ok(checks::locks::try_from_here(file));
    }
    let mut flags = args.common.flags();
    args.patterns.add_to(&mut flags);
    let request = Request::new(&flags, &args.common.file(), false)?;
    if let Some(path) = &args.bundle {
        return bundle::run(path, args.output.mode(), &request);
    }
    let diagnoses = examine(&system::machine(), &request, args.repair)?;
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
        diagnoses.extend(examine(&case).into_iter().map(|finding| Diagnosis::new(check, finding, repair)));
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
    /// Whether it was mended, if that was tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    repaired: Option<bool>,
}

impl Diagnosis {
    fn new(check: &'static str, finding: Finding, repair: bool) -> Self {
        let Finding { level, message, mut help, repair: cure } = finding;
        let mended = cure.filter(|_| repair).map(|cure| cure.apply());
        if let Some(Err(error)) = &mended {
            help = format!("{help} It could not be mended: {error}.");
        }
        Self { check, level, message, help, repaired: mended.map(|mended| mended.is_ok()) }
    }

    fn words(&self) -> String {
        let level = match (self.repaired, self.level) {
            (Some(true), _) => "mended",
            (_, Level::Problem) => "problem",
            (_, Level::Warning) => "warning",
        };
        let help = if self.repaired == Some(true) { String::new() } else { format!("\n  {}", self.help) };
        format!("{level}: {}: {}{help}", self.check, self.message)
    }
}
