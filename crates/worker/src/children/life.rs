//! One part's life: started, waited for until it is ready, watched, started again, ended.

use std::sync::Arc;
use std::time::Duration;

use coordinator::layout;
use coordinator::machine::{Ending, Machine, Pid};
use coordinator::tree::{self, Child, Signal};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::KILL;
use super::check::Ear;
use super::chronicle::Chronicle;
use super::failure::Failure;
use super::ground::Ground;
use super::notify::Notify;
use super::output::Output;
use super::plan::{Check, Part, RestartWhen, Socket};
use super::restarts::Restarts;

/// How far a part is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Started, or about to be.
    Starting,
    /// Ready, as this process.
    Ready(Pid),
    /// It is not started any more.
    Over(Over),
}

/// Why a part is not started any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Over {
    /// It was told to end.
    Stopped,
    /// It ended with status 0, which it may.
    Finished,
    /// It failed, for the last time.
    Failed(Failure),
}

/// How a part is to end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Order {
    /// It is not.
    #[default]
    Run,
    /// With its signal, and its time.
    End,
    /// Now.
    Kill,
}

/// A child that does not outlive who waits for it.
pub(super) struct Held(pub(super) Child);

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.0.signal_group(Signal::Kill);
    }
}

/// A part that is kept running.
pub(super) struct Life {
    pub(super) part: Part,
    pub(super) ground: Arc<Ground>,
    pub(super) machine: Machine,
    pub(super) chronicle: Chronicle,
    pub(super) state: watch::Sender<State>,
    pub(super) orders: watch::Receiver<Order>,
}

/// How one process of a part went.
enum Gone {
    Stopped,
    Failed { failure: Failure, was_ready: bool },
    Finished,
}

impl Life {
    /// Lives it to its end.
    pub(super) async fn live(self) {
        let mut restarts = Restarts::new(self.part.restart.clone());
        let mut first = true;
        let over = loop {
            let gone = self.once().await;
            // Nothing of it may hold a port or a file when it is started again, nor outlive it.
            self.sweep().await;
            let (why, was_ready) = match gone {
                Gone::Stopped => break Over::Stopped,
                Gone::Finished if self.part.restart.when != RestartWhen::Always => {
                    self.chronicle.ended(&format!("{} has finished", self.who()));
                    break Over::Finished;
                }
                Gone::Finished => (Failure::ended(&self.who(), Ending::Exited(0), true), true),
                Gone::Failed { failure, was_ready } => (failure, was_ready),
            };
            // What has never been ready is tried again by the sessions, who hold each other back.
            if (first && !was_ready) || self.part.restart.when == RestartWhen::Never {
                self.chronicle.ended(&why.message);
                break Over::Failed(why);
            }
            first = false;
            let Some(pause) = restarts.next(Instant::now(), &*self.machine.random) else {
                let mut given_up = why;
                given_up.message =
                    format!("{}; given up after {} restarts", given_up.message, self.part.restart.limit);
                self.chronicle.ended(&given_up.message);
                break Over::Failed(given_up);
            };
            let news = format!("{}; it is started again in {pause:.1?}", why.message);
            self.chronicle.ended(&news);
            tracing::warn!("{news}");
            tokio::select! {
                _ = ordered(&self.orders, Order::End) => break Over::Stopped,
                () = tokio::time::sleep(pause) => {}
            }
        };
        self.state.send_replace(State::Over(over));
    }

    /// What it is called in messages.
    fn who(&self) -> String {
        let program = self.part.command.first().map_or("", String::as_str);
        match self.part.name.as_str() {
            "" => format!("the command ({program})"),
            name => format!("the helper {name} ({program})"),
        }
    }

    /// One process, from its start to its end.
    async fn once(&self) -> Gone {
        let failed = |failure| Gone::Failed { failure, was_ready: false };
        let notify = match self.notify_socket() {
            Ok(notify) => notify,
            Err(error) => return failed(self.not_started(&format!("can't be heard: {error}"))),
        };
        let (mut child, output) = match self.start().await {
            Ok(started) => started,
            Err(failure) => return failed(failure),
        };
        let pid = child.0.process().pid;
        tracing::info!(pid = pid.0, "{} is started", self.who());
        let ear = Ear { ground: &self.ground, part: &self.part, output: &output, notify: notify.as_ref() };

        let ready = self.part.ready.clone().or_else(|| self.usual_check());
        let mut miss = String::new();
        if let Some(check) = &ready {
            tokio::select! {
                biased;
                order = ordered(&self.orders, Order::End) => return self.end(child, order).await,
                ending = child.0.ended() => {
                    let failure = Failure::ended(&self.who(), ending, false);
                    return failed(failure.with_last_words(&output).await);
                }
                late = timeout(check.within(), ear.until(check, &mut miss)) => if late.is_err() {
                    return failed(self.late(check, &miss, &child.0).with_last_words(&output).await);
                },
            }
        }
        tracing::info!(pid = pid.0, "{} is ready", self.who());
        self.state.send_replace(State::Ready(pid));
        self.chronicle.ready(pid, &format!("{} is ready", self.who()));
        let gone = |failure| Gone::Failed { failure, was_ready: true };

        tokio::select! {
            biased;
            order = ordered(&self.orders, Order::End) => self.end(child, order).await,
            ending = child.0.ended() => {
                // At once: from here on nobody is to be sent to it.
                self.state.send_replace(State::Starting);
                match ending {
                    Ending::Exited(0) => Gone::Finished,
                    ending => gone(Failure::ended(&self.who(), ending, true).with_last_words(&output).await),
                }
            }
            () = ear.hear_all() => unreachable!("it listens for ever"),
            wrong = self.until_sick(&ear, pid) => {
                self.state.send_replace(State::Starting);
                gone(Failure::new("command_sick", &self.who(), &wrong).with_last_words(&output).await)
            }
        }
    }

