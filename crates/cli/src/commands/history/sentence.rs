//! One event in words.

use coordinator::lifecycle::{Event, EventKind};

/// What happened, on one line.
pub(super) fn sentence(event: &Event) -> String {
    let by = event.noted_by;
    let worker = event.worker.map(|pid| format!(" {pid}")).unwrap_or_default();
    let epoch = event.epoch.map_or_else(|| "an unknown epoch".to_owned(), |epoch| format!("epoch {epoch}"));
    let install = install(event);
    let reason = event.reason.as_deref().unwrap_or_default();
    let text = match event.kind {
        EventKind::Launched => {
            format!("session {by} was elected and launched worker{worker}{install}{}", after(reason))
        }
        EventKind::LaunchFailed => {
            format!("worker{worker}, launched by session {by}{install}, did not come up{}", because(reason))
        }
        EventKind::LaunchReady => format!("worker{worker}, launched by session {by}, is ready"),
        EventKind::TenureBegan => format!("worker{worker} took office as {epoch}{install}{}", after(reason)),
        EventKind::TenureEnded => format!("worker{worker} left office ({epoch}){}", because(reason)),
        EventKind::Replaced => {
            format!("session {by} ended worker{worker} ({epoch}) to replace it{}", because(reason))
        }
        EventKind::HookFailed => format!("hook {by} got no worker{}", because(reason)),
        EventKind::Refused => format!("session {by} got no worker{}", because(reason)),
        EventKind::ChildReady => format!("of worker {by}, {reason}{}", process(event)),
        EventKind::ChildEnded => format!("of worker {by}, {reason}{}", process(event)),
    };
    text.replace(['\n', '\r'], " ")
}

fn process(event: &Event) -> String {
    event.worker.map(|pid| format!(" (pid {pid})")).unwrap_or_default()
}

/// Version and path of what was started.
fn install(event: &Event) -> String {
    match (&event.version, &event.program) {
        (Some(version), Some(program)) => format!(" (version {version}, {program})"),
        (Some(version), None) => format!(" (version {version})"),
        (None, Some(program)) => format!(" ({program})"),
        (None, None) => String::new(),
    }
}

fn because(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(": {reason}") }
}

fn after(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!("; {reason}") }
}

#[cfg(test)]
pub(super) mod samples {
    use std::time::{Duration, SystemTime};

    use coordinator::Epoch;
    use coordinator::lifecycle::Noted;
    use coordinator::machine::Pid;

    use super::*;

    /// An event of this tenure, so many seconds after some time.
    pub(in super::super) fn event(kind: EventKind, second: u64, epoch: u64, reason: Option<&str>) -> Noted {
        let event = Event {
            at: SystemTime::UNIX_EPOCH + Duration::from_secs(1_769_846_400 + second),
            noted_by: Pid(7),
            kind,
            worker: Some(Pid(100 + u32::try_from(epoch).unwrap())),
            epoch: Some(Epoch(epoch)),
            version: Some("1.2.3".to_owned()),
            program: Some("/opt/a/oneworker".to_owned()),
            reason: reason.map(str::to_owned),
        };
        Noted { id: i64::try_from(second).unwrap(), event }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_says_who_what_which_and_why_on_one_line() {
        let said = |kind, reason| sentence(&samples::event(kind, 0, 3, reason).event);
        assert_eq!(
            said(EventKind::Launched, Some("the worker (pid 5) hung")),
            "session 7 was elected and launched worker 103 (version 1.2.3, /opt/a/oneworker); the worker (pid 5) hung"
        );
        assert_eq!(
            said(EventKind::TenureBegan, None),
            "worker 103 took office as epoch 3 (version 1.2.3, /opt/a/oneworker)"
        );
        assert_eq!(
            said(EventKind::TenureEnded, Some("idle\nfor 5s")),
            "worker 103 left office (epoch 3): idle for 5s"
        );
        assert_eq!(said(EventKind::Refused, Some("port_taken: …")), "session 7 got no worker: port_taken: …");
        assert_eq!(
            said(EventKind::ChildEnded, Some("the helper a was killed")),
            "of worker 7, the helper a was killed (pid 103)"
        );
    }

    #[test]
    fn an_event_of_an_old_version_says_what_it_can() {
        let mut event = samples::event(EventKind::Replaced, 0, 3, None).event;
        (event.worker, event.epoch, event.program) = (None, None, None);
        assert_eq!(sentence(&event), "session 7 ended worker (an unknown epoch) to replace it");
    }
}
