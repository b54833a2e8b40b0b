//! Writing data: straight into a database, as ten daemons at once did, and through the one worker; and what the fence costs. The tables of
//! `docs/performance.md`.
//!
//! `cargo bench -p oneworker-benches --bench data`

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use coordinator::Epoch;
use coordinator::fence::Fence;
use oneworker_benches::{Stage, Timing, chosen_or};
use rusqlite::Connection;

/// So many daemons ran in the incident.
const WRITERS: usize = 10;
/// What they write.
const TEXT: &str =
    "the user asked for the tests to be run, and they were run, and all but one of them have passed";
const TABLE: &str = "CREATE TABLE IF NOT EXISTS observations (id INTEGER PRIMARY KEY, session TEXT, kind TEXT, text TEXT, key TEXT UNIQUE)";
const INSERT: &str = "INSERT INTO observations (session, kind, text, key) VALUES ('s', 'k', ?1, ?2)";

/// What is measured: this source, or a binary that was built before.
fn measured() -> String {
    chosen_or(env!("CARGO_BIN_EXE_oneworker-measured"))
}

fn main() {
    if let Ok(role) = std::env::var("ONEWORKER_BENCH_WRITER") {
        return write_as(&role);
    }
    // `cargo test --benches` asks only whether it runs.
    let quick = std::env::args().any(|arg| arg == "--test");
    let scale = |n: usize| if quick { n.div_ceil(40) } else { n };
    fence(scale(4000));
    single(scale(2000));
    println!(
        "| {WRITERS} processes, each writing one row at a time | tried | errors | lost | rows a second | p50, p99 of a row | CPU | memory of all |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    let rows = scale(400);
    straight("straight, SQLite's defaults", "delete", 0, rows);
    straight("straight, WAL, waiting up to 5 s", "wal", 5000, rows);
    through_the_worker(rows);
}

fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}

fn ms(timing: Timing) -> String {
    format!("{:.3} ms, {:.3} ms", timing.p50.as_secs_f64() * 1e3, timing.p99.as_secs_f64() * 1e3)
}

fn open(path: &Path, synchronous: &str) -> Connection {
    let db = Connection::open(path).unwrap();
    db.execute_batch(&format!("PRAGMA journal_mode = wal; PRAGMA synchronous = {synchronous}; {TABLE}"))
        .unwrap();
    db
}

/// A commit with and without the fence, turn by turn.
fn fence(n: usize) {
    println!("| a commit of one row (p50, p99) | bare | fenced | difference |");
    println!("| --- | --- | --- | --- |");
    for synchronous in ["off", "full"] {
        let dir = tempfile::tempdir().unwrap();
        let bare = open(&dir.path().join("bare.db"), synchronous);
        let path = dir.path().join("fenced.db");
        let claimed = Fence::claim(&path, Epoch(1), Duration::from_secs(1)).unwrap();
        let fenced = claimed.connect().unwrap();
        fenced.execute_batch(&format!("PRAGMA synchronous = {synchronous}; {TABLE}")).unwrap();
        let insert = |db: &Connection, n: usize| {
            timed(|| db.prepare_cached(INSERT).unwrap().execute((TEXT, n.to_string())).unwrap())
        };
        let (mut without, mut with) = (Vec::new(), Vec::new());
        for n in 0..n {
            without.push(insert(&bare, n));
            with.push(insert(&fenced, n));
        }
        let (without, with) = (Timing::of(without), Timing::of(with));
        let more = (with.p50.as_secs_f64() - without.p50.as_secs_f64()) * 1e6;
        println!("| `synchronous={synchronous}` | {} | {} | {more:.1} µs |", ms(without), ms(with));
    }
    println!();
}

/// One client that waits for each answer, beside bare commits with the same pragmas and tables.
fn single(n: usize) {
    const INSERT: &str =
        "INSERT INTO observations (at_ms, session, kind, text, key) VALUES (0, 's', 'k', ?1, ?2)";
    let stage = Stage::new(&measured());
    stage.ensure();
    stage.stop();
    let dir = tempfile::tempdir().unwrap();
    let copy = dir.path().join("bare.db");
    fs::copy(stage.state_dir().join("worker.db"), &copy).unwrap();
    let bare = Connection::open(copy).unwrap();
    bare.execute_batch("PRAGMA journal_mode = wal; PRAGMA synchronous = full").unwrap();
    let mut client = Inbox::connect(&stage);
    let (mut twin, mut ours) = (Vec::new(), Vec::new());
    for n in 0..n {
        twin.push(timed(|| bare.prepare_cached(INSERT).unwrap().execute((TEXT, n.to_string())).unwrap()));
        ours.push(timed(|| client.put(&n.to_string()).unwrap()));
    }
    let (twin, ours) = (Timing::of(twin), Timing::of(ours));
    println!("| one client (p50, p99) | bare `INSERT` and commit | `POST /observations` | ratio | target |");
    println!("| --- | --- | --- | --- | --- |");
    println!("| one durable row | {} | {} | {:.2} | ≤ 2 |\n", ms(twin), ms(ours), ours.ratio(twin));
}

/// A connection that stays open, to a worker.
struct Inbox {
    stream: BufReader<TcpStream>,
    token: String,
}

impl Inbox {
    fn connect(stage: &Stage) -> Self {
        let address = stage.address();
        let token = fs::read_to_string(stage.state_dir().join("token")).unwrap();
        Self::to(address, token)
    }

