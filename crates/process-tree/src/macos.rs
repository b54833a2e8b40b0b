//! macOS: no process adopts what others have left. What is left of a tenure is known by its environment.
//!
//! None of this has run yet: see docs/platforms.md.

use std::io;
use std::time::{Duration, Instant};

use super::marker::{LeftBehind, Wanted};
use oneworker_protocol::machine::{Activity, Pid, ProcessIdentity, Signal};
use oneworker_system::processes;

mod environment;

/// Between two looks whether those that were killed have ended.
const PAUSE: Duration = Duration::from_millis(5);

pub(super) fn guard() -> io::Result<()> {
    Ok(())
}

pub(super) fn outlive_guardian() {}

/// A process is known by the environment that it was started with. The system shows it for processes of this user, but not for those that System
/// Integrity Protection restricts: Apple's own programs in `/bin` and `/usr/bin`.
pub(super) fn sweep(wanted: &Wanted<'_>, patience: Duration) -> Result<usize, LeftBehind> {
    let end = Instant::now() + patience;
    let mut ended = 0;
    let mut sure = true;
    loop {
        let found = find(wanted);
        if found.is_empty() {
            // What was found may have started another where the look had been already: so another look, if anything was.
            if std::mem::replace(&mut sure, true) {
                return Ok(ended);
            }
            continue;
        }
        sure = false;
        for process in &found {
            let _ = processes::signal(process, Signal::Kill);
        }
        let mut alive = found.clone();
        while !alive.is_empty() && Instant::now() < end {
            alive.retain(is_alive);
            std::thread::sleep(PAUSE);
        }
        ended += found.len() - alive.len();
        if !alive.is_empty() {
            return Err(LeftBehind { processes: alive.iter().map(name).collect(), ended });
        }
    }
}

/// The wanted processes of this user. Whose environment was read is certain only if its start time is the same before and after.
fn find(wanted: &Wanted<'_>) -> Vec<ProcessIdentity> {
    let (me, parent) = (Pid(std::process::id()), Pid(std::os::unix::process::parent_id()));
    let others = environment::pids().into_iter().filter(|pid| *pid != me && *pid != parent);
    others
        .filter_map(|pid| {
            let before = processes::look(pid).ok()??.identity;
            let is_wanted = wanted.is(&environment::of(pid));
            (is_wanted && is_alive(&before)).then_some(before)
        })
        .collect()
}

fn is_alive(process: &ProcessIdentity) -> bool {
    let now = processes::look(process.pid).ok().flatten();
    now.is_some_and(|now| now.identity == *process && now.activity != Activity::Zombie)
}

fn name(process: &ProcessIdentity) -> (Pid, String) {
    let info = processes::look(process.pid).ok().flatten();
    (process.pid, info.map_or_else(|| "?".to_owned(), |info| info.program))
}
