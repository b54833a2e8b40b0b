//! The reports to the service manager.

use std::time::Duration;

use super::imp;

/// The service manager that started this process, if any.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServiceManager {
    present: bool,
    watchdog: Option<Duration>,
}

impl ServiceManager {
    /// Returns whether a manager waits for the report that this process is ready.
    pub(crate) fn present() -> bool {
        cfg!(target_os = "linux")
            && std::env::var_os("NOTIFY_SOCKET").is_some_and(|socket| !socket.is_empty())
    }

    pub(crate) fn from_environment() -> Self {
        let present = Self::present();
        Self { present, watchdog: if present { imp::watchdog() } else { None } }
    }

    /// Returns the longest pause between two calls of [`Self::alive`]: half of the time that the
    /// manager grants, as `sd_watchdog_enabled(3)` recommends.
    pub(crate) fn pulse(&self) -> Option<Duration> {
        self.watchdog.map(|granted| granted / 2)
    }

    /// Reports that this process is ready, and what it does.
    pub(crate) fn ready(&self, status: &str) {
        if self.present {
            imp::ready(status);
        }
    }

    /// Reports that this process is alive.
    pub(crate) fn alive(&self) {
        if self.watchdog.is_some() {
            imp::alive();
        }
    }

    /// Reports that this process ends within this time.
    pub(crate) fn stopping(&self, status: &str, within: Duration) {
        if self.present {
            imp::stopping(status, within);
        }
    }
}
