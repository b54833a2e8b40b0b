//! Where processes of a worker's own are not supported: a plan is refused.

use std::net::TcpListener;
use std::sync::Arc;

use coordinator::machine::Machine;
use coordinator::record::Service;
use coordinator::tree::Marker;
use coordinator::{Tenure, TenureError};

use super::plan::Plan;
use crate::options::ServeOptions;
use crate::stop::Stop;

/// Nothing to prepare.
pub(crate) fn prepare(_plan: &Plan) -> std::io::Result<()> {
    Ok(())
}

/// Nothing changes.
pub(crate) fn in_office() {}

/// There are none.
#[derive(Default)]
pub(crate) struct Children;

impl Children {
    /// Refuses a plan.
    pub(crate) async fn sweep(_: &Machine, _: &Tenure, plan: &Plan) -> Result<Option<Marker>, TenureError> {
        if plan.is_empty() { Ok(None) } else { Err(unsupported()) }
    }

    /// Refuses a plan.
    pub(crate) async fn start(
        &self,
        _: &Machine,
        _: &Tenure,
        _: &ServeOptions,
        _: Marker,
        _: u16,
        _: Option<TcpListener>,
    ) -> Result<(), TenureError> {
        Err(unsupported())
    }

    /// There is none.
    pub(crate) fn service(&self, _: u16) -> Option<Service> {
        None
    }

    /// There is nothing to follow.
    pub(crate) fn follow(&self, _: &Arc<Tenure>, _: u16, _: &Stop) {}

    /// There is nothing to end.
    pub(crate) async fn stop(&self, _: impl Future<Output = ()>) {}
}

fn unsupported() -> TenureError {
    TenureError::Unusable {
        code: "unsupported",
        message: "commands and helpers can't be supervised on this system yet".to_owned(),
        pid: None,
    }
}
