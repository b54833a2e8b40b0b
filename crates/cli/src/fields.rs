//! What is known of a failure besides code, message and help.
//!
//! The table of errors says which of it become JSON fields.

use std::path::Path;
use std::time::Duration;

use coordinator::machine::{Activity, Ending, LaunchError, Pid};
use coordinator::{EnsureError, TenureError};
use humantime::format_duration;
use serde_json::{Map, Value, json};
use worker::ServeError;

use crate::errors;

/// Facts by their names. Those that the table of errors names are JSON fields. Others are only for the
/// help.
pub(crate) type Facts = Map<String, Value>;

/// The fields of an error.
pub(crate) fn of(error: &EnsureError) -> Facts {
    named(error.code(), facts(error))
}

/// The fields of a worker's own error.
pub(crate) fn of_serve(error: &ServeError) -> Facts {
    named(error.code(), facts_of_serve(error))
}

/// Those facts that are fields of the errors with this code.
fn named(code: &str, mut facts: Facts) -> Facts {
    let fields = errors::of(code).map_or(&[][..], |kind| kind.fields);
    fields.iter().filter_map(|name| facts.remove_entry(*name)).collect()
}

/// All that is known of an error.
pub(crate) fn facts(error: &EnsureError) -> Facts {
    match error {
        EnsureError::StateDir { path, .. } | EnsureError::Lock { path, .. } => {
            object(json!({ "path": path.to_string_lossy() }))
        }
        EnsureError::Starting { pid, waited } => object(json!({ "pid": pid, "waited_ms": ms(*waited) })),
        EnsureError::Leaving { pid, waited } => object(json!({ "pid": pid, "waited_ms": ms(*waited) })),
        EnsureError::Unresponsive { pid, activity, busy, silent_for, limit } => object(json!({
            "pid": pid,
            "activity": activity_word(*activity),
            "busy": busy,
            "silent_for_ms": ms(*silent_for),
            "limit_ms": ms(*limit),
        })),
        EnsureError::UnderDebugger { pid, tracer } => object(json!({ "pid": pid, "tracer": tracer })),
        EnsureError::Unkillable { pid, activity, why } => {
            object(json!({ "pid": pid, "activity": activity_word(*activity), "why": why }))
        }
        EnsureError::LockLeaked { path, pids } => lock_leaked(path, pids),
        EnsureError::Foreign { address, what } => {
            object(json!({ "address": address, "what": what, "port": address.port() }))
        }
        EnsureError::PortTaken { port, pid, program } => port_taken(*port, *pid, program.as_deref()),
        EnsureError::TooNew {
            pid,
            worker_version,
            worker_protocol,
            worker_program,
            version,
            protocol,
            program,
        } => object(json!({
            "pid": pid,
            "worker_version": worker_version.to_string(),
            "worker_protocol": worker_protocol,
            "worker_protocols": worker_protocol.to_string(),
            "worker_program": worker_program.to_string_lossy(),
            "version": version.to_string(),
            "protocol": protocol,
            "program": program.to_string_lossy(),
        })),
        EnsureError::OtherMachine { what, theirs, ours } => {
            object(json!({ "what": what, "theirs": theirs, "ours": ours }))
        }
        EnsureError::CoolingDown { retry_in, attempts, last_error, log_tail } => object(json!({
            "retry_in_ms": ms(*retry_in),
            "retry_in": format_duration(rounded_up(*retry_in)).to_string(),
            "attempts": attempts,
            "last_error": last_error,
            "log_tail": log_tail,
        })),
        EnsureError::CannotLaunch(LaunchError::Program { program, .. }) => {
            object(json!({ "program": program }))
        }
        EnsureError::CannotLaunch(LaunchError::Log { path, .. }) => object(json!({ "path": path })),
        EnsureError::LaunchFailed { ending, log_tail } => {
            let (status, signal) = match ending {
                Ending::Exited(status) => (Some(*status), None),
                Ending::Signalled(signal) => (None, Some(*signal)),
                Ending::Unknown => (None, None),
            };
            object(json!({ "exit_status": status, "signal": signal, "log_tail": log_tail }))
        }
        EnsureError::WorkerFailed { worker_code, log_tail, .. } => {
            object(json!({ "worker_code": worker_code, "log_tail": log_tail }))
        }
        EnsureError::NotPermitted { what, .. } => object(json!({ "what": what })),
        EnsureError::TimedOut { phase, waited } => {
            object(json!({ "phase": phase, "waited_ms": ms(*waited) }))
        }
        // Nothing is known of `NotRunning`, nor of a variant of a newer library.
        _ => Map::new(),
    }
}

