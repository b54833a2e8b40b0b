//! Reads the history.

use coordinator::layout;
use coordinator::lifecycle::{Noted, Wanted, read_events};

use crate::failure::Failure;
use crate::request::Request;

/// Returns the wanted events; none if nothing was noted yet.
pub(super) fn read(request: &Request, wanted: &Wanted) -> Result<Vec<Noted>, Failure> {
    let path = request.ensure.id().state_dir().join(layout::LIFECYCLE_DB);
    match path.try_exists() {
        Ok(true) => {}
        Ok(false) => return Ok(Vec::new()),
        Err(error) => {
            return Err(Failure::io(&format!("the history {} can't be read", path.display()), &error));
        }
    }
    read_events(request.ensure.id().state_dir(), wanted).map_err(|error| {
        let message = format!("the history {} can't be read: {error}", path.display());
        let help = "If another program holds it, ask again. If it is damaged, it can be removed while no worker runs: nothing but this \
                    command and its like rests on it.";
        Failure::plain("io", message, help.to_owned())
    })
}
