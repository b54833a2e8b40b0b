//! `oneworker session`: who needs the worker.

use std::time::Duration;

use coordinator::machine::Pid;
use coordinator::{EnsureError, system};
use humantime::format_duration;
use serde::Serialize;
use worker::api::{LeaseInfo, LeaseRequest};

use crate::args::{Lease, SessionAction, SessionArgs};
use crate::exit;
use crate::failure::Failure;
use crate::fields::ms;
use crate::output::{self, Mode, SCHEMA};
use crate::request::{Done, Request};

pub(super) fn run(args: &SessionArgs) -> Done {
    let begins = matches!(args.action, SessionAction::Start | SessionAction::Touch);
    let request = Request::new(&args.common.flags(), &args.common.file(), begins)?;
    let session = args.session.as_deref().unwrap_or_default();
    let (words, outcome) = match args.action {
        SessionAction::Start | SessionAction::Touch => {
            keep(&request, session, &args.lease)?;
            (format!("session {session:?} has its lease"), "kept")
        }
        SessionAction::End => match request.ask(async |client| client.end_session(session).await)? {
            true => (format!("session {session:?} has ended"), "ended"),
            false => (format!("there was no session {session:?}"), "unknown"),
        },
        SessionAction::List => return list(&request, args.output.mode()),
    };
    output::result(args.output.mode(), &words, &SessionOutput { schema: SCHEMA, outcome, session })?;
    Ok(exit::OK)
}

#[derive(Serialize)]
struct SessionOutput<'a> {
    schema: u32,
    outcome: &'a str,
    session: &'a str,
}

fn list(request: &Request, mode: Mode) -> Done {
    let sessions = request.ask(async |client| client.sessions().await)?;
    let lines: Vec<String> = sessions.iter().map(line).collect();
    let words = if lines.is_empty() { "no session has a lease".to_owned() } else { lines.join("\n") };
    output::result(mode, &words, &SessionList { schema: SCHEMA, sessions })?;
    Ok(exit::OK)
}

/// Begins a session's lease with the worker that the request finds or starts, or goes on with it.
pub(super) fn keep(request: &Request, session: &str, lease: &Lease) -> Result<(), Failure> {
    let owner = lease.session_pid.map(Pid);
    let start_time = match owner {
        Some(pid) => Some(start_time(request, pid)?),
        None => None,
    };
    let ttl_ms = lease.session_ttl.map(|ttl| ms(ttl.into()));
    let lease = LeaseRequest { session: session.to_owned(), ttl_ms, pid: owner, start_time };
    request.ask(async |client| client.keep_session(&lease).await)
}

/// Looked at here, where the pid surely means the process that the caller means.
fn start_time(request: &Request, pid: Pid) -> Result<u64, Failure> {
    let looked = request.block_on(async {
        let looked = system::machine().processes.look(pid).await;
        looked.map_err(|source| EnsureError::NotPermitted { what: "look at the session's process", source })
    })?;
    let found = looked.ok_or_else(|| Failure::usage(format!("--session-pid: there is no process {pid}")))?;
    Ok(found.identity.start_time.0)
}

#[derive(Serialize)]
struct SessionList {
    schema: u32,
    sessions: Vec<LeaseInfo>,
}

fn line(lease: &LeaseInfo) -> String {
    let left = format_duration(Duration::from_secs(lease.ends_in_ms / 1000));
    let pid = lease.pid.map(|pid| format!(", with pid {pid}")).unwrap_or_default();
    output::printable(&format!("{}  ends in {left}{pid}", lease.session))
}
