//! What all checks found, and what was done about it.

use std::io;

use coordinator::machine::Machine;
use serde::Serialize;
use serde_json::Value;

use super::case::Case;
use super::checks::CHECKS;
use super::finding::{Finding, Level};
use super::repair::Mended;
use crate::failure::Failure;
use crate::output::{self, SCHEMA};
use crate::request::Request;

/// What all checks found, and what was done about it.
pub(super) fn examine(machine: &Machine, request: &Request, repair: bool) -> Result<Vec<Diagnosis>, Failure> {
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
pub(super) fn report(machine: &Machine, request: &Request) -> Result<Value, Failure> {
    Ok(output::value(&DoctorOutput::new(&examine(machine, request, false)?)))
}

/// The shape of the answer.
#[derive(Serialize)]
pub(super) struct DoctorOutput<'a> {
    schema: u32,
    checks: Vec<&'static str>,
    findings: &'a [Diagnosis],
}

impl<'a> DoctorOutput<'a> {
    pub(super) fn new(findings: &'a [Diagnosis]) -> Self {
        Self { schema: SCHEMA, checks: CHECKS.iter().map(|(name, _)| *name).collect(), findings }
    }
}

/// What a check found, and what was done about it.
#[derive(Serialize)]
pub(super) struct Diagnosis {
    check: &'static str,
    pub(super) level: Level,
    message: String,
    help: String,
    /// Whether it is of those that `--repair` mends.
    repairable: bool,
    /// Whether it was mended, if that was tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) repaired: Option<bool>,
    /// How what was mended was before, and is now.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<String>,
}

impl Diagnosis {
    pub(super) fn new(
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

    pub(super) fn words(&self) -> String {
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
