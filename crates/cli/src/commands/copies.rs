//! `oneworker backup` and `oneworker restore`: the worker's data in a file, and back again.

use coordinator::fence::Databases;
use coordinator::{Claim, Tenure, system};
use serde::Serialize;

use crate::args::CopyArgs;
use crate::exit;
use crate::failure::Failure;
use crate::output::{self, SCHEMA};
use crate::request::{Done, Request};

/// The shape of success.
#[derive(Serialize)]
struct CopyOutput<'a> {
    schema: u32,
    outcome: &'a str,
    file: &'a std::path::Path,
    database: &'a std::path::Path,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
}

pub(super) fn backup(args: &CopyArgs) -> Done {
    let request = Request::new(&args.common.flags(), &args.common.file(), false)?;
    let database = &request.settings.database.value;
    let bytes =
        worker::backup(database, &args.file).map_err(|error| Failure::store(&error, &request.words))?;
    let words = format!("{} has what is in {} now: {bytes} bytes", args.file.display(), database.display());
    let answer =
        CopyOutput { schema: SCHEMA, outcome: "backed_up", file: &args.file, database, bytes: Some(bytes) };
    output::result(args.output.mode(), &words, &answer)?;
    Ok(exit::OK)
}

pub(super) fn restore(args: &CopyArgs) -> Done {
    let request = Request::new(&args.common.flags(), &args.common.file(), false)?;
    let database = &request.settings.database.value;
    // In office, so that no worker begins meanwhile; and above the epochs of both, so that one that has outlived its office writes nothing.
    let databases = Databases(vec![database.clone(), args.file.clone()]);
    let restored = request.block_on(async {
        let machine = system::machine();
        let claim =
            Tenure::claim_above(&machine, request.ensure.id(), None, system::readiness(), &databases).await;
        let tenure = match claim {
            Ok(Claim::Won(tenure)) => tenure,
            Ok(Claim::Lost(holder)) => return Ok(Err(in_office(&request, holder.pid))),
            Err(error) => return Ok(Err(Failure::serve(&error.into(), &request.words))),
        };
        let restored = worker::restore(&args.file, database, tenure.epoch());
        tenure.end("a backup was restored").await;
        Ok(restored.map_err(|error| Failure::store(&error, &request.words)))
    })?;
    restored?;
    let words = format!("{} has what was in {} again", database.display(), args.file.display());
    let answer = CopyOutput { schema: SCHEMA, outcome: "restored", file: &args.file, database, bytes: None };
    output::result(args.output.mode(), &words, &answer)?;
    Ok(exit::OK)
}

fn in_office(request: &Request, pid: Option<coordinator::machine::Pid>) -> Failure {
    let who = pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default();
    let help = format!("End it with {}, and try again.", request.words.command("stop"));
    Failure::plain("already_running", format!("a worker{who} is in office, and has the database open"), help)
}
