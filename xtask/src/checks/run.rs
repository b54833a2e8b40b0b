//! Choosing steps, running them, and telling how they ended.

use std::io::Write as _;
use std::time::{Duration, Instant};

use super::steps::{Step, of_check, of_ci};
use super::verdict::Verdict;
use crate::error::Error;

/// `check`
#[derive(Debug, clap::Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    choice: Choice,
}

/// `ci`
#[derive(Debug, clap::Args)]
pub(crate) struct CiArgs {
    #[command(flatten)]
    choice: Choice,
}

/// Which steps, and what to do about those that fail.
#[derive(Debug, Default, clap::Args)]
struct Choice {
    /// Print the names of the steps and run nothing
    #[arg(long)]
    list: bool,
    /// Run this step only; may be given several times
    #[arg(long = "step", value_name = "NAME")]
    steps: Vec<String>,
    /// Run the steps before this one
    #[arg(long, value_name = "NAME", conflicts_with = "steps")]
    before: Option<String>,
    /// Run the steps after this one
    #[arg(long, value_name = "NAME", conflicts_with = "steps")]
    after: Option<String>,
    /// Run the other steps when one fails
    #[arg(long)]
    keep_going: bool,
    /// Fail if a step was skipped
    #[arg(long)]
    strict: bool,
}

/// How a step ended, and how long it took.
struct Report {
    name: &'static str,
    ended: Result<Verdict, Error>,
    took: Duration,
}

pub(crate) fn check(args: &CheckArgs) -> Result<(), Error> {
    go(&of_check().collect::<Vec<_>>(), &args.choice)
}

pub(crate) fn ci(args: &CiArgs) -> Result<(), Error> {
    go(&of_ci().collect::<Vec<_>>(), &args.choice)
}

fn go(all: &[&'static Step], choice: &Choice) -> Result<(), Error> {
    let chosen = chosen(all, choice)?;
    if choice.list {
        chosen.iter().for_each(|step| show(format_args!("{:<14}{}", step.name, step.about)));
        return Ok(());
    }
    let began = Instant::now();
    let mut reports = Vec::new();
    for step in chosen {
        show(format_args!("\n== {}: {}  [{}s]", step.name, step.about, began.elapsed().as_secs()));
        let start = Instant::now();
        let ended = (step.run)();
        if let Err(error) = &ended {
            show(format_args!("{error}"));
        }
        let failed = ended.is_err();
        reports.push(Report { name: step.name, ended, took: start.elapsed() });
        if failed && !choice.keep_going {
            break;
        }
    }
    show(format_args!(""));
    reports.iter().for_each(|report| show(format_args!("{}", line(report))));
    conclude(reports, choice.strict)
}

/// The steps to run, in their order.
fn chosen(all: &[&'static Step], choice: &Choice) -> Result<Vec<&'static Step>, Error> {
    let place = |name: &String| {
        all.iter().position(|step| step.name == name).ok_or_else(|| Error::Unmet {
            what: "no such step".to_owned(),
            found: name.clone(),
            wanted: "`--list` prints their names",
        })
    };
    if !choice.steps.is_empty() {
        let places = choice.steps.iter().map(place).collect::<Result<Vec<_>, _>>()?;
        return Ok((0..all.len()).filter(|at| places.contains(at)).map(|at| all[at]).collect());
    }
    let first = choice.after.as_ref().map(place).transpose()?.map_or(0, |at| at + 1);
    let end = choice.before.as_ref().map(place).transpose()?.unwrap_or(all.len());
    Ok(all.get(first..end).unwrap_or_default().to_vec())
}

fn line(report: &Report) -> String {
    let (word, note) = match &report.ended {
        Ok(Verdict::Passed) => ("passed", ""),
        Ok(Verdict::PassedInPart(note)) => ("passed in part", note.as_str()),
        Ok(Verdict::Skipped(reason)) => ("skipped", reason.as_str()),
        Err(_) => ("FAILED", "see above"),
    };
    format!("{:<14}{word:<16}{:>6.1} s  {note}", report.name, report.took.as_secs_f64()).trim_end().to_owned()
}

/// An error if a step failed, or was skipped and must not be.
fn conclude(reports: Vec<Report>, strict: bool) -> Result<(), Error> {
    let names: Vec<_> = reports
        .iter()
        .filter(|report| match report.ended {
            Err(_) => true,
            Ok(Verdict::Skipped(_)) => strict,
            Ok(_) => false,
        })
        .map(|report| report.name)
        .collect();
    if names.is_empty() { Ok(()) } else { Err(Error::Steps { names }) }
}

fn show(line: std::fmt::Arguments<'_>) {
    let mut stdout = std::io::stdout();
    // A reader that has gone has seen enough.
    let _ = writeln!(stdout, "{line}");
    let _ = stdout.flush();
}

#[cfg(test)]
mod tests {
    use super::super::steps::STEPS;
    use super::*;

    fn names(all: &[&'static Step], choice: Choice) -> Vec<&'static str> {
        chosen(all, &choice).unwrap().iter().map(|step| step.name).collect()
    }

    fn report(ended: Result<Verdict, Error>) -> Report {
        Report { name: "a", ended, took: Duration::from_millis(1500) }
    }

    #[test]
    fn before_one_that_step_and_after_make_the_whole() {
        let all: Vec<_> = of_ci().collect();
        let tests = || Some("tests".to_owned());
        let mut parts = names(&all, Choice { before: tests(), ..Choice::default() });
        parts.push("tests");
        parts.extend(names(&all, Choice { after: tests(), ..Choice::default() }));
        assert_eq!(parts, names(&all, Choice::default()));
    }

    #[test]
    fn named_steps_run_in_the_order_of_the_list() {
        let all: Vec<_> = of_ci().collect();
        let choice = Choice { steps: vec!["lints".into(), "format".into()], ..Choice::default() };
        assert_eq!(names(&all, choice), ["format", "lints"]);
    }

    #[test]
    fn a_step_that_does_not_exist_is_refused() {
        let all: Vec<_> = of_ci().collect();
        let choice = Choice { steps: vec!["unit".into()], ..Choice::default() };
        assert!(matches!(chosen(&all, &choice), Err(Error::Unmet { .. })));
    }

    #[test]
    fn names_of_steps_are_unique() {
        let mut names: Vec<_> = STEPS.iter().map(|step| step.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), STEPS.len());
    }

    #[test]
    fn check_is_format_lints_and_unit_tests() {
        assert_eq!(of_check().map(|step| step.name).collect::<Vec<_>>(), ["format", "lints", "unit"]);
    }

    #[test]
    fn a_skipped_step_fails_only_if_that_is_asked_for() {
        let skipped = || vec![report(Ok(Verdict::Passed)), report(Ok(Verdict::Skipped("why".into())))];
        assert!(conclude(skipped(), false).is_ok());
        assert!(matches!(conclude(skipped(), true), Err(Error::Steps { names }) if names == ["a"]));
    }

    #[test]
    fn a_line_says_how_a_step_ended() {
        assert_eq!(line(&report(Ok(Verdict::Passed))), "a             passed             1.5 s");
        let skipped = report(Ok(Verdict::Skipped("why".into())));
        assert_eq!(line(&skipped), "a             skipped            1.5 s  why");
    }
}
