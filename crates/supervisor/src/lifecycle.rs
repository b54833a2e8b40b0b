//! The life of one child: started, checked until it is ready, watched, restarted, ended.

use std::sync::Arc;
use std::time::Duration;

use coordinator::layout;
use coordinator::machine::{Ending, Machine, Pid};
use coordinator::tree::{self, Child, Signal};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::check::Checker;
use crate::child_guard::{ChildGuard, KILL_TIME};
use crate::context::ChildContext;
use crate::event_log::EventLog;
use crate::failure::Failure;
use crate::notify::NotifySocket;
use crate::output::ChildOutput;
use crate::plan::{Check, ChildSpec, RestartWhen, SocketMode};
use crate::ports::listening_ports;
use crate::restarts::Restarts;

/// How far a child is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ChildState {
    /// Started, or about to be.
    Starting,
    /// Ready, as this process.
    Ready(Pid),
    /// Not started again.
    Final(FinalState),
}

/// Why a child is not started again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FinalState {
    /// The supervisor ended it.
    Stopped,
    /// It exited with status 0, and its policy allows that.
    Finished,
    /// It failed, and is not restarted.
    Failed(Failure),
}

/// How a child must end. A later value is stronger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum StopRequest {
    /// Not at all.
    #[default]
    None,
    /// By its signal, within its time.
    Graceful,
    /// At once.
    Kill,
}

/// Keeps one child running.
pub(crate) struct Lifecycle {
    pub(crate) spec: ChildSpec,
    pub(crate) context: Arc<ChildContext>,
    pub(crate) machine: Machine,
    pub(crate) events: EventLog,
    pub(crate) state: watch::Sender<ChildState>,
    pub(crate) requests: watch::Receiver<StopRequest>,
}

/// How one process of a child ended.
enum ProcessEnd {
    Stopped,
    Failed { failure: Failure, was_ready: bool },
    Finished,
}

impl Lifecycle {
    /// Runs the child until its final state.
    pub(crate) async fn run(self) {
        let mut restarts = Restarts::new(self.spec.restart.clone());
        let mut first = true;
        let last = loop {
            let end = self.run_process().await;
            // No descendant may hold a port or a file when the child is restarted, nor outlive it.
            self.sweep().await;
            let (failure, was_ready) = match end {
                ProcessEnd::Stopped => break FinalState::Stopped,
                ProcessEnd::Finished if self.spec.restart.when != RestartWhen::Always => {
                    self.events.ended(&format!("{} has finished", self.subject()));
                    break FinalState::Finished;
                }
                ProcessEnd::Finished => (Failure::ended(&self.subject(), Ending::Exited(0), true), true),
                ProcessEnd::Failed { failure, was_ready } => (failure, was_ready),
            };
            // A child that was never ready is tried again by the sessions, which have a backoff.
            if (first && !was_ready) || self.spec.restart.when == RestartWhen::Never {
                self.events.ended(&failure.message);
                break FinalState::Failed(failure);
            }
            first = false;
            let Some(pause) = restarts.next(Instant::now(), &*self.machine.random) else {
                let mut given_up = failure;
                given_up.message =
                    format!("{}; given up after {} restarts", given_up.message, self.spec.restart.limit);
                self.events.ended(&given_up.message);
                break FinalState::Failed(given_up);
            };
            let message = format!("{}; it is started again in {pause:.1?}", failure.message);
            self.events.ended(&message);
            tracing::warn!("{message}");
            tokio::select! {
                _ = requested(&self.requests, StopRequest::Graceful) => break FinalState::Stopped,
                () = tokio::time::sleep(pause) => {}
            }
        };
        self.state.send_replace(ChildState::Final(last));
    }

    /// Returns the child's name in messages.
    fn subject(&self) -> String {
        let program = self.spec.command.first().map_or("", String::as_str);
        match self.spec.name.as_str() {
            "" => format!("the command ({program})"),
            name => format!("the helper {name} ({program})"),
        }
    }

