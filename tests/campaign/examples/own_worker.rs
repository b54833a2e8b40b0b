//! A program of one's own that links `coordinator`, in a form that a campaign can call. `own_worker.toml` describes it.
//!
//! `own-worker ensure|serve|stop STATE_DIR PORT DEADLINE_MS HANG_LIMIT_MS BACKOFF_MS`

// To print is what this program is for.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use coordinator::proof::Challenge;
use coordinator::{
    Backoff, Claim, EnsureRequest, LaunchCommand, StopRequest, Stopped, Superseded, Tenure, WorkerId, system,
};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// How long a client may take for its request.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often a worker looks whether it is still the one.
const CHECK: Duration = Duration::from_secs(2);
/// After how long a worker whose event loop is stuck ends.
const STUCK: Duration = Duration::from_secs(10);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    oneworker_tests::failpoints::install();
    oneworker_tests::sabotages::install();
    let words: Vec<_> = std::env::args().skip(1).collect();
    let Some((request, verb)) = request(&words).zip(words.first()) else {
        eprintln!("usage: own-worker ensure|serve|stop STATE_DIR PORT DEADLINE_MS HANG_LIMIT_MS BACKOFF_MS");
        return ExitCode::from(2);
    };
    let answer = match verb.as_str() {
        "ensure" => coordinator::ensure_single_worker(&request).await.map(|worker| {
            json!({ "outcome": worker.outcome.as_str(), "pid": worker.pid.0, "epoch": worker.epoch.0, "url": worker.url })
        }),
        "stop" => {
            let mut stop = StopRequest::new("own-worker stop");
            stop.deadline = request.deadline();
            stop.hang_limit = request.hang_limit();
            coordinator::request_stop(&system::machine(), request.id(), &stop).await.map(|stopped| {
                json!({ "outcome": if stopped == Stopped::NothingRan { "nothing_ran" } else { "stopped" } })
            })
        }
        _ => {
            return serve(request.id()).await.map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS);
        }
    };
    match answer {
        Ok(answer) => {
            println!("{answer}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("{}", json!({ "error": { "code": error.code(), "message": error.to_string() } }));
            ExitCode::FAILURE
        }
    }
}

/// What a session asks for. The worker is started with the same words, so it is found by its directory like every other process.
fn request(words: &[String]) -> Option<EnsureRequest> {
    let [_, state_dir, port, times @ ..] = words else { return None };
    let [deadline, hang_limit, base] = <[_; 3]>::try_from(
        times.iter().map(|ms| ms.parse().map(Duration::from_millis)).collect::<Result<Vec<_>, _>>().ok()?,
    )
    .ok()?;
    let mut serve = words.to_vec();
    "serve".clone_into(&mut serve[0]);
    let id = WorkerId::builder().name("own-worker").port(port).state_dir(state_dir).build().ok()?;
    EnsureRequest::builder(id, LaunchCommand::this_program(serve).ok()?)
        .deadline(deadline)
        .hang_limit(hang_limit)
        .backoff(Backoff { base, max: Duration::from_secs(1), ..Backoff::default() })
        .build()
        .ok()
}

/// The worker: takes office, listens, answers, and ends when it is told to or is no longer the one.
async fn serve(id: &WorkerId) -> Result<(), Box<dyn Error>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let Claim::Won(tenure) = Tenure::claim(&system::machine(), id, None, system::readiness()).await? else {
        return Ok(()); // somebody else is in office, and nothing was touched
    };
    let tenure = Arc::new(tenure);
    let bound = match tenure.bind().await {
        Ok(bound) => bound,
        Err(error) => {
            tenure.fail(&error).await; // whoever launched us learns why
            return Err(error.into());
        }
    };
    let listener = TcpListener::from_std(bound.listener.ok_or("a real machine has real sockets")?)?;
    if let Err(error) = tenure.ready(bound.address).await {
        tenure.fail(&error).await;
        return Err(error.into());
    }
    let (ends, mut end) = mpsc::unbounded_channel();
    let beat = watchdog();
    let why = loop {
        beat.store(true, Ordering::SeqCst);
        tokio::select! {
            Ok((stream, _)) = listener.accept() => {
                let (tenure, ends) = (Arc::clone(&tenure), ends.clone());
                // A client that says nothing keeps nobody waiting.
                tokio::spawn(async move {
                    if let Ok(Some(why)) = tokio::time::timeout(PATIENCE, answer(&tenure, stream)).await {
                        let _ = ends.send(why);
                    }
                });
            }
            () = tokio::time::sleep(CHECK) => {
                if let Err(superseded) = tenure.check().await {
                    break superseded.why;
                }
            }
            Some(why) = end.recv() => break why,
            _ = terminate.recv() => break "SIGTERM".to_owned(),
        }
    };
    tenure.leaving().await;
    tenure.end(&why).await;
    Ok(())
}

/// Ends the process when nobody beats any more: a stuck event loop can't notice that it is no longer the one, and would keep the port.
fn watchdog() -> Arc<AtomicBool> {
    let beat = Arc::new(AtomicBool::new(true));
    let seen = Arc::clone(&beat);
    std::thread::spawn(move || {
        while seen.swap(false, Ordering::SeqCst) {
            std::thread::sleep(STUCK);
        }
        std::process::abort();
    });
    beat
}

/// Answers one request; says why, if the worker is to end now.
async fn answer(tenure: &Tenure, mut stream: TcpStream) -> Option<String> {
    let (mut request, dialled) = (vec![0; 4096], stream.local_addr().ok()?);
    let n = stream.read(&mut request).await.ok()?;
    let head = String::from_utf8_lossy(&request[..n]).into_owned();
    let challenge = head.split_once("challenge=").and_then(|(_, rest)| rest.split(' ').next());
    let may_command = head.contains(&format!("Bearer {}", tenure.token()));
    let (status, body, end) = if head.starts_with("GET /health") {
        match tenure.answer(challenge.and_then(Challenge::parse).as_ref(), dialled).await {
            Ok(health) => ("200 OK", serde_json::to_value(&health).ok()?, None),
            Err(Superseded { why }) => {
                ("503 Service Unavailable", json!({ "error": { "code": "superseded" } }), Some(why))
            }
        }
    } else if head.starts_with("POST /admin/shutdown") && may_command {
        ("200 OK", json!({}), Some("asked to stop".to_owned()))
    } else {
        ("404 Not Found", json!({}), None)
    };
    let body = body.to_string();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
    end
}
