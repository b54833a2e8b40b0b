//! What a launched worker runs: [`StandardWorker`], or an embedder's own [`Program`].

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use coordinator::machine::{Machine, ProcessIdentity, Readiness};
use coordinator::record::Service;
use coordinator::{
    Claim, EnsureRequest, Epoch, EpochFloor, Predecessor, Takeover, Tenure, TenureError, WorkerId,
};
use tokio::sync::watch;

use crate::host::Host;
use crate::kernel::ports::{Listener, Question, Reply};
use crate::machine::{Channel, machine};

/// How often a worker checks itself.
const SELF_CHECK: Duration = Duration::from_secs(2);

/// A worker's program, to be run in the simulated machine.
pub trait Program: Send + Sync {
    /// Runs it in a fresh process; the result is its exit status. Everything outside the process is to be reached through `process`.
    fn run(&self, process: WorkerProcess) -> Pin<Box<dyn Future<Output = i32> + Send>>;
}

/// A worker's process, from within.
#[derive(Clone)]
pub struct WorkerProcess {
    host: Host,
    machine: Machine,
    request: EnsureRequest,
}

/// A question that came in.
#[derive(Debug)]
pub struct Asked {
    /// What is asked.
    pub question: Question,
    number: u64,
}

impl WorkerProcess {
    pub(crate) fn new(host: Host, request: EnsureRequest) -> Self {
        Self { machine: machine(&host), host, request }
    }

    /// The machine, for [`Tenure::claim`].
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// The identity that this worker has.
    pub fn id(&self) -> &WorkerId {
        self.request.id()
    }

    /// The request that it was launched for.
    pub fn request(&self) -> &EnsureRequest {
        &self.request
    }

    /// The readiness channel.
    pub fn readiness(&self) -> Box<dyn Readiness> {
        Box::new(Channel(self.host.clone()))
    }

