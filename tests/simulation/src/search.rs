//! Every schedule, not a sample: each choice that the scheduler has is tried, and states that were seen before are not gone into again.
//!
//! A schedule can't be taken up in its middle, since the tasks of a process are futures and can't be copied; so each is run from the
//! beginning, along the choices made so far. What makes no difference is left out: `kernel/notice.rs` says what that is, and why. A state is what
//! the kernel holds, what each task of a living process was told up to now (which, with its program and with the order of what its process kept,
//! makes its own state), and what the guarantees' books hold of it; two states with one 64-bit digest are taken for one.
//!
//! Time passes when nobody can go on, and up to [`Bounds::waits`] times although somebody could.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use coordinator::{EnsureRequest, LaunchCommand, PortChoice, RequestError, UpgradePolicy, WorkerId};

use crate::kernel::mix;
use crate::program::StandardWorker;
use crate::scenario::Broken;
use crate::schedule::{Schedule, Step};
use crate::scheduler::{Pause, Simulation};
use crate::session::{Answer, Errand, SessionPlan};

/// What is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// How many sessions start at once.
    pub sessions: u32,
    /// How many processes are killed, each at any point.
    pub kills: u32,
    /// How often time passes although somebody could go on.
    pub waits: u32,
    /// How often somebody else goes on although whoever went on last could; `None`: as often as possible.
    pub preemptions: Option<u32>,
    /// Whether the worker's answers cross each other; if not, each is over before the next begins.
    pub crossing: bool,
    /// Whether what makes no difference is left out: far fewer schedules, and the same outcomes.
    pub reduced: bool,
    /// Whether each session is of a newer version than the one before, and has an older worker hand over.
    pub upgrades: bool,
    /// After so many schedules the search is given up; `None`: never.
    pub most: Option<u64>,
}

/// What was searched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Covered {
    /// Schedules that were run to their end, or to a state that was known.
    pub schedules: u64,
    /// Those that came to an end of their own.
    pub ends: u64,
    /// What these came to.
    pub outcomes: Outcomes,
    /// Distinct states in which there was a choice.
    pub states: u64,
    /// Steps made in all.
    pub steps: u64,
    /// Choices in the longest schedule.
    pub depth: usize,
    /// Whether nothing is left.
    pub complete: bool,
}

/// Digests of the different ends: who lives, what is in the files, what the sessions got, what they were told since they could last forget, and
/// when.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Outcomes(pub HashSet<u64>);

impl fmt::Debug for Outcomes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.len())
    }
}

#[derive(Debug, Default)]
struct Path {
    /// For each choice those that are to be tried, in this order, and which of them is taken.
    choices: Vec<(Vec<usize>, usize)>,
    at: usize,
    /// The states that were gone into, and the deaths in them.
    seen: HashSet<u64>,
    deaths: HashSet<u64>,
    deepest: usize,
}

impl Path {
    /// A state may be come to again with other deaths to try, but what else follows from it is known then.
    fn choose(&mut self, options: &[Step], digest: &dyn Fn() -> u64) -> Option<usize> {
        if self.at == self.choices.len() {
            let state = digest();
            let new = self.seen.insert(state);
            let mut to_be_tried = |option: &usize| match options[*option] {
                Step::Kill(key) => self.deaths.insert(mix(state ^ mix(u64::from(key.0)))),
                Step::Run(..) | Step::Wait => new,
            };
            let tried: Vec<usize> = (0..options.len()).filter(|option| to_be_tried(option)).collect();
            if tried.is_empty() {
                return None;
            }
            self.choices.push((tried, 0));
            self.deepest = self.deepest.max(self.choices.len());
        }
        let (tried, taken) = &self.choices[self.at];
        self.at += 1;
        Some(tried[*taken])
    }

    /// Goes on to the next schedule; false if there is none.
    fn turn(&mut self) -> bool {
        self.at = 0;
        while let Some((tried, taken)) = self.choices.last_mut() {
            *taken += 1;
            if *taken < tried.len() {
                return true;
            }
            self.choices.pop();
        }
        false
    }
}

