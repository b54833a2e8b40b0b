//! Named points at which a test may kill, stop or delay the process. Only in builds with the feature `failpoints`.
//!
//! `ONEWORKER_FAILPOINTS="launch.before=stop;claim.locked=kill"` says what happens where. Actions: `kill` (SIGKILL to itself),
//! `stop` (SIGSTOP to itself), `sleep:MS`, `exit:STATUS`, `spin` (burn the CPU for ever), `block` (sleep for ever), `panic`.

use std::sync::OnceLock;
use std::time::Duration;

/// The variable that switches failpoints on.
pub const VARIABLE: &str = "ONEWORKER_FAILPOINTS";

/// Acts, if this point was switched on.
pub fn hit(name: &str) {
    static PLAN: OnceLock<Vec<(String, String)>> = OnceLock::new();
    let plan = PLAN.get_or_init(|| {
        let text = std::env::var(VARIABLE).unwrap_or_default();
        text.split(';')
            .filter_map(|part| part.split_once('='))
            .map(|(point, action)| (point.trim().to_owned(), action.trim().to_owned()))
            .collect()
    });
    if let Some((_, action)) = plan.iter().find(|(point, _)| point == name) {
        act(name, action);
    }
}

fn act(name: &str, action: &str) {
    let (verb, argument) = action.split_once(':').unwrap_or((action, ""));
    match verb {
        "kill" => signal_self(Kill),
        "stop" => signal_self(Stop),
        "sleep" => std::thread::sleep(Duration::from_millis(argument.parse().unwrap_or(1000))),
        "exit" => std::process::exit(argument.parse().unwrap_or(1)),
        "panic" => panic!("failpoint {name}"),
        "spin" => loop {
            std::hint::spin_loop();
        },
        "block" => loop {
            std::thread::sleep(Duration::from_secs(3600));
        },
        _ => panic!("failpoint {name}: unknown action {action:?}"),
    }
}

use SelfSignal::{Kill, Stop};

enum SelfSignal {
    Kill,
    Stop,
}

#[cfg(unix)]
fn signal_self(signal: SelfSignal) {
    use rustix::process::{Signal, getpid, kill_process};
    let signal = match signal {
        Kill => Signal::KILL,
        Stop => Signal::STOP,
    };
    // A process may always signal itself; should it not, the test that asked for it fails.
    let _ = kill_process(getpid(), signal);
}

#[cfg(not(unix))]
fn signal_self(signal: SelfSignal) {
    match signal {
        Kill => std::process::abort(),
        Stop => loop {
            std::thread::sleep(Duration::from_secs(3600));
        },
    }
}
