//! The worker's data: nothing is lost, nothing is doubled, and only the worker in office writes.

mod copies;
mod inbox;
mod leases;
mod limits;
mod zombies;

use std::time::Duration;

use coordinator::{Backoff, EnsureRequest, LaunchCommand, WorkerId};
use oneworker_tests::Identity;
use worker::client::{Client, ClientError};

/// A linked tool's request for the worker of a test's identity.
fn request(identity: &Identity, env: &[(&str, &str)]) -> EnsureRequest {
    let dir = identity.state_dir();
    let mut launch =
        LaunchCommand::new(identity.binary(), ["serve", "--no-config", "--port", "auto", "--state-dir"]);
    launch.args.push(dir.clone().into());
    launch.env_set.extend(env.iter().map(|(name, value)| ((*name).into(), (*value).into())));
    let id = WorkerId::builder().port("auto").state_dir(dir).build().unwrap();
    EnsureRequest::builder(id, launch)
        .deadline(Duration::from_secs(600))
        // Workers are killed here on purpose.
        .backoff(Backoff { base: Duration::ZERO, ..Backoff::default() })
        .build()
        .unwrap()
}

/// Asks the identity's worker, with all the time in the world.
fn ask<T>(
    request: &EnsureRequest,
    work: impl AsyncFnOnce(Client<'_>) -> Result<T, ClientError>,
) -> Result<T, ClientError> {
    let event_loop = coordinator::blocking::event_loop().unwrap();
    let answer = event_loop.block_on(work(Client::new(request)));
    event_loop.shutdown_background();
    answer
}
