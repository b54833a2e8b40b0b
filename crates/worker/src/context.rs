//! What the steps of a worker share. All of it is read-only.

use std::sync::Arc;

use coordinator::machine::Machine;
use coordinator::{Tenure, WorkerId, layout};
use oneworker_supervisor::logfile::LogLimits;

use crate::options::ServeOptions;
use crate::server::HandoverSignal;
use crate::service_manager::ServiceManager;
use crate::stop::Stop;
use crate::store::{Retention, StoreConfig};

/// One worker: what it was started with, for all of its tenures.
pub(crate) struct WorkerContext<'a> {
    pub(crate) machine: &'a Machine,
    pub(crate) id: &'a WorkerId,
    pub(crate) options: ServeOptions,
    pub(crate) manager: ServiceManager,
}

/// One tenure of a worker, and the decisions about it.
pub(crate) struct TenureContext<'a> {
    pub(crate) worker: &'a WorkerContext<'a>,
    pub(crate) tenure: Arc<Tenure>,
    pub(crate) stop: Stop,
    pub(crate) handover: HandoverSignal,
}

impl WorkerContext<'_> {
    /// Returns where the data is, and for how long it is kept.
    pub(crate) fn store_config(&self) -> StoreConfig {
        let options = &self.options;
        let path = options.database.clone().unwrap_or_else(|| self.id.state_dir().join(layout::WORKER_DB));
        let age_ms = i64::try_from(options.keep_for.as_millis()).ok().filter(|age| *age > 0);
        let bytes = i64::try_from(options.keep_bytes).ok().filter(|bytes| *bytes > 0);
        StoreConfig { path, retention: Retention { age_ms, bytes }, synced: options.synced }
    }

    /// Returns the limits of the worker's log and of its children's logs.
    pub(crate) fn log_limits(&self) -> LogLimits {
        LogLimits { max_bytes: self.options.log_max_bytes, keep: self.options.log_keep }
    }
}