/// All that is known of a worker's own error.
pub(crate) fn facts_of_serve(error: &ServeError) -> Facts {
    match error {
        ServeError::Tenure(TenureError::StateDir { path, .. } | TenureError::Lock { path, .. }) => {
            object(json!({ "path": path.to_string_lossy() }))
        }
        ServeError::Tenure(TenureError::LockLeaked { path, pids }) => lock_leaked(path, pids),
        ServeError::Tenure(TenureError::PortTaken { port, pid, program }) => {
            port_taken(*port, *pid, program.as_deref())
        }
        ServeError::Tenure(TenureError::Bind { address, .. }) => object(json!({ "address": address })),
        _ => Map::new(),
    }
}

fn lock_leaked(path: &Path, pids: &[Pid]) -> Facts {
    object(json!({ "path": path.to_string_lossy(), "pids": pids }))
}

fn port_taken(port: u16, pid: Option<Pid>, program: Option<&str>) -> Facts {
    let holder = program.unwrap_or("the program that holds it");
    object(json!({ "port": port, "pid": pid, "program": program, "holder": holder }))
}

/// A time to wait, in whole tenths of a second: less would be too early, more digits are noise.
fn rounded_up(duration: Duration) -> Duration {
    let tenths = duration.as_nanos().div_ceil(100_000_000);
    Duration::from_millis(u64::try_from(tenths).unwrap_or(u64::MAX / 100).saturating_mul(100))
}

/// Whole milliseconds.
pub(crate) fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The word for what a process is doing.
pub(crate) fn activity_word(activity: Activity) -> &'static str {
    match activity {
        Activity::Alive => "alive",
        Activity::Stopped => "stopped",
        Activity::Traced => "traced",
        Activity::Uninterruptible => "uninterruptible",
        Activity::Zombie => "zombie",
    }
}

fn object(value: Value) -> Facts {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// One error of each kind.
#[cfg(test)]
pub(crate) fn samples() -> Vec<EnsureError> {
    use std::io;

    use coordinator::ProtocolRange;
    use semver::Version;

    let denied = || io::Error::from(io::ErrorKind::PermissionDenied);
    let second = Duration::from_secs(1);
    let tail = || "thread panicked\n".to_owned();
    let pid = Pid(7);
    vec![
        EnsureError::StateDir { path: "/state".into(), source: denied() },
        EnsureError::Lock { path: "/state".into(), source: denied() },
        EnsureError::NotRunning,
        EnsureError::Starting { pid: None, waited: second },
        EnsureError::Leaving { pid, waited: second },
        EnsureError::Unresponsive {
            pid,
            activity: Activity::Stopped,
            busy: false,
            silent_for: second,
            limit: 10 * second,
        },
        EnsureError::UnderDebugger { pid, tracer: Pid(8) },
        EnsureError::Unkillable { pid, activity: Activity::Uninterruptible, why: "a disk".into() },
        EnsureError::LockLeaked { path: "/state".into(), pids: vec![Pid(8), Pid(9)] },
        EnsureError::Foreign { address: ([127, 0, 0, 1], 37777).into(), what: "no proof".into() },
        EnsureError::PortTaken { port: 37777, pid: Some(pid), program: Some("nginx".into()) },
        EnsureError::TooNew {
            pid,
            worker_version: Version::new(9, 0, 0),
            worker_protocol: ProtocolRange { min: 3, max: 4 },
            worker_program: "/new/oneworker".into(),
            version: Version::new(1, 0, 0),
            protocol: ProtocolRange::default(),
            program: "/old/oneworker".into(),
        },
        EnsureError::OtherMachine { what: "host", theirs: "a".into(), ours: "b".into() },
        EnsureError::CoolingDown {
            retry_in: second,
            attempts: 3,
            last_error: "it died".into(),
            log_tail: tail(),
        },
        EnsureError::CannotLaunch(LaunchError::NoProcess { source: denied() }),
        EnsureError::LaunchFailed { ending: Ending::Exited(101), log_tail: tail() },
        EnsureError::WorkerFailed { worker_code: "no_random".into(), message: "no".into(), log_tail: tail() },
        EnsureError::NotPermitted { what: "open a socket", source: denied() },
        EnsureError::TimedOut { phase: "reading the record", waited: second },
    ]
}

#[cfg(test)]
mod tests;
