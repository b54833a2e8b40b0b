//! How fast the machine is here and now. A test waits for conditions; only where a time is itself the guarantee does it need this.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What the start and the end of a small process take on a machine that has nothing else to do. A slower one only makes limits longer.
const AT_REST: Duration = Duration::from_millis(2);

/// `limit`, as many times longer as the start and the end of a small process take longer than on a machine at rest.
pub fn at_this_pace(limit: Duration) -> Duration {
    let slowest = (0..5).map(|_| small_process()).max().unwrap_or_default();
    limit.mul_f64((slowest.as_secs_f64() / AT_REST.as_secs_f64()).max(1.0))
}

fn small_process() -> Duration {
    let begun = Instant::now();
    let mut command = Command::new("true");
    command.stdin(Stdio::null()).stdout(Stdio::null()).status().expect("a process");
    begun.elapsed()
}
