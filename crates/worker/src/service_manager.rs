//! What a service manager wants to hear: `sd_notify(3)`. Without one, nothing is said.
//!
//! Nothing here may fail a worker: a manager that does not listen is a manager that acts by its own time-outs.

use std::time::Duration;

/// The manager that started this process, if any.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServiceManager {
    present: bool,
    watchdog: Option<Duration>,
}

impl ServiceManager {
    /// Whether a manager waits to be told that this process is ready.
    pub(crate) fn present() -> bool {
        cfg!(target_os = "linux")
            && std::env::var_os("NOTIFY_SOCKET").is_some_and(|socket| !socket.is_empty())
    }

    pub(crate) fn from_environment() -> Self {
        let present = Self::present();
        Self { present, watchdog: if present { imp::watchdog() } else { None } }
    }

    /// How often [`Self::alive`] has to be said at least: twice in the time that the manager grants, as `sd_watchdog_enabled(3)` recommends.
    pub(crate) fn pulse(&self) -> Option<Duration> {
        self.watchdog.map(|granted| granted / 2)
    }

    /// Ready, and doing this.
    pub(crate) fn ready(&self, status: &str) {
        if self.present {
            imp::ready(status);
        }
    }

    /// Still there.
    pub(crate) fn alive(&self) {
        if self.watchdog.is_some() {
            imp::alive();
        }
    }

    /// On its way out, within this time.
    pub(crate) fn stopping(&self, status: &str, within: Duration) {
        if self.present {
            imp::stopping(status, within);
        }
    }
}

#[cfg(target_os = "linux")]
mod imp {
    use std::time::Duration;

    use sd_notify::NotifyState;

    pub(super) fn watchdog() -> Option<Duration> {
        sd_notify::watchdog_enabled()
    }

    pub(super) fn ready(status: &str) {
        notify(&[NotifyState::Ready, NotifyState::Status(status)]);
    }

    pub(super) fn alive() {
        notify(&[NotifyState::Watchdog]);
    }

    pub(super) fn stopping(status: &str, within: Duration) {
        let within = u32::try_from(within.as_micros()).unwrap_or(u32::MAX);
        notify(&[NotifyState::Stopping, NotifyState::Status(status), NotifyState::ExtendTimeoutUsec(within)]);
    }

    fn notify(states: &[NotifyState<'_>]) {
        if let Err(error) = sd_notify::notify(states) {
            tracing::debug!("the service manager can't be told: {error}");
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod imp {
    use std::time::Duration;

    pub(super) fn watchdog() -> Option<Duration> {
        None
    }
    pub(super) fn ready(_status: &str) {}
    pub(super) fn alive() {}
    pub(super) fn stopping(_status: &str, _within: Duration) {}
}
