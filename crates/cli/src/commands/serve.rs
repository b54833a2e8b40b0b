//! `oneworker serve`: this process becomes the worker, unless there is one.

use coordinator::Holder;
use serde::Serialize;
use worker::Served;

use crate::args::ServeArgs;
use crate::exit;
use crate::failure::Failure;
use crate::from_settings::serve_options;
use crate::output::{self, SCHEMA};
use crate::request::{Done, Request};

pub(super) fn run(args: &ServeArgs) -> Done {
    let mut flags = args.common.flags();
    args.tuning.add_to(&mut flags);
    args.supervised.add_to(&mut flags);
    let request = Request::new(&flags, &args.common.file(), true)?;
    let options = serve_options(&request.settings, args.foreground);
    let served =
        worker::run(request.ensure.id(), options).map_err(|error| Failure::serve(&error, &request.words))?;
    let name = request.settings.name.value.as_str();
    let answer = match &served {
        Served::Lost(holder) => {
            let answer = ServeOutput::lost(name, holder);
            output::note(&answer.words());
            answer
        }
        Served::Ended { why } => {
            ServeOutput { outcome: "ended", why: Some(why.to_string()), ..ServeOutput::empty(name) }
        }
        _ => ServeOutput::empty(name),
    };
    // The worker's words go to its log; standard output is for programs that asked for an object.
    if args.output.mode() == output::Mode::Json {
        output::result(output::Mode::Json, "", &answer)?;
    }
    Ok(exit::OK)
}

/// The shape of success.
#[derive(Serialize)]
struct ServeOutput<'a> {
    schema: u32,
    outcome: &'static str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    epoch: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

impl<'a> ServeOutput<'a> {
    fn empty(name: &'a str) -> Self {
        Self { schema: SCHEMA, outcome: "ended", name, pid: None, epoch: None, url: None, why: None }
    }

    fn lost(name: &'a str, holder: &Holder) -> Self {
        // The record may still be the last tenure's: it counts only where it names the process that holds the lock.
        let record =
            holder.record.as_ref().filter(|record| holder.pid.is_none_or(|pid| pid == record.process.pid));
        Self {
            outcome: "already_running",
            pid: holder.pid.or(record.map(|record| record.process.pid)).map(|pid| pid.0),
            epoch: record.and_then(|record| record.epoch).map(|epoch| epoch.0),
            url: record.and_then(|record| record.address).map(|address| format!("http://{address}")),
            ..Self::empty(name)
        }
    }

    fn words(&self) -> String {
        let pid = self.pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default();
        let url = self.url.as_deref().map(|url| format!(" at {url}")).unwrap_or_default();
        format!("a worker of {:?}{pid} is in office{url}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use coordinator::machine::Pid;

    use super::*;

    #[test]
    fn the_loser_says_who_is_in_office() {
        let holder = Holder { pid: Some(Pid(12)), record: None };
        let answer = ServeOutput::lost("default", &holder);
        assert_eq!(answer.words(), "a worker of \"default\" (pid 12) is in office");
        assert_eq!(
            serde_json::to_string(&answer).unwrap(),
            r#"{"schema":1,"outcome":"already_running","name":"default","pid":12}"#
        );
    }
}
