//! The sessions.

use std::fs;
use std::io;
use std::process::Stdio;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::directory::{StormDirectory, command};
use crate::progress::Bar;

/// What a session did.
#[derive(Debug, Serialize)]
pub(super) struct StormSession {
    /// When it began and ended, since the first one.
    #[serde(rename = "begin_ms", serialize_with = "in_ms")]
    pub(super) begin: Duration,
    #[serde(rename = "end_ms", serialize_with = "in_ms")]
    pub(super) end: Duration,
    /// How it came to its worker, or the code of its error.
    pub(super) outcome: String,
    /// The worker that it was given.
    pub(super) worker: Option<u32>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn in_ms<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(crate::fields::ms(*time))
}

/// Sessions as they are meant: each asks for the worker.
pub(super) fn at_once(directory: &StormDirectory, number: usize) -> io::Result<Vec<StormSession>> {
    crowd(number, |_| ask(directory, None))
}

/// Sessions that look first. Between the look and the start there is time for others to look, too.
pub(super) fn naive(directory: &StormDirectory, number: usize) -> io::Result<Vec<StormSession>> {
    crowd(number, |session| {
        if let Some(worker) = fs::read_to_string(directory.pid_file()).ok().and_then(|pid| pid.parse().ok()) {
            return Ok(("found".to_owned(), Some(worker)));
        }
        let started = ask(directory, Some(session))?;
        if let (_, Some(worker)) = &started {
            fs::write(directory.pid_file(), worker.to_string())?;
        }
        Ok(started)
    })
}

/// `ensure`; its outcome, and the worker's pid.
fn ask(directory: &StormDirectory, own: Option<usize>) -> io::Result<(String, Option<u32>)> {
    let asked = command("ensure", &directory.state_dir(own)).arg("--json").stderr(Stdio::null()).output()?;
    let answer: Value = serde_json::from_slice(&asked.stdout).unwrap_or_default();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let outcome = text(&answer["outcome"]).or_else(|| text(&answer["error"]["code"]));
    let worker = answer["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok());
    Ok((outcome.unwrap_or_else(|| format!("ended with {}", asked.status)), worker))
}

fn crowd(
    number: usize,
    session: impl Fn(usize) -> io::Result<(String, Option<u32>)> + Sync,
) -> io::Result<Vec<StormSession>> {
    let (gate, done, bar) = (Barrier::new(number), AtomicUsize::new(0), Bar::new(number));
    let (gate, done, bar, session) = (&gate, &done, &bar, &session);
    let origin = Instant::now();
    std::thread::scope(|scope| {
        let one = |at: usize| {
            gate.wait();
            let begin = origin.elapsed();
            let (outcome, worker) = session(at)?;
            bar.show(done.fetch_add(1, Ordering::Relaxed) + 1);
            Ok(StormSession { begin, end: origin.elapsed(), outcome, worker })
        };
        let threads: Vec<_> = (0..number).map(|at| scope.spawn(move || one(at))).collect();
        let results: io::Result<Vec<StormSession>> = threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| Err(io::Error::other("a session panicked"))))
            .collect();
        let mut sessions = results?;
        let first = sessions.iter().map(|session| session.begin).min().unwrap_or_default();
        for session in &mut sessions {
            session.begin -= first;
            session.end -= first;
        }
        sessions.sort_by_key(|session| session.end);
        Ok(sessions)
    })
}
