//! A session: one call of `ensure_single_worker`.

use coordinator::{EnsureError, Worker, WorkerSpec, ensure_on};

use crate::host::Host;
use crate::machine::machine;

/// What a session asks for.
#[derive(Clone, Debug)]
pub struct SessionPlan {
    /// Its spec, deadline included.
    pub spec: WorkerSpec,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A worker.
    Worker(Box<Worker>),
    /// An error: its code, and for `cooling_down` how long to wait, in milliseconds.
    Error {
        /// The stable code.
        code: &'static str,
        /// In words.
        message: String,
        /// For `cooling_down`.
        retry_in_ms: Option<u64>,
    },
}

pub(crate) async fn run_session(host: Host, number: u32, plan: SessionPlan) {
    let machine = machine(&host);
    let begun = {
        let mut kernel = host.kernel();
        let now = kernel.now;
        let deadline = now + u64::try_from(plan.spec.deadline().as_nanos()).unwrap_or(u64::MAX);
        kernel.deadlines.insert(host.key, deadline);
        now
    };
    let watcher = |words: &str| {
        let mut kernel = host.kernel();
        let (now, role) = (kernel.now, kernel.process(host.key).role);
        kernel.story.tell(now, &role, &format_args!("waits: {words}"));
    };
    let result = ensure_on(&machine, &plan.spec, &watcher).await;
    let mut kernel = host.kernel();
    let (now, role) = (kernel.now, kernel.process(host.key).role);
    let answer = match result {
        Ok(worker) => {
            kernel.answered(host.key, begun, &worker);
            kernel.story.tell(
                now,
                &role,
                &format_args!(
                    "got pid {}, epoch {} at {} ({})",
                    worker.pid,
                    worker.epoch,
                    worker.url,
                    worker.outcome.as_str()
                ),
            );
            Answer::Worker(Box::new(worker))
        }
        Err(error) => {
            kernel.story.tell(now, &role, &format_args!("error {}: {error}", error.code()));
            let retry_in_ms = match &error {
                EnsureError::CoolingDown { retry_in, .. } => {
                    kernel.held_back(host.key);
                    u64::try_from(retry_in.as_millis()).ok()
                }
                _ => None,
            };
            Answer::Error { code: error.code(), message: error.to_string(), retry_in_ms }
        }
    };
    kernel.answers.insert(number, answer);
    drop(kernel);
    host.exit(0);
}
