//! A session: one call of `ensure_single_worker`, or another errand.

use coordinator::machine::Machine;
use coordinator::{
    EnsureError, EnsureRequest, StopRequest, Stopped, Worker, ensure_on, held_back, inspect, request_stop,
};

use crate::host::Host;
use crate::machine::machine;

/// What a session asks for.
#[derive(Clone, Debug)]
pub struct SessionPlan {
    /// Its request.
    pub request: EnsureRequest,
    /// What it comes for.
    pub errand: Errand,
}

/// What a session comes for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Errand {
    /// A worker.
    #[default]
    Worker,
    /// That there be none.
    Stop {
        /// Whether it may signal.
        force: bool,
    },
    /// A look, as `status` has it.
    Look,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A worker.
    Worker(Box<Worker>),
    /// The end of the worker.
    Stopped(Stopped),
    /// What was to be seen.
    Seen {
        /// Whether somebody is in office.
        in_office: bool,
        /// Whether he has proved himself.
        proved: bool,
        /// What keeps him from answering.
        trouble: Option<String>,
    },
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
        let deadline = now + u64::try_from(plan.request.deadline().as_nanos()).unwrap_or(u64::MAX);
        kernel.deadlines.insert(host.key, deadline);
        now
    };
    let result = match plan.errand {
        Errand::Worker => wants_worker(&host, &machine, &plan.request, begun).await,
        Errand::Stop { force } => {
            if force {
                host.kernel().forcing.insert(host.key);
            }
            let mut stop = StopRequest::new("told to");
            stop.force = force;
            stop.deadline = plan.request.deadline();
            stop.hang_limit = plan.request.hang_limit();
            request_stop(&machine, plan.request.id(), &stop).await.map(Answer::Stopped)
        }
        Errand::Look => look(&machine, &plan.request).await,
    };
    let answer = result.unwrap_or_else(|error| failed(&host, &error));
    host.kernel().answers.insert(number, answer);
    host.exit(0);
}

/// What a person's look comes to: the worker, and what holds back a launch.
async fn look(machine: &Machine, request: &EnsureRequest) -> Result<Answer, EnsureError> {
    let sight = inspect(machine, request.id(), request.deadline()).await?;
    held_back(machine, request, &sight).await;
    Ok(Answer::Seen { in_office: sight.in_office, proved: sight.health.is_some(), trouble: sight.trouble })
}

async fn wants_worker(
    host: &Host,
    machine: &Machine,
    request: &EnsureRequest,
    begun: u64,
) -> Result<Answer, EnsureError> {
    let watcher = |words: &str| {
        let mut kernel = host.kernel();
        let (now, role) = (kernel.now, kernel.process(host.key).role);
        kernel.story.tell(now, &role, &format_args!("waits: {words}"));
    };
    let worker = ensure_on(machine, request, &watcher).await?;
    let mut kernel = host.kernel();
    let (now, role) = (kernel.now, kernel.process(host.key).role);
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
    Ok(Answer::Worker(Box::new(worker)))
}

fn failed(host: &Host, error: &EnsureError) -> Answer {
    let mut kernel = host.kernel();
    let (now, role) = (kernel.now, kernel.process(host.key).role);
    kernel.story.tell(now, &role, &format_args!("error {}: {error}", error.code()));
    let retry_in_ms = match error {
        EnsureError::CoolingDown { retry_in, .. } => {
            kernel.held_back(host.key);
            u64::try_from(retry_in.as_millis()).ok()
        }
        _ => None,
    };
    Answer::Error { code: error.code(), message: error.to_string(), retry_in_ms }
}
