use coordinator::machine::BoundPort;
use coordinator::{Tenure, TenureError};

/// The identity's port, for a worker that has just taken office: the predecessor has let go of it.
pub(crate) async fn take_port(tenure: &Tenure) -> Result<BoundPort, TenureError> {
    tenure.bind().await
}
