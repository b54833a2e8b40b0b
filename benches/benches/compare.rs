//! Whole programs, side by side in one run, as ratios: the table of `docs/performance.md`.
//!
//! `cargo bench -p oneworker-benches --bench compare`, of a binary that was built before with `BENCH_PROGRAM=PATH`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use std::collections::HashMap;
use std::time::{Duration, Instant};

use coordinator::{EnsureRequest, LaunchCommand, WorkerId, ensure_single_worker};
use oneworker_benches::{Stage, Timing, bare_get, chosen_or};
use rustix::process::{Pid, Signal, kill_process};

const FLOOR: &str = env!("CARGO_BIN_EXE_get-floor");

/// What is measured: this source, or a binary that was built before.
fn measured() -> String {
    chosen_or(env!("CARGO_BIN_EXE_oneworker-measured"))
}

fn main() {
    // `cargo test --benches` asks only whether it runs.
    let quick = std::env::args().any(|arg| arg == "--test");
    let scale = |n: usize| if quick { n.div_ceil(20) } else { n };

    println!("| measure | floor or twin (p50) | oneworker (p50, p99) | ratio | target |");
    println!("| --- | --- | --- | --- | --- |");
    in_process(scale(2000));
    let floor = hot(scale(500));
    cold(scale(60), floor);
    first_ever(scale(20), floor);
    storm(scale(100), scale(10));
    storm(scale(1000), scale(3));
    hung(scale(3));
    idle(if quick { Duration::from_secs(1) } else { Duration::from_secs(20) });
}

fn row(measure: &str, twin: &str, ours: &str, ratio: &str, target: &str) {
    println!("| {measure} | {twin} | {ours} | {ratio} | {target} |");
}

fn ms(timing: Timing) -> String {
    format!("{:.3} ms, {:.3} ms", timing.p50.as_secs_f64() * 1e3, timing.p99.as_secs_f64() * 1e3)
}

fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}

