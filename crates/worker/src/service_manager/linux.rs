//! systemd, by `sd_notify(3)`.

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
