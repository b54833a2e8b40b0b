//! Starting workers, detached: nothing of the session is left in the worker, and nothing of the worker in the session.
//!
//! The worker must not be the session's child (it would become a zombie in a session that lives for hours, and be ended with its
//! process tree), and yet its exit status must reach the session while it starts. On Unix there is a *monitor* in between for the time
//! of the start; Windows needs none.

use async_trait::async_trait;

use oneworker_protocol::EnsureRequest;
use oneworker_protocol::machine::{ElectionGuard, LaunchError, Launched, Launcher};

mod environment;
mod reports;
#[cfg(target_os = "linux")]
pub(crate) mod systemd;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;
#[cfg(unix)]
use unix as imp;
#[cfg(windows)]
use windows as imp;

pub use environment::environment;
pub use reports::reports_in;

/// Starts real processes.
pub(super) struct SystemLauncher;

#[async_trait]
impl Launcher for SystemLauncher {
    async fn launch(
        &self,
        request: &EnsureRequest,
        _elected: &dyn ElectionGuard,
    ) -> Result<Box<dyn Launched>, LaunchError> {
        imp::launch(request)
    }
}