    /// Runs one process of the child, from its start to its end.
    async fn run_process(&self) -> ProcessEnd {
        let failed = |failure| ProcessEnd::Failed { failure, was_ready: false };
        let notify = match self.notify_socket() {
            Ok(notify) => notify,
            Err(error) => return failed(self.not_started(&format!("can't be heard: {error}"))),
        };
        let (mut child, output) = match self.start().await {
            Ok(started) => started,
            Err(failure) => return failed(failure),
        };
        let pid = child.0.process().pid;
        tracing::info!(pid = pid.0, "{} is started", self.subject());
        let checker =
            Checker { context: &self.context, spec: &self.spec, output: &output, notify: notify.as_ref() };

        let ready = self.spec.ready.clone().or_else(|| self.default_check());
        let mut last_failure = String::new();
        if let Some(check) = &ready {
            tokio::select! {
                biased;
                request = requested(&self.requests, StopRequest::Graceful) => {
                    return self.end(child, request).await;
                }
                ending = child.0.ended() => {
                    let failure = Failure::ended(&self.subject(), ending, false);
                    return failed(failure.with_output_tail(&output).await);
                }
                late = timeout(check.within(), checker.until_passed(check, &mut last_failure)) => {
                    if late.is_err() {
                        let failure = self.not_ready(check, &last_failure, &child.0);
                        return failed(failure.with_output_tail(&output).await);
                    }
                }
            }
        }
        tracing::info!(pid = pid.0, "{} is ready", self.subject());
        self.state.send_replace(ChildState::Ready(pid));
        self.events.ready(pid, &format!("{} is ready", self.subject()));
        let failed = |failure| ProcessEnd::Failed { failure, was_ready: true };

        tokio::select! {
            biased;
            request = requested(&self.requests, StopRequest::Graceful) => self.end(child, request).await,
            ending = child.0.ended() => {
                // At once: from here on no session may be sent to it.
                self.state.send_replace(ChildState::Starting);
                match ending {
                    Ending::Exited(0) => ProcessEnd::Finished,
                    ending => {
                        let failure = Failure::ended(&self.subject(), ending, true);
                        failed(failure.with_output_tail(&output).await)
                    }
                }
            }
            () = checker.drain_notifications() => unreachable!("it receives for ever"),
            wrong = self.until_unhealthy(&checker, pid) => {
                self.state.send_replace(ChildState::Starting);
                let failure = Failure::new("command_sick", &self.subject(), &wrong);
                failed(failure.with_output_tail(&output).await)
            }
        }
    }

    fn not_started(&self, what: &str) -> Failure {
        Failure::new("command_not_started", &self.subject(), what)
    }

    async fn start(&self) -> Result<(ChildGuard, ChildOutput), Failure> {
        let notify = self.notifies().then(|| self.notify_path());
        let process = self
            .context
            .process(&self.spec, &self.spec.command, notify.as_deref())
            .map_err(|error| self.not_started(&format!("can't be started: {error}")))?;
        if self.spec.name.is_empty() {
            self.context.release_port();
        }
        let spawned = tokio::task::spawn_blocking(move || tree::spawn(&process)).await;
        let mut child = match spawned {
            Ok(spawned) => ChildGuard(spawned.map_err(|error| Failure::start(&self.subject(), &error))?),
            Err(error) => return Err(self.not_started(&error.to_string())),
        };
        let log = self.context.state_dir.join(layout::child_log(self.spec.label()));
        let output = match child.0.take_output() {
            Some(pipe) => ChildOutput::collect(pipe, &log, self.context.log_limits),
            None => Err(std::io::ErrorKind::BrokenPipe.into()),
        };
        let output = output.map_err(|error| self.not_started(&format!("can't be listened to: {error}")))?;
        Ok((child, output))
    }

    /// Returns the readiness check of a command that binds its own port: it accepts a connection.
    /// A command that is passed its socket is ready at once, as far as clients can see.
    fn default_check(&self) -> Option<Check> {
        let own_port = self.spec.name.is_empty() && self.spec.socket == SocketMode::Own;
        own_port.then(|| Check { tcp: Some("{port}".to_owned()), ..Check::default() })
    }