    /// Starts another task of this process.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.host.spawn(task);
    }

    /// Waits until this process is asked to end by a signal.
    pub async fn terminated(&self) {
        poll_fn(|cx| {
            let mut kernel = self.host.kernel();
            let process = kernel.process_mut(self.host.key);
            if process.terminated {
                return Poll::Ready(());
            }
            process.await_signal.push(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// Waits for the next question that comes to the port that this process listens on.
    pub async fn asked(&self) -> Asked {
        poll_fn(|cx| {
            let mut kernel = self.host.kernel();
            let key = self.host.key;
            let next = kernel.ports.listeners.values_mut().find_map(|listener| match listener {
                Listener::Worker { owner, queue, .. } if *owner == key => queue.pop_front(),
                _ => None,
            });
            let Some((number, question)) = next else {
                kernel.process_mut(key).await_question.push(cx.waker().clone());
                return Poll::Pending;
            };
            self.host.tell(&mut kernel, "asked", &number);
            Poll::Ready(Asked { question, number })
        })
        .await
    }

    /// Answers.
    pub async fn reply(&self, number: &Asked, reply: Reply) {
        self.host
            .call("reply", &format!("{reply:?}"), |kernel, key| {
                let request = kernel.ports.request(number.number);
                let (from, heard) = (request.from, !request.abandoned);
                let client = request.client.take();
                if let (Reply::Health(health), Some((to, asked))) = (&reply, from) {
                    kernel.proved(key, to, asked, health);
                    if heard {
                        let now = kernel.now;
                        kernel.process_mut(key).heard(now);
                    }
                }
                kernel.ports.request(number.number).reply = Some(reply);
                if let Some(client) = client {
                    client.wake();
                }
            })
            .await;
    }

    /// Stops listening.
    pub async fn close_port(&self) {
        self.host.call("close", "port", |kernel, key| kernel.ports.closed_by(key)).await;
    }
}

/// A worker that does what `oneworker serve` does, in the same order: claims, binds, publishes, answers, checks itself, and leaves in good
/// order when it is told to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StandardWorker {
    /// How long it takes from office to its port.
    pub start: Duration,
    /// How long an answer takes, one after the other; zero: all side by side, at once.
    pub answer: Duration,
    /// Whether each answer is over before the next one begins.
    pub in_turn: bool,
    /// It leaves when nobody was given it for so long; zero: never.
    pub idle: Duration,
    /// It supervises a command that takes so long to get ready, and has the port; zero: it serves itself.
    pub command: Duration,
    /// The command ends after it has been ready for so long, and is started again; zero: never.
    pub command_life: Duration,
    /// How long it takes to its end once it has said that it leaves.
    pub linger: Duration,
    /// How long it drains before it hands over.
    pub drain: Duration,
    /// It is of a version that knows nothing of handing over, and of taking over.
    pub alone: bool,
}

/// How long a successor waits for the office that it was promised.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a successor's start is watched by who has made room for it.
const SUCCESSION: Duration = Duration::from_secs(60);
/// How often a worker that drains looks whether its successor still lives.
const STEP: Duration = Duration::from_millis(10);

/// Nothing is known elsewhere.
struct NoFloor;

#[async_trait::async_trait]
impl EpochFloor for NoFloor {
    async fn highest(&self) -> Result<Option<Epoch>, TenureError> {
        Ok(None)
    }
}

/// What makes a worker leave.
#[derive(Clone, Default)]
struct Orders {
    stop: watch::Sender<bool>,
    /// It has agreed to hand over so often.
    agreed: watch::Sender<u64>,
    /// Nobody can ask it any more.
    closed: watch::Sender<bool>,
}

impl Program for StandardWorker {
    fn run(&self, process: WorkerProcess) -> Pin<Box<dyn Future<Output = i32> + Send>> {
        Box::pin(serve(process, *self))
    }
}

async fn serve(process: WorkerProcess, manner: StandardWorker) -> i32 {
    let mut predecessor = Predecessor::of_command(process.request().launch()).filter(|_| !manner.alone);
    loop {
        let successor = match serve_once(&process, manner, predecessor).await {
            Over::Ended(status) => return status,
            Over::HandedOver(successor) => successor,
        };
        let (machine, id) = (process.machine(), process.id());
        let failed = tokio::select! {
            biased;
            () = process.terminated() => false,
            failed = Tenure::succession_failed(machine, id, &successor, SUCCESSION) => failed,
        };
        if !failed {
            return 0;
        }
        predecessor = None;
    }
}

/// What comes after a tenure, or in its place.
enum Over {
    Ended(i32),
    /// Whatever comes of its successor.
    HandedOver(ProcessIdentity),
}

async fn serve_once(
    process: &WorkerProcess,
    manner: StandardWorker,
    predecessor: Option<Predecessor>,
) -> Over {
    let claim = tokio::select! {
        biased;
        () = process.terminated() => return Over::Ended(0),
        claim = claim(process, predecessor) => claim,
    };
    let tenure = match claim {
        Ok(Claim::Won(tenure)) => Arc::new(tenure),
        Ok(Claim::Lost(_)) => return Over::Ended(0),
        Err(_) => return Over::Ended(1),
    };
    let orders = Orders::default();
    let stop = &orders.stop;
    process.spawn(periodically_check(process.clone(), tenure.clone(), stop.clone()));
    let begun = tokio::select! {
        biased;
        () = stopped(process, stop) => Ok(()),
        begun = begin(process, &tenure, &orders, manner) => begun,
    };
    if let Err(error) = begun {
        tenure.fail(&error).await;
        return Over::Ended(1);
    }
    let hands_over = tokio::select! {
        biased;
        () = stopped(process, stop) => false,
        () = unneeded(process, &tenure, manner.idle) => false,
        () = handed_over(process, &tenure, &orders, manner.drain) => true,
    };
    let successor = if hands_over {
        tenure.successor().await
    } else {
        tenure.keep_office().await;
        None
    };
    stop.send_replace(true);
    tenure.leaving().await;
    process.machine().clock.sleep(manner.linger).await;
    process.close_port().await;
    orders.closed.send_replace(true);
    tenure.end("asked to").await;
    successor.map_or(Over::Ended(0), Over::HandedOver)
}

/// Takes office, from the worker in it if this one was launched for that.
async fn claim(process: &WorkerProcess, predecessor: Option<Predecessor>) -> Result<Claim, TenureError> {
    let (machine, id, readiness) = (process.machine(), process.id(), process.readiness());
    match predecessor {
        Some(predecessor) => {
            let answer_within = process.request().deadline();
            let takeover = Takeover { predecessor, patience: PATIENCE, answer_within };
            Tenure::succeed(machine, id, None, readiness, &NoFloor, takeover).await
        }
        None => Tenure::claim(machine, id, None, readiness).await,
    }
}

/// Returns once the worker has drained for a successor that still lives. From then on it leaves.
async fn handed_over(process: &WorkerProcess, tenure: &Tenure, orders: &Orders, drain: Duration) {
    let clock = &process.machine().clock;
    let mut agreed = orders.agreed.subscribe();
    loop {
        // It can't close: this process holds a sender.
        let _ = agreed.changed().await;
        let end = clock.now() + drain;
        while tenure.successor_lives().await {
            if clock.now() >= end {
                return;
            }
            clock.sleep(STEP).await;
        }
        tenure.keep_office().await;
    }
}

/// Returns once the worker has decided to leave since nobody was given it for `idle`.
async fn unneeded(process: &WorkerProcess, tenure: &Tenure, idle: Duration) {
    if idle.is_zero() {
        return std::future::pending().await;
    }
    let decides = || {
        process.host.kernel().decides_to_leave(process.host.key, idle);
        false
    };
    loop {
        process.machine().clock.sleep(idle / 4).await;
        if tenure.leave_if_unneeded(idle, &decides).await {
            return;
        }
    }
}

async fn stopped(process: &WorkerProcess, stop: &watch::Sender<bool>) {
    let mut decided = stop.subscribe();
    tokio::select! {
        biased;
        () = process.terminated() => {}
        _ = decided.wait_for(|stop| *stop) => {}
    }
}

async fn begin(
    process: &WorkerProcess,
    tenure: &Arc<Tenure>,
    orders: &Orders,
    manner: StandardWorker,
) -> Result<(), TenureError> {
    process.machine().clock.sleep(manner.start).await;
    let bound: SocketAddr = tenure.bind().await?.address;
    let answering = answer_all(process.clone(), tenure.clone(), orders.clone(), manner);
    if manner.command.is_zero() {
        process.spawn(answering);
        return tenure.ready(bound).await;
    }
    let control = tenure.bind_beside().await?.address;
    process.spawn(answering);
    tenure.starting(control).await?;
    process.machine().clock.sleep(manner.command).await;
    // The command is not in the simulated machine: this very process stands for it.
    let service = Service { address: bound, pid: tenure.process().pid };
    tenure.ready_with(control, Some(service)).await?;
    process.spawn(restart_command(process.clone(), tenure.clone(), service, manner));
    Ok(())
}

async fn restart_command(
    process: WorkerProcess,
    tenure: Arc<Tenure>,
    service: Service,
    manner: StandardWorker,
) {
    while !manner.command_life.is_zero() {
        process.machine().clock.sleep(manner.command_life).await;
        tenure.set_service(None).await;
        process.machine().clock.sleep(manner.command).await;
        tenure.set_service(Some(service)).await;
    }
}

async fn answer_all(process: WorkerProcess, tenure: Arc<Tenure>, orders: Orders, manner: StandardWorker) {
    let mut closed = orders.closed.subscribe();
    loop {
        let asked = tokio::select! {
            biased;
            _ = closed.wait_for(|closed| *closed) => return,
            asked = process.asked() => asked,
        };
        process.machine().clock.sleep(manner.answer).await;
        let answer = answer(process.clone(), tenure.clone(), orders.clone(), asked, manner);
        if manner.in_turn {
            answer.await;
        } else {
            // Each connection has a task of its own, so that answers cross each other as they do in the worker.
            process.spawn(answer);
        }
    }
}

async fn answer(
    process: WorkerProcess,
    tenure: Arc<Tenure>,
    orders: Orders,
    asked: Asked,
    manner: StandardWorker,
) {
    let reply = match &asked.question {
        Question::Health { challenge, dialled } => match tenure.answer(Some(challenge), *dialled).await {
            Ok(health) => Reply::Health(Box::new(health)),
            Err(_) => {
                orders.stop.send_replace(true);
                Reply::Superseded
            }
        },
        Question::HandOver { .. } if manner.alone => Reply::Unknown,
        Question::HandOver { token, request } if token == tenure.token() => {
            match tenure.hand_over_to(request).await {
                Ok(()) => Reply::HandingOver,
                Err(refused) => Reply::Keeping(refused.to_string()),
            }
        }
        Question::Stop { token } if token == tenure.token() => Reply::Stopping,
        Question::Stop { .. } | Question::HandOver { .. } => Reply::Unauthorized,
    };
    let (stops, hands_over) = (matches!(reply, Reply::Stopping), matches!(reply, Reply::HandingOver));
    process.reply(&asked, reply).await;
    // What was asked is answered before the port is closed.
    if stops {
        orders.stop.send_replace(true);
    }
    if hands_over {
        orders.agreed.send_modify(|times| *times += 1);
    }
}

async fn periodically_check(process: WorkerProcess, tenure: Arc<Tenure>, stop: watch::Sender<bool>) {
    let mut decided = stop.subscribe();
    loop {
        tokio::select! {
            biased;
            _ = decided.wait_for(|stop| *stop) => return,
            () = process.machine().clock.sleep(SELF_CHECK) => {}
        }
        if tenure.check().await.is_err() {
            stop.send_replace(true);
        }
    }
}
