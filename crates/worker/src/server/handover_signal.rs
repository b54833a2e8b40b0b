//! Tells the tenure that a handover was agreed to.

use std::sync::Arc;

use tokio::sync::Notify;

/// Raised by the route that accepts a handover, awaited by the tenure. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct HandoverSignal(Arc<Notify>);

impl HandoverSignal {
    /// Wakes the tenure.
    pub(crate) fn raise(&self) {
        self.0.notify_one();
    }

    /// Waits until a handover was agreed to.
    pub(crate) async fn raised(&self) {
        self.0.notified().await;
    }
}
