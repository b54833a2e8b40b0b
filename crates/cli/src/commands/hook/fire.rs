//! Being a hook: the session that the agent names gets a lease, and gives it up.
//!
//! An agent waits for its hooks, and some take what they print for something to tell the model. So everything here ends within a
//! budget by construction: the work has a thread of its own, and whatever it hangs in, this process ends without it. Whether there is
//! a worker is nothing that an agent should stop for: unless `--strict`, the exit code is 0.

use std::io::{self, IsTerminal, Write};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use coordinator::lifecycle::{Event, EventKind};
use coordinator::{ensure_on, system};
use oneworker_agents::{Agent, Dialect, Moment, Payload};

use crate::args::FireArgs;
use crate::commands::session;
use crate::config::{Key, value};
use crate::exit;
use crate::failure::Failure;
use crate::output;
use crate::request::{Done, Request};

/// How long a hook may take, unless `--deadline` says otherwise.
const BUDGET: Duration = Duration::from_secs(2);
/// The longest budget.
const LONGEST: Duration = Duration::from_secs(3600);
/// How long the end of a session may take, unless `--deadline` says otherwise: not every agent waits for it, and what is not done at
/// once will not be done.
const FOR_END: Duration = Duration::from_millis(800);
/// By how much an answer comes sooner than the budget's end, so that it names what was slow.
const SOONER: Duration = Duration::from_millis(50);

pub(super) fn fired((agent, args): (Agent, &FireArgs)) -> Done {
    let begun = Instant::now();
    let budget = match given_budget(args) {
        Ok(budget) => budget,
        Err(failure) => return failed(agent, args, failure),
    };
    // What is left is for noting why it failed.
    let end_of_work = begun + budget / 5 * 4;
    let work = HookRun { dialect: agent.dialect(), args: args.clone(), end: end_of_work };
    let done = bounded(end_of_work, move || work.run());
    match done.unwrap_or_else(|error| Err(unfinished(&error, budget))) {
        Ok(said) => {
            say(&said);
            Ok(exit::OK)
        }
        Err(failure) => {
            note(args, &failure, begun + budget);
            failed(agent, args, failure)
        }
    }
}

/// HookRun that was left alone, or never began.
fn unfinished(error: &io::Error, budget: Duration) -> Failure {
    if error.kind() != io::ErrorKind::TimedOut {
        return Failure::io("the hook's thread can't be started", error);
    }
    let message = format!("the hook was not done within {budget:.1?}, the reading of its input included");
    let help = "Whoever runs it has to write its JSON to standard input; or see `oneworker status`.";
    Failure::plain("timed_out", message, help.to_owned())
}

/// The budget of `--deadline`, if it was given.
fn given_budget(args: &FireArgs) -> Result<Duration, Failure> {
    let flags = args.common.flags();
    let Some((_, given)) = flags.iter().find(|(key, _)| *key == Key::Deadline) else { return Ok(BUDGET) };
    match value::duration(given) {
        Ok(budget) => Ok(budget.min(LONGEST)),
        Err(wrong) => Err(Failure::usage(format!("--deadline: {wrong}"))),
    }
}

/// What `work` gives, if it does by then. It is left alone otherwise: it ends with the process.
fn bounded<T: Send + 'static>(end: Instant, work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
    let (done, wait) = mpsc::sync_channel(1);
    std::thread::Builder::new().name("hook".to_owned()).spawn(move || {
        // The receiver is gone if this took too long.
        let _ = done.send(work());
    })?;
    wait.recv_timeout(end.saturating_duration_since(Instant::now()))
        .map_err(|_| io::ErrorKind::TimedOut.into())
}

/// One run of a hook.
struct HookRun {
    dialect: &'static Dialect,
    args: FireArgs,
    end: Instant,
}

