//! What the server needs of a tenure.

use std::net::SocketAddr;

use coordinator::proof::{Challenge, Health};
use coordinator::{Epoch, HandOver, HandOverRefused, ProtocolRange, Superseded, Tenure};

/// The tenure that the server answers for. Tests have one of their own.
pub(crate) trait ServedTenure: Send + Sync + 'static {
    /// Returns the answer to a probe, after a self-check.
    fn health(
        &self,
        challenge: Option<&Challenge>,
        dialled: SocketAddr,
    ) -> impl Future<Output = Result<Health, Superseded>> + Send;
    /// Reserves the lock for a successor from now on.
    fn hand_over_to(&self, request: &HandOver) -> impl Future<Output = Result<(), HandOverRefused>> + Send;
    /// Returns the bearer token of clients that may command.
    fn token(&self) -> &str;
    fn epoch(&self) -> Epoch;
    fn version(&self) -> &semver::Version;
    fn protocol(&self) -> ProtocolRange;
}

impl ServedTenure for Tenure {
    async fn health(&self, challenge: Option<&Challenge>, dialled: SocketAddr) -> Result<Health, Superseded> {
        Tenure::answer(self, challenge, dialled).await
    }
    async fn hand_over_to(&self, request: &HandOver) -> Result<(), HandOverRefused> {
        Tenure::hand_over_to(self, request).await
    }
    fn token(&self) -> &str {
        Tenure::token(self)
    }
    fn epoch(&self) -> Epoch {
        Tenure::epoch(self)
    }
    fn version(&self) -> &semver::Version {
        self.id().version()
    }
    fn protocol(&self) -> ProtocolRange {
        self.id().protocol()
    }
}
