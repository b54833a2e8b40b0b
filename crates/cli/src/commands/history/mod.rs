//! `oneworker events` and `oneworker explain`: what has happened to an identity, from `lifecycle.db`. Both only read.

mod events;
mod explain;
mod sentence;
mod story;

use coordinator::layout;
use coordinator::lifecycle::{Noted, Wanted, read_events};
pub(super) use events::run as events;
pub(super) use explain::run as explain;

use serde_json::Value;

use crate::failure::Failure;
use crate::output;
use crate::request::Request;

/// What `events --json` prints, of the last events.
pub(super) fn report(request: &Request) -> Result<Vec<Value>, Failure> {
    let last = read(request, &Wanted { after: i64::MIN, since: None, limit: 500 })?;
    Ok(last.iter().map(|noted| output::value(&events::Object::new(noted))).collect())
}

/// The events that are wanted; none if nothing was noted yet.
fn read(request: &Request, wanted: &Wanted) -> Result<Vec<Noted>, Failure> {
    let path = request.spec.state_dir().join(layout::LIFECYCLE_DB);
    match path.try_exists() {
        Ok(true) => {}
        Ok(false) => return Ok(Vec::new()),
        Err(error) => {
            return Err(Failure::io(&format!("the history {} can't be read", path.display()), &error));
        }
    }
    read_events(request.spec.state_dir(), wanted).map_err(|error| {
        let message = format!("the history {} can't be read: {error}", path.display());
        let help = "If another program holds it, ask again. If it is damaged, it can be removed while no worker runs: nothing but this \
                    command and its like rests on it.";
        Failure::plain("io", message, help.to_owned())
    })
}