impl HookRun {
    /// What is to be printed.
    fn run(&self) -> Result<String, Failure> {
        let stdin = io::stdin();
        if stdin.is_terminal() {
            return Err(misfed("it is a terminal"));
        }
        let payload =
            Payload::read(stdin.lock(), self.dialect).map_err(|error| misfed(&error.to_string()))?;
        match payload.moment {
            Moment::End => self.end(&payload),
            Moment::Start | Moment::During => self.keep(&payload),
        }
    }

    /// Ends the lease. Where no worker runs, there is none.
    fn end(&self, payload: &Payload) -> Result<String, Failure> {
        let patient = self.args.common.flags().iter().any(|(key, _)| *key == Key::Deadline);
        let request = self.request(false, if patient { Duration::MAX } else { FOR_END })?;
        match request.ask(async |client| client.end_session(&payload.session).await) {
            Err(failure) if failure.exit() != exit::NOT_RUNNING => Err(failure),
            _ => Ok(self.dialect.silence().to_owned()),
        }
    }

    /// Begins the lease, or goes on with it.
    fn keep(&self, payload: &Payload) -> Result<String, Failure> {
        let request = self.request(true, Duration::MAX)?;
        session::keep(&request, &payload.session, &self.args.lease)?;
        if !self.args.context || payload.moment != Moment::Start {
            return Ok(self.dialect.silence().to_owned());
        }
        let worker = request.block_on(ensure_on(&system::machine(), &request.ensure, &|_| {}))?;
        let sentence = format!(
            "The worker {:?} of this user is at {}.",
            request.settings.name.value.as_str(),
            worker.url
        );
        Ok(self.dialect.context(&payload.event, &sentence))
    }

    /// A request that ends in time.
    fn request(&self, may_start: bool, longest: Duration) -> Result<Request, Failure> {
        let left = self.end.saturating_duration_since(Instant::now()).saturating_sub(SOONER);
        let deadline = left.min(longest).max(Duration::from_millis(10));
        let mut flags = self.args.common.flags();
        flags.retain(|(key, _)| *key != Key::Deadline);
        flags.push((Key::Deadline, format!("{}ms", deadline.as_millis()).into()));
        Request::new(&flags, &self.args.common.file(), may_start)
    }
}

/// A standard input that is no agent's.
fn misfed(wrong: &str) -> Failure {
    let help = r#"An agent runs this command. By hand: echo '{"session_id":"s","hook_event_name":"SessionStart"}' | oneworker hook …"#;
    let message = format!("what standard input says of the session is not understood: {wrong}");
    Failure::plain("usage", message, help.to_owned())
}

/// Prints what the agent reads.
fn say(said: &str) {
    // An agent that has gone reads nothing; there is nobody else to tell.
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(said.as_bytes()).and_then(|()| stdout.flush());
}

/// A failure as the agent gets it. Never with exit code 2, by which some agents are told to refuse what the user asked for.
fn failed(agent: Agent, args: &FireArgs, failure: Failure) -> Done {
    output::failure(output::Mode::Human, &failure);
    say(agent.dialect().silence());
    Ok(match failure.exit() {
        _ if !args.strict => exit::OK,
        exit::USAGE => exit::OTHER,
        other => other,
    })
}

/// Notes the failure in the identity's history, if there is time.
fn note(args: &FireArgs, failure: &Failure, end: Instant) {
    let (flags, file) = (args.common.flags(), args.common.file());
    let reason = format!("{} [{}]", failure.message, failure.code);
    // Best effort, as all of the history is.
    let _ = bounded(end, move || {
        let Ok(request) = Request::new(&flags, &file, false) else { return };
        let machine = system::machine();
        let event = Event {
            version: Some(crate::version::of_this_program().to_owned()),
            reason: Some(reason),
            ..Event::now(&machine, EventKind::HookFailed)
        };
        let dir = request.settings.state_dir.value.clone();
        let _ = request.block_on(async {
            machine.history.note(&dir, vec![event]).await;
            Ok(())
        });
    });
}
