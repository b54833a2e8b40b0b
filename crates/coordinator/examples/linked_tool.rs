//! A tool that links the library: asks for the one worker, and starts it if nobody has.
//!
//! `cargo run -p oneworker-coordinator --example linked_tool -- target/…/examples/own_daemon /tmp/own-daemon`

// To print is what this program is for.
#![allow(clippy::print_stdout)]

use coordinator::{EnsureRequest, LaunchCommand, WorkerId, blocking};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let (daemon, state_dir) = args.next().zip(args.next()).ok_or("usage: linked_tool DAEMON STATE_DIR")?;
    let id = WorkerId::builder().name("own-daemon").port("auto").state_dir(&state_dir).build()?;
    let request = EnsureRequest::new(id, LaunchCommand::new(daemon, [&state_dir]));
    let worker = blocking::ensure_single_worker(&request)?;
    println!(
        "{} (pid {}, epoch {}): {:?} in {:?}",
        worker.url, worker.pid, worker.epoch, worker.outcome, worker.elapsed
    );
    Ok(())
}
