//! What keeps a session from launching a worker at present.

use super::backoff;
use super::context::Call;
use super::inspect::Sight;
use super::rollback;
use crate::error::EnsureError;
use crate::machine::Machine;
use crate::request::EnsureRequest;

/// What keeps a session from launching the worker that it wants.
#[derive(Debug)]
pub struct HeldBack {
    /// Why it would launch no worker just now, if no worker runs and launches are held back.
    pub launches: Option<EnsureError>,
    /// Why a worker of its version would not be launched in place of another, in words, if that
    /// version is known to be bad.
    pub bad_version: Option<String>,
}

/// Returns what keeps a session of this request from launching a worker, where `sight` was found.
/// Starts, changes and writes nothing.
pub async fn held_back(machine: &Machine, request: &EnsureRequest, sight: &Sight) -> HeldBack {
    let cx = Call::new(machine, request, &|_| {});
    let launches = match &sight.launch {
        Some(note) if !sight.in_office => backoff::held_back(&cx, note).await,
        _ => None,
    };
    HeldBack { launches, bad_version: rollback::bad_version(&cx).await }
}
