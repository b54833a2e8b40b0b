//! Tests on real processes: each starts the real binary in a state directory of its own, breaks something, and looks at what
//! comes of it. Nothing here sleeps to let things settle: [`wait_for`] waits for a condition with a deadline.

// All of this package is test code.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod activation;
mod debugger;
mod draw;
pub mod failpoints;
mod gate;
mod hold;
pub mod hostile;
mod identity;
mod pace;
mod process;
mod run;
mod sandbox;
mod squatter;
mod terminal;

pub use activation::{activated, activated_as};
pub use debugger::Debugger;
pub use draw::Draw;
pub use gate::{Gate, all_at_once};
pub use hold::Hold;
pub use identity::{Identity, install};
pub use pace::at_this_pace;
pub use process::{
    Bystander, children_of, cpu_time, go_on, hang_up, is_alive, kill, kill_and_wait, look, processes_of,
    stop, terminate, wait_until_gone, wait_until_stopped,
};
pub use run::{Failure, Run, Running, Success, once_seen};
pub use sandbox::{
    Forbidden, NOBODY, Tmpfs, as_user, cannot_unshare, forbid, is_root, limit_open_files, needs_root, unshare,
};
pub use squatter::{Squatter, occupy_as_client, unproven_health};
pub use terminal::Terminal;

use std::time::{Duration, Instant};

/// The longest that a test waits for something that has to happen. Reached only by a failure, so it may be as long as the most loaded
/// machine needs.
pub const PATIENCE: Duration = Duration::from_secs(300);

/// The deadline of a session whose time is not what is tested, and of all commands that have no other.
pub const PATIENT: &str = "10m";

/// What an answer that waits for nothing takes at most, however loaded the machine is. A session that waits in vain takes its whole
/// deadline, [`PATIENT`], or a hang limit that is as long.
pub const AT_ONCE: Duration = Duration::from_secs(240);

/// Waits until `condition` gives something, and fails the test if it does not within [`PATIENCE`].
pub fn wait_for<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(Instant::now() < end, "waited {PATIENCE:?} in vain for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The one worker that all of these name; fails the test if they do not agree on pid, epoch and URL.
pub fn agreed<'a>(answers: impl IntoIterator<Item = &'a Success>) -> &'a Success {
    let mut answers = answers.into_iter();
    let first = answers.next().expect("an answer");
    for other in answers {
        assert_eq!((other.pid, other.epoch, &other.url), (first.pid, first.epoch, &first.url), "two workers");
    }
    first
}

/// A port that is free now, outside the range from which the kernel takes ports for connections, and unlikely to be another test's.
pub fn free_port() -> u16 {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    for _ in 0..1000 {
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = 10_000 + ((std::process::id().wrapping_mul(97).wrapping_add(n)) % 20_000) as u16;
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no free port between 10000 and 30000");
}