/// Runs every schedule within the bounds.
///
/// # Errors
/// The first one that breaks a guarantee, with its trace.
pub fn search(bounds: Bounds) -> Result<Covered, Broken> {
    let path = Arc::new(Mutex::new(Path::default()));
    let lock = || path.lock().unwrap_or_else(PoisonError::into_inner);
    let mut covered = Covered::default();
    loop {
        let mut machine = machine(bounds, &path, false).map_err(|error| broken(error.to_string()))?;
        let pause = machine.run();
        covered.schedules += 1;
        covered.steps += machine.steps();
        if pause == Pause::Done {
            covered.ends += 1;
            covered.outcomes.0.insert(machine.outcome());
        }
        if let Err(what) = judge(bounds, &machine, pause) {
            lock().at = 0;
            let mut again = self::machine(bounds, &path, true).map_err(|error| broken(error.to_string()))?;
            again.run();
            return Err(Broken { what, trace: again.trace() });
        }
        let mut path = lock();
        (covered.states, covered.depth) = (path.seen.len() as u64, path.deepest);
        covered.complete = !path.turn();
        if covered.complete || bounds.most.is_some_and(|most| covered.schedules >= most) {
            return Ok(covered);
        }
    }
}

fn broken(what: String) -> Broken {
    Broken { what, trace: Vec::new() }
}

fn machine(bounds: Bounds, path: &Arc<Mutex<Path>>, traced: bool) -> Result<Simulation, RequestError> {
    let path = Arc::clone(path);
    let ask = move |options: &[Step], digest: &dyn Fn() -> u64| {
        path.lock().unwrap_or_else(PoisonError::into_inner).choose(options, digest)
    };
    // Time that passes although somebody could go on comes between any two steps: nothing can be left out then.
    let reduced = bounds.reduced && bounds.waits == 0;
    let machine = Simulation::new(0, Schedule::Asked(Box::new(ask))).traced(traced).with_digests(reduced);
    let worker = StandardWorker { in_turn: !bounds.crossing, ..StandardWorker::default() };
    let mut machine = machine.with_program(Arc::new(worker));
    (machine.kills, machine.waits, machine.preemptions) = (bounds.kills, bounds.waits, bounds.preemptions);
    for number in 0..bounds.sessions {
        let mut id = WorkerId::builder().port_choice(PortChoice::Auto).state_dir(crate::STATE_DIR);
        if bounds.upgrades {
            id = id.version(format!("1.0.{number}"));
        }
        let launch = LaunchCommand::new("/opt/oneworker", ["serve"]);
        let mut request = EnsureRequest::builder(id.build()?, launch);
        if bounds.upgrades {
            request = request.upgrade(UpgradePolicy::Newest);
        }
        let request = request.build()?;
        machine.session(number, Duration::ZERO, SessionPlan { request, errand: Errand::Worker });
    }
    Ok(machine)
}

/// Whoever lives gets a worker; where nobody is killed, one launch does for all.
fn judge(bounds: Bounds, machine: &Simulation, pause: Pause) -> Result<(), String> {
    match pause {
        Pause::Broken => return Err(machine.broken().unwrap_or_default()),
        Pause::Endless => return Err("the schedule does not end".to_owned()),
        // What is known is what follows, not what was answered before.
        Pause::Cut | Pause::Done => {}
    }
    for (number, answer) in machine.answers() {
        match answer {
            Answer::Worker(_) | Answer::Stopped(_) | Answer::Seen { .. } => {}
            // The worker that it had launched was the one that was killed.
            Answer::Error { code: "launch_failed", .. } if bounds.kills > 0 => {}
            Answer::Error { code, message, .. } => {
                return Err(format!("session {number} got no worker, but {code}: {message}"));
            }
        }
    }
    // Each newer version is launched once, if the older one came first.
    let most = if bounds.upgrades { bounds.sessions as usize } else { 1 };
    if bounds.kills == 0 && pause == Pause::Done && !(1..=most).contains(&machine.launches()) {
        return Err(format!("{} launches where {most} would do", machine.launches()));
    }
    Ok(())
}
