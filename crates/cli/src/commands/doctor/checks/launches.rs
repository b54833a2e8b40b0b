//! Workers can be launched: none failed so often that launches are held back, and this version is not known to be bad.

use super::{Case, Finding};

pub(super) fn examine(case: &Case<'_>) -> Vec<Finding> {
    let Some(held_back) = &case.held_back else { return Vec::new() };
    let logs = case.words.command("logs");
    let held = held_back.launches.as_ref().map(|why| {
        let help = format!("{logs} shows why they ended. Mend that; then the next session starts one.");
        Finding::problem(format!("no worker is launched for now: {why}"), help)
    });
    let bad = held_back.bad_version.as_ref().map(|why| {
        let message = format!("this version is not started in another's place: {why}");
        Finding::warning(message, format!("Install another version; {logs} shows why this one ended."))
    });
    held.into_iter().chain(bad).collect()
}
