//! What happens at the named points of the product (`coordinator::failpoint`) in the programs of tests.
//!
//! `ONEWORKER_FAILPOINTS="launch.before=stop;claim.locked=kill"` says what happens where. Actions: `kill` (SIGKILL to itself),
//! `stop` (SIGSTOP to itself), `sleep:MS`, `exit:STATUS`, `spin` (burn the CPU for ever), `block` (sleep for ever), `panic`,
//! `note:PATH` (append a line to a history). A point may have several actions, done in their order; `*` is every point.

use std::sync::OnceLock;
use std::time::Duration;

/// The variable that switches failpoints on.
pub const VARIABLE: &str = "ONEWORKER_FAILPOINTS";

/// Has the actions of [`VARIABLE`] done in this process. To be called first thing in `main`.
///
/// # Panics
/// If actions are asked for in a build that has no failpoints: one without `--cfg oneworker_test`, or without debug assertions.
pub fn install() {
    #[cfg(all(oneworker_test, debug_assertions))]
    coordinator::failpoint::install(hit);
    #[cfg(not(all(oneworker_test, debug_assertions)))]
    assert!(std::env::var_os(VARIABLE).is_none(), "{VARIABLE} is set, and this build has no failpoints");
}

/// Acts, if this point was switched on.
#[cfg_attr(
    not(all(oneworker_test, debug_assertions)),
    allow(dead_code, reason = "this build has no failpoints")
)]
fn hit(name: &str) {
    static PLAN: OnceLock<Vec<(String, String)>> = OnceLock::new();
    let plan = PLAN.get_or_init(|| {
        let text = std::env::var(VARIABLE).unwrap_or_default();
        text.split(';')
            .filter_map(|part| part.split_once('='))
            .map(|(point, action)| (point.trim().to_owned(), action.trim().to_owned()))
            .collect()
    });
    for (_, action) in plan.iter().filter(|(point, _)| point == name || point == "*") {
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
        "note" => note(name, argument),
        "spin" => loop {
            std::hint::spin_loop();
        },
        "block" => loop {
            std::thread::sleep(Duration::from_secs(3600));
        },
        _ => panic!("failpoint {name}: unknown action {action:?}"),
    }
}

/// Appends `{"point":…,"pid":…,"at":…,"dirs":[[device,inode],…]}` in one write, so that lines of several processes never mix. `at` is on the
/// clock that the processes of a boot share, in nanoseconds; `dirs` are the directories that this process has open, among them the
/// one that it holds office in.
fn note(name: &str, path: &str) {
    use std::io::Write;
    let (pid, dirs) = (std::process::id(), open_directories());
    // The clock is read last: whatever this process did before the note, it did before `at`.
    let at = coordinator::system::machine().clock.now().nanos;
    let line = format!("{{\"point\":\"{name}\",\"pid\":{pid},\"at\":{at},\"dirs\":{dirs:?}}}\n");
    // Where no line can be written there is no history to be told either.
    let _ = std::fs::OpenOptions::new()
        .append(true)
        .open(path)
        .and_then(|mut history| history.write_all(line.as_bytes()));
}

/// By `stat` alone: opening and closing a file could drop this process's record locks on it (fcntl(2)).
#[cfg(target_os = "linux")]
fn open_directories() -> Vec<[u64; 2]> {
    use std::os::unix::fs::MetadataExt;
    let (Ok(open), Ok(listing)) = (std::fs::read_dir("/proc/self/fd"), std::fs::metadata("/proc/self"))
    else {
        return Vec::new();
    };
    open.flatten()
        .filter_map(|descriptor| std::fs::metadata(descriptor.path()).ok())
        // Not the listing itself.
        .filter(|file| file.is_dir() && file.dev() != listing.dev())
        .map(|directory| [directory.dev(), directory.ino()])
        .collect()
}

#[cfg(not(target_os = "linux"))]
fn open_directories() -> Vec<[u64; 2]> {
    Vec::new()
}

use SelfSignal::{Kill, Stop};

enum SelfSignal {
    Kill,
    Stop,
}

fn signal_self(signal: SelfSignal) {
    use rustix::process::{Signal, getpid, kill_process};
    match signal {
        // A process may always signal itself; should it not, the test that asked for it fails.
        Kill => drop(kill_process(getpid(), Signal::KILL)),
        // A signal to the process may be taken by another thread, and the one that sent it would go on for a while; this one is for the
        // calling thread, which does not return before it is continued (raise(3)).
        // SAFETY: a plain system call.
        Stop => drop(unsafe { libc::raise(libc::SIGSTOP) }),
    }
}