    fn to(address: SocketAddr, token: String) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream: BufReader::new(stream), token }
    }

    fn put(&mut self, key: &str) -> Result<(), String> {
        let body = format!(r#"{{"session":"s","kind":"k","text":"{TEXT}","key":"{key}"}}"#);
        let request = format!(
            "POST /observations HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\ncontent-length: {}\r\n\r\n{body}",
            self.token,
            body.len()
        );
        self.stream.get_mut().write_all(request.as_bytes()).map_err(|error| error.to_string())?;
        let (mut status, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).map_err(|error| error.to_string())?;
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            if status.is_empty() {
                line.clone_into(&mut status);
            }
            if let Some(given) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = given.trim().parse().unwrap();
            }
        }
        let mut answer = vec![0; length];
        self.stream.read_exact(&mut answer).map_err(|error| error.to_string())?;
        if status.contains(" 200 ") { Ok(()) } else { Err(status) }
    }
}

/// One of the ten: writes its rows one at a time, and prints how long each took, or `error`.
fn write_as(role: &str) {
    let fields: Vec<&str> = role.split(' ').collect();
    let [kind, place, rest, rows, me] = fields[..] else { panic!("{role}") };
    let rows: usize = rows.parse().unwrap();
    let mut out = String::new();
    let mut note = |took: Duration, result: Result<(), String>| match result {
        Ok(()) => out.push_str(&format!("{}\n", took.as_nanos())),
        Err(_) => out.push_str("error\n"),
    };
    // All begin at once: when the file is there.
    let gate = std::env::var("ONEWORKER_BENCH_GATE").unwrap();
    while !Path::new(&gate).exists() {
        std::thread::sleep(Duration::from_millis(1));
    }
    if kind == "worker" {
        let mut client = Inbox::to(place.parse().unwrap(), rest.to_owned());
        for n in 0..rows {
            let begun = Instant::now();
            let result = client.put(&format!("{me}-{n}"));
            note(begun.elapsed(), result);
        }
    } else {
        let db = Connection::open(place);
        for n in 0..rows {
            let begun = Instant::now();
            let result = db.as_ref().map_err(ToString::to_string).and_then(|db| {
                db.busy_timeout(Duration::from_millis(rest.parse().unwrap())).unwrap();
                db.execute(INSERT, (TEXT, format!("{me}-{n}"))).map(drop).map_err(|error| error.to_string())
            });
            note(begun.elapsed(), result);
        }
    }
    print!("{out}");
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or(" 0 kB");
    println!("peak {}", peak.trim().trim_end_matches(" kB"));
}

/// Lets ten processes write, and prints what came of it.
fn ten(
    what: &str,
    role: impl Fn(usize) -> String,
    rows: usize,
    there: impl Fn() -> usize,
    worker: Option<u32>,
) {
    let dir = tempfile::tempdir().unwrap();
    let gate = dir.path().join("gate");
    let cpu_before = worker.map_or(0.0, cpu_of) + cpu_of_children();
    let writers: Vec<Child> = (0..WRITERS)
        .map(|n| {
            let mut command = Command::new(std::env::current_exe().unwrap());
            command.env("ONEWORKER_BENCH_WRITER", role(n)).env("ONEWORKER_BENCH_GATE", &gate);
            command.stdout(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let begun = Instant::now();
    fs::write(&gate, "").unwrap();
    let (mut took, mut errors, mut memory) = (Vec::new(), 0, 0_u64);
    for writer in writers {
        let output = writer.wait_with_output().unwrap();
        for line in String::from_utf8(output.stdout).unwrap().lines() {
            match line.strip_prefix("peak ") {
                Some(peak) => memory += peak.parse::<u64>().unwrap(),
                None if line == "error" => errors += 1,
                None => took.push(Duration::from_nanos(line.parse().unwrap())),
            }
        }
    }
    let all = begun.elapsed();
    let cpu = worker.map_or(0.0, cpu_of) + cpu_of_children() - cpu_before;
    memory += worker.map_or(0, peak_of);
    let (answered, there) = (took.len(), there());
    println!(
        "| {what} | {} | {errors} | {} | {:.0} | {} | {cpu:.2} s | {:.0} MiB |",
        WRITERS * rows,
        answered.saturating_sub(there) + errors,
        answered as f64 / all.as_secs_f64(),
        ms(Timing::of(took)),
        memory as f64 / 1024.0
    );
}

fn straight(what: &str, mode: &str, patience_ms: u32, rows: usize) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("shared.db");
    let db = Connection::open(&path).unwrap();
    db.execute_batch(&format!("PRAGMA journal_mode = {mode}; {TABLE}")).unwrap();
    let role = |n| format!("straight {} {patience_ms} {rows} {n}", path.display());
    ten(what, role, rows, || count(&path), None);
}

fn through_the_worker(rows: usize) {
    let stage = Stage::new(&measured());
    let address = stage.address();
    let token = fs::read_to_string(stage.state_dir().join("token")).unwrap();
    let role = |n| format!("worker {address} {token} {rows} {n}");
    let path = stage.state_dir().join("worker.db");
    ten("through the worker", role, rows, || count(&path), Some(stage.pid()));
}

fn count(path: &Path) -> usize {
    let db = Connection::open(path).unwrap();
    let rows: u32 = db.query_row("SELECT count(*) FROM observations", [], |row| row.get(0)).unwrap();
    rows as usize
}

/// CPU time of a process, in seconds.
fn cpu_of(pid: u32) -> f64 {
    ticks(&fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default(), 11)
}

/// CPU time of all children that were waited for, in seconds.
fn cpu_of_children() -> f64 {
    ticks(&fs::read_to_string("/proc/self/stat").unwrap_or_default(), 13)
}

/// Two fields of `/proc/PID/stat`, counted behind the program's name, in seconds.
fn ticks(stat: &str, at: usize) -> f64 {
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let field = |n: usize| fields.get(n).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    (field(at) + field(at + 1)) / rustix::param::clock_ticks_per_second() as f64
}

fn peak_of(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|peak| peak.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
