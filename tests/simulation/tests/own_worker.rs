//! How an embedder runs their own worker in the simulated machine.

#![allow(missing_docs, reason = "the names say it")]

use std::pin::Pin;
use std::sync::Arc;

use coordinator::proof::Health;
use coordinator::{Claim, Tenure};
use oneworker_simulation::scenario::scenario_of;
use oneworker_simulation::{Program, Question, Reply, WorkerProcess};

/// A worker that claims, binds, says that it is ready, and answers one question after the other.
struct Honest;

impl Program for Honest {
    fn run(&self, process: WorkerProcess) -> Pin<Box<dyn Future<Output = i32> + Send>> {
        Box::pin(async move { serve(process, false).await.unwrap_or(1) })
    }
}

/// The same, but it makes up its answers once and for all: it gives proofs without looking whether it is still in office.
struct Forgetful;

impl Program for Forgetful {
    fn run(&self, process: WorkerProcess) -> Pin<Box<dyn Future<Output = i32> + Send>> {
        Box::pin(async move { serve(process, true).await.unwrap_or(1) })
    }
}

async fn serve(process: WorkerProcess, forgetful: bool) -> Option<i32> {
    let claim = Tenure::claim(process.machine(), process.id(), None, process.readiness()).await.ok()?;
    let Claim::Won(tenure) = claim else { return Some(0) };
    let port = match tenure.bind().await {
        Ok(port) => port,
        Err(error) => {
            tenure.fail(&error).await;
            return None;
        }
    };
    tenure.ready(port.address).await.ok()?;
    let mut remembered: Option<Health> = None;
    loop {
        let asked = tokio::select! {
            biased;
            () = process.terminated() => break,
            () = process.machine().clock.sleep(std::time::Duration::from_secs(1)) => {
                if !forgetful && tenure.check().await.is_err() {
                    break;
                }
                continue;
            }
            asked = process.asked() => asked,
        };
        let reply = match &asked.question {
            Question::Health { .. } if forgetful && remembered.is_some() => {
                remembered.clone().map(|health| Reply::Health(Box::new(health)))?
            }
            Question::Health { challenge, dialled } => match tenure.answer(Some(challenge), *dialled).await {
                Ok(health) => {
                    remembered = Some(health.clone());
                    Reply::Health(Box::new(health))
                }
                Err(_) => break,
            },
            Question::Stop { token } if token == tenure.token() => {
                process.reply(&asked, Reply::Stopping).await;
                break;
            }
            Question::Stop { .. } => Reply::Unauthorized,
            Question::HandOver { .. } => Reply::Unknown,
        };
        process.reply(&asked, reply).await;
    }
    tenure.leaving().await;
    process.close_port().await;
    tenure.end("asked to").await;
    Some(0)
}

fn first_broken(program: impl Program + 'static) -> Option<(u64, String)> {
    let program: Arc<dyn Program> = Arc::new(program);
    (0..2_000).find_map(|seed| {
        let told = scenario_of(seed).tell_with(Arc::clone(&program), false);
        told.err().map(|broken| (seed, broken.what))
    })
}

#[test]
fn an_own_worker_holds_the_guarantees() {
    assert_eq!(first_broken(Honest), None);
}

#[test]
fn an_own_worker_that_does_not_look_after_its_office_is_found_out() {
    assert!(first_broken(Forgetful).is_some());
}
