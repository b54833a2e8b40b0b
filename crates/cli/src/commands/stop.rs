//! `oneworker stop`: ends the worker in office. What nobody has need not be ended: that nothing ran is success.

use coordinator::{EnsureError, EnsureRequest, StopRequest, Stopped, request_stop, system};
use serde::Serialize;

use crate::args::StopArgs;
use crate::exit;
use crate::output::{self, SCHEMA};
use crate::progress::Progress;
use crate::request::{Done, Request};

pub(super) fn run(args: &StopArgs) -> Done {
    let request = Request::new(&args.common.flags(), &args.common.file(), false)?;
    let stopped = request.block_on(stop(&request.ensure, "oneworker stop", args.force.force))?;
    let name = request.settings.name.value.as_str();
    output::result(args.output.mode(), &words(name, &stopped), &StopOutput::new(name, &stopped))?;
    Ok(exit::OK)
}

/// Ends the worker; `command` is what its log says about why.
pub(super) async fn stop(ensure: &EnsureRequest, command: &str, force: bool) -> Result<Stopped, EnsureError> {
    let mut stop = stop_request(ensure, command);
    stop.force = force;
    let progress = Progress::default();
    progress.phase("waiting for the worker to stop");
    progress.watch(request_stop(&system::machine(), ensure.id(), &stop)).await
}

/// Returns a request to stop that has the deadline and the hang limit of this one.
pub(super) fn stop_request(ensure: &EnsureRequest, command: &str) -> StopRequest {
    let mut stop = StopRequest::new(format!("{command} (pid {})", std::process::id()));
    stop.deadline = ensure.deadline();
    stop.hang_limit = ensure.hang_limit();
    stop
}

fn words(name: &str, stopped: &Stopped) -> String {
    match stopped {
        Stopped::NothingRan => format!("no worker of {name:?} was running"),
        Stopped::Ended { pid, epoch, forced } => {
            let pid = pid.map(|pid| format!(", pid {pid}")).unwrap_or_default();
            let epoch = epoch.map(|epoch| format!(", epoch {epoch}")).unwrap_or_default();
            let how = if *forced { "was ended by a signal" } else { "has stopped" };
            format!("the worker of {name:?}{pid}{epoch} {how}")
        }
    }
}

/// The shape of success.
#[derive(Serialize)]
struct StopOutput<'a> {
    schema: u32,
    outcome: &'static str,
    name: &'a str,
    pid: Option<u32>,
    epoch: Option<u64>,
    forced: bool,
}

impl<'a> StopOutput<'a> {
    fn new(name: &'a str, stopped: &Stopped) -> Self {
        let schema = SCHEMA;
        match stopped {
            Stopped::NothingRan => {
                Self { schema, outcome: "nothing_ran", name, pid: None, epoch: None, forced: false }
            }
            Stopped::Ended { pid, epoch, forced } => Self {
                schema,
                outcome: "stopped",
                name,
                pid: pid.map(|pid| pid.0),
                epoch: epoch.map(|epoch| epoch.0),
                forced: *forced,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use coordinator::Epoch;
    use coordinator::machine::Pid;

    use super::*;

    #[test]
    fn both_outcomes_have_the_documented_shape_and_words() {
        let json = |stopped| serde_json::to_string(&StopOutput::new("a", stopped)).unwrap();
        let ended = Stopped::Ended { pid: Some(Pid(4)), epoch: Some(Epoch(2)), forced: true };
        assert_eq!(
            json(&ended),
            r#"{"schema":1,"outcome":"stopped","name":"a","pid":4,"epoch":2,"forced":true}"#
        );
        assert_eq!(
            json(&Stopped::NothingRan),
            r#"{"schema":1,"outcome":"nothing_ran","name":"a","pid":null,"epoch":null,"forced":false}"#
        );
        assert_eq!(words("a", &ended), "the worker of \"a\", pid 4, epoch 2 was ended by a signal");
        assert_eq!(words("a", &Stopped::NothingRan), "no worker of \"a\" was running");
    }
}