fn in_process(n: usize) {
    let stage = Stage::new(&measured());
    let address = stage.address();
    let command = LaunchCommand::new(measured(), stage.args("serve"));
    let id = WorkerId::builder().port("auto").state_dir(stage.state_dir()).build().unwrap();
    let request = EnsureRequest::new(id, command);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (mut bare, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..n {
        bare.push(timed(|| bare_get(address).unwrap()));
        ours.push(timed(|| runtime.block_on(ensure_single_worker(&request)).unwrap()));
    }
    let (bare, ours) = (Timing::of(bare), Timing::of(ours));
    row(
        "hot `ensure_single_worker`, in process",
        &ms(bare),
        &ms(ours),
        &format!("{:.2}", ours.ratio(bare)),
        "≤ 2",
    );
}

/// Returns the GET floor.
fn hot(n: usize) -> Timing {
    let stage = Stage::new(&measured());
    let address = stage.address();
    let (mut floor, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..n {
        floor.push(stage.time_floor(FLOOR, address));
        ours.push(stage.time_ensure());
    }
    let (floor, ours) = (Timing::of(floor), Timing::of(ours));
    row(
        "hot `oneworker ensure`, whole process",
        &ms(floor),
        &ms(ours),
        &format!("{:.2}", ours.ratio(floor)),
        "≤ 1.3",
    );
    floor
}

fn cold(n: usize, floor: Timing) {
    let stage = Stage::new(&measured());
    stage.ensure();
    let (mut cold, mut recovery) = (Vec::new(), Vec::new());
    for _ in 0..n {
        stage.stop();
        cold.push(stage.time_ensure());
        kill(stage.pid());
        recovery.push(stage.time_ensure());
    }
    let (cold, recovery) = (Timing::of(cold), Timing::of(recovery));
    row("cold `oneworker ensure`", &ms(floor), &ms(cold), &format!("{:.1}", cold.ratio(floor)), "≤ 12");
    row(
        "after kill -9 of the worker",
        &ms(cold),
        &ms(recovery),
        &format!("{:.2}", recovery.ratio(cold)),
        "≤ 1.2",
    );
}

fn first_ever(n: usize, floor: Timing) {
    let mut stage = Stage::new(&measured());
    let samples = (0..n).map(|_| {
        stage.fresh();
        stage.time_ensure()
    });
    let first = Timing::of(samples.collect());
    row(
        "the very first (no state directory yet)",
        &ms(floor),
        &ms(first),
        &format!("{:.1}", first.ratio(floor)),
        "–",
    );
}

fn storm(n: usize, rounds: usize) {
    let stage = Stage::new(&measured());
    stage.ensure();
    let (mut cold, mut hot, mut failures) = (Vec::new(), Vec::new(), 0);
    for _ in 0..rounds.max(1) {
        stage.stop();
        let before = stage.epoch();
        let (took, failed) = stage.storm(n);
        assert_eq!(stage.epoch(), before + 1, "more than one worker took office");
        failures += failed;
        cold.push(took);
        let (took, failed) = stage.storm(n);
        failures += failed;
        hot.push(took);
    }
    let (cold, hot) = (Timing::of(cold), Timing::of(hot));
    let measure = format!("storm of {n}, cold, beside {n} hot; {failures} failed");
    let target = if n <= 100 { "≤ 1.5, < 250 ms" } else { "nobody fails" };
    row(&measure, &ms(hot), &ms(cold), &format!("{:.2}", cold.ratio(hot)), target);
}

fn hung(n: usize) {
    let stage = Stage::new(&measured()).hang_limit("1s");
    let samples = (0..n.max(1)).map(|_| {
        kill_process(pid(stage.pid()), Signal::STOP).unwrap();
        stage.time_ensure()
    });
    let took = Timing::of(samples.collect());
    row(
        "stopped worker replaced (hang limit 1 s)",
        "1 s",
        &ms(took),
        &format!("{:.2}", took.p50.as_secs_f64()),
        "≤ 2",
    );
}

fn idle(watch: Duration) {
    let stage = Stage::new(&measured());
    row("worker, idle", "–", &at_rest(stage.pid(), watch), "–", "≤ 10 MiB, ≤ 1");
    let stage = Stage::new(&measured())
        .plan(r#"{"command":{"command":["sleep","3600"],"ready":{"command":["true"]}}}"#);
    let supervisor = stage.pid();
    let guardian = status(supervisor, "PPid:") as u32;
    row("a command's supervisor, idle", "–", &at_rest(supervisor, watch), "–", "≤ 6 MiB, ≤ 1");
    row("its guardian, idle", "–", &at_rest(guardian, watch), "–", "0 wake-ups");
    row("`ensure`, `stop`: peak", "–", &format!("{:.1} MiB", peak()), "–", "≤ 8 MiB");
}

/// What a process costs that nobody needs at the moment.
fn at_rest(process: u32, watch: Duration) -> String {
    let before = switches(process);
    std::thread::sleep(watch);
    // Threads come and go: of those that were there before only what came since counts.
    let since = |(thread, count): (_, u64)| count - before.get(&thread).copied().unwrap_or(0);
    let wakeups = switches(process).into_iter().map(since).sum::<u64>() as f64 / watch.as_secs_f64();
    let shares = std::path::PathBuf::from(format!("/proc/{process}/smaps_rollup"));
    let [rss, pss] = ["Rss:", "Pss:"].map(|name| field(&shares, name) / 1024.0);
    format!("{rss:.1} MiB RSS, {pss:.1} MiB PSS, {wakeups:.2} wake-ups a second")
}

/// Voluntary context switches of each thread.
fn switches(process: u32) -> HashMap<std::ffi::OsString, u64> {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let count =
        |thread: &std::fs::DirEntry| field(&thread.path().join("status"), "voluntary_ctxt_switches:") as u64;
    threads.flatten().map(|thread| (thread.file_name(), count(&thread))).collect()
}

fn status(process: u32, name: &str) -> f64 {
    field(std::path::Path::new(&format!("/proc/{process}/status")), name)
}

fn field(path: &std::path::Path, name: &str) -> f64 {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("0");
    line.split_ascii_whitespace().next().unwrap_or("0").parse().unwrap_or(0.0)
}

/// The most memory that any of this run's commands had, in MiB. (The workers are nobody's children.)
fn peak() -> f64 {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the pointer is valid for the call, and zeroes are a valid rusage.
    let usage = unsafe {
        libc::getrusage(libc::RUSAGE_CHILDREN, usage.as_mut_ptr());
        usage.assume_init()
    };
    usage.ru_maxrss as f64 / 1024.0
}

fn pid(pid: u32) -> Pid {
    Pid::from_raw(pid.cast_signed()).unwrap()
}

fn kill(process: u32) {
    kill_process(pid(process), Signal::KILL).unwrap();
}