    fn not_ready(&self, check: &Check, last_failure: &str, child: &Child) -> Failure {
        let mut what = format!("was not ready within {:?}", check.within());
        if !last_failure.is_empty() {
            what.push_str(": ");
            what.push_str(last_failure);
        }
        let ports = listening_ports(child);
        if !ports.is_empty() {
            let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
            what.push_str(&format!("; it listens on {}", ports.join(", ")));
        }
        Failure::new("command_not_ready", &self.subject(), &what)
    }

    /// Repeats the liveness check. Returns what is wrong when it has failed too often in a row.
    async fn until_unhealthy(&self, checker: &Checker<'_>, pid: Pid) -> String {
        let Some(check) = &self.spec.alive else { return std::future::pending().await };
        let every = check.every.unwrap_or(Duration::from_secs(10));
        let patience = check.timeout.unwrap_or(Duration::from_secs(5));
        let allowed = check.failures.unwrap_or(3).max(1);
        let (mut failures, mut busy) = (0, true);
        let mut cpu_time = self.cpu_time(pid).await;
        loop {
            tokio::time::sleep(every).await;
            let now = self.cpu_time(pid).await;
            // Busy is a quarter of a CPU. A process that loops for ever gets more time, but an end.
            busy = busy && now.saturating_sub(cpu_time) * 4 >= every;
            cpu_time = now;
            let wrong = match timeout(patience, checker.run(check)).await {
                Ok(Ok(())) => {
                    (failures, busy) = (0, true);
                    continue;
                }
                Ok(Err(wrong)) => wrong,
                Err(_) => format!("there is no answer within {patience:?}"),
            };
            failures += 1;
            if failures >= allowed.saturating_mul(if busy { 6 } else { 1 }) {
                return format!("was not well for {failures} times in a row: {wrong}");
            }
        }
    }

    async fn cpu_time(&self, pid: Pid) -> Duration {
        self.machine.processes.look(pid).await.ok().flatten().map_or(Duration::ZERO, |info| info.cpu_time)
    }

    /// Ends the child by its signal. Kills it when its time is over or a kill is requested.
    async fn end(&self, mut child: ChildGuard, request: StopRequest) -> ProcessEnd {
        if request == StopRequest::Graceful {
            let signal = self.spec.stop.signal.parse().unwrap_or(Signal::Terminate);
            if let Err(error) = child.0.signal_group(signal) {
                tracing::warn!("{} can't be told to end, and is killed: {error}", self.subject());
                return self.kill(child).await;
            }
            let within = self.spec.stop.within;
            tokio::select! {
                _ = child.0.ended() => return ProcessEnd::Stopped,
                _ = requested(&self.requests, StopRequest::Kill) => {}
                () = tokio::time::sleep(within) => {
                    tracing::warn!("{} did not end within {within:?}, and is killed", self.subject());
                }
            }
        }
        self.kill(child).await
    }

    async fn kill(&self, mut child: ChildGuard) -> ProcessEnd {
        let _ = child.0.signal_group(Signal::Kill);
        let _ = timeout(KILL_TIME, child.0.ended()).await;
        ProcessEnd::Stopped
    }

    /// Kills what the child has left behind.
    async fn sweep(&self) {
        let (context, label) = (self.context.clone(), self.spec.label().to_owned());
        let swept =
            tokio::task::spawn_blocking(move || tree::sweep_part(&context.marker, &label, KILL_TIME)).await;
        if let Ok(Err(left)) = swept {
            tracing::warn!("{}: {left}", self.subject());
        }
    }

    fn notifies(&self) -> bool {
        self.spec.ready.as_ref().is_some_and(|check| check.notify)
    }

    fn notify_path(&self) -> std::path::PathBuf {
        self.context.state_dir.join(format!("notify.{}", self.spec.label()))
    }

    fn notify_socket(&self) -> std::io::Result<Option<NotifySocket>> {
        self.notifies().then(|| NotifySocket::bind(&self.notify_path())).transpose()
    }
}

/// Waits for a request of at least this strength.
async fn requested(requests: &watch::Receiver<StopRequest>, least: StopRequest) -> StopRequest {
    match requests.clone().wait_for(|request| *request >= least).await {
        Ok(request) => *request,
        // The supervisor is gone.
        Err(_) => StopRequest::Kill,
    }
}