    fn not_started(&self, what: &str) -> Failure {
        Failure::new("command_not_started", &self.who(), what)
    }

    async fn start(&self) -> Result<(Held, Output), Failure> {
        let notify = self.part_hears().then(|| self.notify_path());
        let command = self
            .ground
            .child(&self.part, &self.part.command, notify.as_deref())
            .map_err(|error| self.not_started(&format!("can't be started: {error}")))?;
        if self.part.name.is_empty() {
            self.ground.let_port_go();
        }
        let spawned = tokio::task::spawn_blocking(move || tree::spawn(&command)).await;
        let mut child = match spawned {
            Ok(spawned) => Held(spawned.map_err(|error| Failure::start(&self.who(), &error))?),
            Err(error) => return Err(self.not_started(&error.to_string())),
        };
        let log = self.ground.state_dir.join(layout::child_log(self.part.label()));
        let output = match child.0.take_output() {
            Some(pipe) => Output::collect(pipe, &log, self.ground.log_max_bytes, self.ground.log_keep),
            None => Err(std::io::ErrorKind::BrokenPipe.into()),
        };
        let output = output.map_err(|error| self.not_started(&format!("can't be listened to: {error}")))?;
        Ok((child, output))
    }

    /// The command is ready when it can be connected to. One that was passed its socket is at once, as far as clients can see.
    fn usual_check(&self) -> Option<Check> {
        let own_port = self.part.name.is_empty() && self.part.socket == Socket::Own;
        own_port.then(|| Check { tcp: Some("{port}".to_owned()), ..Check::default() })
    }

    fn late(&self, check: &Check, miss: &str, child: &Child) -> Failure {
        let mut what = format!("was not ready within {:?}", check.within());
        if !miss.is_empty() {
            what.push_str(": ");
            what.push_str(miss);
        }
        let ports = super::ports::of(child);
        if !ports.is_empty() {
            let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
            what.push_str(&format!("; it listens on {}", ports.join(", ")));
        }
        Failure::new("command_not_ready", &self.who(), &what)
    }

    /// Comes back with what is wrong when it has not been well for too long.
    async fn until_sick(&self, ear: &Ear<'_>, pid: Pid) -> String {
        let Some(check) = &self.part.alive else { return std::future::pending().await };
        let every = check.every.unwrap_or(Duration::from_secs(10));
        let patience = check.timeout.unwrap_or(Duration::from_secs(5));
        let allowed = check.failures.unwrap_or(3).max(1);
        let (mut misses, mut busy) = (0, true);
        let mut effort = self.effort(pid).await;
        loop {
            tokio::time::sleep(every).await;
            let now = self.effort(pid).await;
            // A quarter of a CPU: one that turns round and round is given more time, not all of it.
            busy = busy && now.saturating_sub(effort) * 4 >= every;
            effort = now;
            let wrong = match timeout(patience, ear.ask(check)).await {
                Ok(Ok(())) => {
                    (misses, busy) = (0, true);
                    continue;
                }
                Ok(Err(wrong)) => wrong,
                Err(_) => format!("there is no answer within {patience:?}"),
            };
            misses += 1;
            if misses >= allowed.saturating_mul(if busy { 6 } else { 1 }) {
                return format!("was not well for {misses} times in a row: {wrong}");
            }
        }
    }

    async fn effort(&self, pid: Pid) -> Duration {
        self.machine.processes.look(pid).await.ok().flatten().map_or(Duration::ZERO, |info| info.cpu_time)
    }

    /// Ends it: with its signal, and by force when its time is over or nobody waits any more.
    async fn end(&self, mut child: Held, order: Order) -> Gone {
        if order == Order::End {
            let signal = self.part.stop.signal.parse().unwrap_or(Signal::Terminate);
            if let Err(error) = child.0.signal_group(signal) {
                tracing::warn!("{} can't be told to end, and is killed: {error}", self.who());
                return self.kill(child).await;
            }
            tokio::select! {
                _ = child.0.ended() => return Gone::Stopped,
                _ = ordered(&self.orders, Order::Kill) => {}
                () = tokio::time::sleep(self.part.stop.within) => {
                    tracing::warn!("{} did not end within {:?}, and is killed", self.who(), self.part.stop.within);
                }
            }
        }
        self.kill(child).await
    }

    async fn kill(&self, mut child: Held) -> Gone {
        let _ = child.0.signal_group(Signal::Kill);
        let _ = timeout(KILL, child.0.ended()).await;
        Gone::Stopped
    }

    async fn sweep(&self) {
        let (ground, part) = (self.ground.clone(), self.part.label().to_owned());
        let swept = tokio::task::spawn_blocking(move || tree::sweep_part(&ground.marker, &part, KILL)).await;
        if let Ok(Err(left)) = swept {
            tracing::warn!("{}: {left}", self.who());
        }
    }

    fn part_hears(&self) -> bool {
        self.part.ready.as_ref().is_some_and(|check| check.notify)
    }

    fn notify_path(&self) -> std::path::PathBuf {
        self.ground.state_dir.join(format!("notify.{}", self.part.label()))
    }

    fn notify_socket(&self) -> std::io::Result<Option<Notify>> {
        self.part_hears().then(|| Notify::bind(&self.notify_path())).transpose()
    }
}

/// Waits for an order of at least this strength.
async fn ordered(orders: &watch::Receiver<Order>, least: Order) -> Order {
    match orders.clone().wait_for(|order| *order >= least).await {
        Ok(order) => *order,
        // Whoever gave orders is gone.
        Err(_) => Order::Kill,
    }
}
