//! `any-protocol serve|ensure STATE_DIR MIN MAX PORT`: a worker, or a session, that speaks these protocol versions. The session launches
//! workers of its own kind, and prints what it got as `oneworker ensure --json` does. With `serve-alone` and `ensure-alone` the workers know
//! nothing of taking over from another.

// All of this package is test code.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use coordinator::{EnsureRequest, LaunchCommand, ProtocolRange, WorkerId, blocking};

fn main() {
    oneworker_tests::failpoints::install();
    oneworker_tests::sabotages::install();
    let [_, verb, dir, min, max, port] =
        std::env::args().collect::<Vec<_>>().try_into().expect("serve|ensure[-alone] STATE_DIR MIN MAX PORT");
    let range =
        ProtocolRange::new(min.parse().expect("a number"), max.parse().expect("a number")).expect("a range");
    let (verb, alone) = match verb.strip_suffix("-alone") {
        Some(verb) => (verb, true),
        None => (verb.as_str(), false),
    };
    let serve = if alone { "serve-alone" } else { "serve" };
    let launch = LaunchCommand::this_program([serve, dir.as_str(), &min, &max, &port]).expect("this program");
    let id = WorkerId::builder().port(port.as_str()).state_dir(dir).protocol(range).build();
    let id = id.expect("an identity");
    if verb == "serve" {
        let mut options = worker::ServeOptions::default();
        options.predecessor = options.predecessor.filter(|_| !alone);
        worker::run(&id, options).expect("a tenure in good order");
        return;
    }
    let request = EnsureRequest::builder(id, launch).deadline(std::time::Duration::from_secs(600)).build();
    let found = blocking::ensure_single_worker(&request.expect("a request")).expect("a worker");
    let answer = serde_json::json!({
        "outcome": found.outcome.as_str(), "url": found.url, "port": found.port.get(), "pid": found.pid.0, "epoch": found.epoch.0,
    });
    println!("{answer}");
}
