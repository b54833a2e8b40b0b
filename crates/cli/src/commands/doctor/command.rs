//! The command: a bundle, or what is wrong.

use coordinator::system;

use super::bundle;
use super::checks::{self, CONFIG};
use super::diagnosis::{Diagnosis, DoctorOutput, examine};
use super::finding::{Finding, Level};
use crate::args::DoctorArgs;
use crate::errors;
use crate::exit::{self, Exit};
use crate::explain;
use crate::output::{self, Mode, printable};
use crate::request::{Done, Request, settings};

pub(in super::super) fn run(args: &DoctorArgs) -> Done {
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
    let answer = DoctorOutput::new(&diagnoses);
    if args.output.mode() != Mode::Human || !words.is_empty() {
        output::result(args.output.mode(), &printable(&words.join("\n")), &answer)?;
    }
    Ok(code(&diagnoses))
}

fn code(diagnoses: &[Diagnosis]) -> Exit {
    let wrong = diagnoses
        .iter()
        .any(|diagnosis| diagnosis.level == Level::Problem && diagnosis.repaired != Some(true));
    if wrong { errors::exit_of("unhealthy") } else { exit::OK }
}
