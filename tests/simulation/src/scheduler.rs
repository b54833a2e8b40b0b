//! The scheduler: it alone decides who goes on, and when time passes.

mod asked;

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use coordinator::{ProtocolRange, UpgradePolicy};

use crate::faults::{Blow, Fault, Havoc, Relief, When, Whom};
use crate::host::{Host, Shared, Task};
use crate::kernel::processes::{Key, Pace, Role};
use crate::kernel::{Kernel, mix};
use crate::program::{Program, WorkerProcess};
use crate::schedule::{Schedule, Step};
use crate::session::{Answer, SessionPlan, run_session};

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

struct Slot {
    id: u64,
    key: Key,
    future: Pin<Box<dyn Future<Output = ()> + Send>>,
    flag: Arc<Flag>,
    waker: Waker,
    /// The number of the last step that it made.
    stepped: u64,
}

/// One simulated machine with its processes, from power-on to the end of the story.
pub struct Simulation {
    shared: Arc<Shared>,
    program: Arc<dyn Program>,
    schedule: Schedule,
    tasks: Vec<Slot>,
    task_count: u64,
    last: u64,
    /// The step that is about to be made is one that nobody else notices.
    unnoticed: bool,
    began: u64,
    arrivals: Vec<(u64, u32, SessionPlan)>,
    blows: HashMap<(Role, u32), Vec<Blow>>,
    planned: BTreeMap<(u64, u64), Planned>,
    plan_count: u64,
    port: u16,
    steps: u64,
    /// Kills and early waits that an asked schedule may still choose.
    pub(crate) kills: u32,
    pub(crate) waits: u32,
    /// How often an asked schedule may still let somebody go on although whoever went on last could; `None`: as often as it likes.
    pub(crate) preemptions: Option<u32>,
    /// What makes no difference is left out of an asked schedule.
    reduced: bool,
    /// The only one whose death is to be tried now, if the last step does not depend on who else lives.
    may_die: Option<Key>,
    /// Whoever is asked has seen a state for the first time: from then on the steps are new to him.
    on_new_ground: bool,
}

#[derive(Clone, Copy, Debug)]
enum Planned {
    Blow(Whom, Blow),
    Havoc(Havoc),
    Relief(Relief),
}

/// Why [`Simulation::run`] came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pause {
    /// Nobody has anything left to do but to wait, and all sessions are over.
    Done,
    /// A guarantee is broken.
    Broken,
    /// Whoever is asked for the schedule has seen enough.
    Cut,
    /// More steps were made than a story may have.
    Endless,
}

/// More steps than any story needs.
const MOST_STEPS: u64 = 3_000_000;

impl Simulation {
    /// A machine that nothing runs on yet. Its state directory is `/state`.
    pub fn new(seed: u64, schedule: Schedule) -> Self {
        let kernel = Kernel::new(seed, Path::new(crate::STATE_DIR).to_owned());
        let began = kernel.now;
        Self {
            shared: Shared::new(kernel),
            program: Arc::new(crate::program::StandardWorker::default()),
            schedule,
            tasks: Vec::new(),
            task_count: 0,
            last: 0,
            unnoticed: false,
            began,
            arrivals: Vec::new(),
            blows: HashMap::new(),
            planned: BTreeMap::new(),
            plan_count: 0,
            port: 0,
            steps: 0,
            kills: 0,
            waits: 0,
            preemptions: None,
            reduced: false,
            may_die: None,
            on_new_ground: false,
        }
    }

    /// Workers run this program.
    #[must_use]
    pub fn with_program(mut self, program: Arc<dyn Program>) -> Self {
        self.program = program;
        self
    }

    /// Keeps a trace that a person can read.
    #[must_use]
    pub fn traced(self, traced: bool) -> Self {
        self.shared.kernel().story.lines = traced.then(Vec::new);
        self
    }

    /// Keeps digests for a search, which leaves out what makes no difference if it is `reduced`.
    pub(crate) fn with_digests(mut self, reduced: bool) -> Self {
        self.reduced = reduced;
        let mut kernel = self.shared.kernel();
        (kernel.story.digests, kernel.reduced) = (true, reduced);
        drop(kernel);
        self
    }

    /// Who has died stays a zombie: a container without an init.
    #[must_use]
    pub fn with_zombies(self, zombies: bool) -> Self {
        self.shared.kernel().keeps_zombies = zombies;
        self
    }

    /// The state directory lies on a network file system of this kind.
    #[must_use]
    pub fn with_network_file_system(self, kind: &'static str) -> Self {
        self.shared.kernel().network_file_system = Some(kind);
        self
    }

    /// The port that squatters are after.
    #[must_use]
    pub fn with_port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// A session that comes so long after now.
    pub fn session(&mut self, number: u32, after: Duration, plan: SessionPlan) {
        let wants_another = plan.request.upgrade() != UpgradePolicy::Reuse
            || plan.request.id().protocol() != ProtocolRange::default();
        self.shared.kernel().hands_over |= wants_another;
        let at = self.now() + u64::try_from(after.as_nanos()).unwrap_or(u64::MAX);
        self.arrivals.push((at, number, plan));
        self.arrivals.sort_by_key(|(at, number, _)| std::cmp::Reverse((*at, *number)));
    }

    /// A fault that will strike.
    pub fn fault(&mut self, fault: Fault) {
        let at = |after: Duration| self.began + u64::try_from(after.as_nanos()).unwrap_or(u64::MAX);
        match fault {
            Fault::Blow(Whom::Session(n), When::Call(call), blow) => {
                self.blows.entry((Role::Session(n), call)).or_default().push(blow);
            }
            Fault::Blow(Whom::Worker(n), When::Call(call), blow) => {
                self.blows.entry((Role::Worker(n), call)).or_default().push(blow);
            }
            Fault::Blow(Whom::Incumbent, When::Call(call), blow) => {
                self.blows.entry((Role::Worker(0), call)).or_default().push(blow);
            }
            Fault::Blow(whom, When::At(after), blow) => self.plan(at(after), Planned::Blow(whom, blow)),
            Fault::Havoc(after, havoc) => self.plan(at(after), Planned::Havoc(havoc)),
            Fault::Ambush(ambush) => self.shared.kernel().ambushes.push(ambush),
        }
    }

    fn plan(&mut self, at: u64, planned: Planned) {
        self.plan_count += 1;
        self.planned.insert((at, self.plan_count), planned);
    }

    fn now(&self) -> u64 {
        self.shared.kernel().now
    }

    /// Steps made so far.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The trace, if one was asked for.
    pub fn trace(&self) -> Vec<String> {
        self.shared.kernel().story.lines.clone().unwrap_or_default()
    }

    /// Which guarantee is broken, if any.
    pub fn broken(&self) -> Option<String> {
        self.shared.kernel().guarantees.broken.clone()
    }

    /// What the sessions got, by their numbers.
    pub fn answers(&self) -> BTreeMap<u32, Answer> {
        self.shared.kernel().answers.clone()
    }

    /// How many workers were launched.
    pub fn launches(&self) -> usize {
        self.shared.kernel().guarantees.launches.len()
    }

    /// How many of them came to serve: not those that no office was handed over to.
    pub(crate) fn served(&self) -> usize {
        self.shared.kernel().guarantees.launches.iter().filter(|launch| launch.ready).count()
    }

    /// A digest of how it ended.
    pub(crate) fn outcome(&self) -> u64 {
        self.shared.kernel().outcome()
    }

    /// Runs until all sessions are over and all planned faults have struck.
    pub fn run(&mut self) -> Pause {
        loop {
            if self.shared.kernel().guarantees.broken.is_some() {
                return Pause::Broken;
            }
            if self.steps > MOST_STEPS {
                return Pause::Endless;
            }
            if let Schedule::Random(dice) = &mut self.schedule {
                // A call takes 2 to 34 µs, from one that the kernel answers by itself to one that reaches a file.
                let cost = 2_000 + dice.roll() % 32_000;
                let now = self.now() + cost;
                self.advance(now);
            }
            self.admit();
            let able = self.able();
            match self.choose(&able) {
                None => return Pause::Cut,
                Some(Step::Run(_, task)) => self.step(task),
                Some(Step::Wait) if !self.pass_time() => return Pause::Done,
                Some(Step::Wait) => {}
                Some(Step::Kill(key)) => {
                    self.shared.kernel().strike(key, Blow::Kill);
                    self.bury();
                }
            }
        }
    }

    /// Ends all faults: who was stopped goes on, squatters leave, errors cease. Wedged workers stay wedged, and sessions that never came
    /// to an end are killed.
    pub fn calm(&mut self) {
        self.shared.kernel().loaded_until = 0;
        while let Some((_, planned)) = self.planned.pop_first() {
            if let Planned::Relief(relief) = planned {
                self.shared.kernel().relieve(relief);
            }
        }
        self.blows.clear();
        let mut kernel = self.shared.kernel();
        kernel.ambushes.clear();
        let now = kernel.now;
        for n in 0..kernel.processes.len() {
            let key = Key(u32::try_from(n).unwrap_or(u32::MAX));
            kernel.process_mut(key).relieve(now);
            let process = kernel.process(key);
            match (process.alive(), process.role, process.pace) {
                (true, Role::Session(_), _) => kernel.die(key, coordinator::machine::Ending::Signalled(9)),
                // Nothing is left that tells whose it is: it is for a person to end.
                (true, Role::Worker(_), Pace::Stopped | Pace::Wedged { .. })
                    if !kernel.can_be_identified(key) =>
                {
                    kernel.die(key, coordinator::machine::Ending::Signalled(9));
                }
                (true, Role::Worker(_), Pace::Traced | Pace::Starved(_)) => {
                    kernel.process_mut(key).set_pace(Pace::Running, now);
                }
                _ => {}
            }
        }
        drop(kernel);
        self.bury();
    }

    /// *Nothing left behind*: a while later, no worker is there but the one in office.
    ///
    /// # Errors
    /// Who else is.
    pub fn check_nothing_left(&mut self) -> Result<(), String> {
        self.plan(self.now() + 6_000_000_000, Planned::Havoc(Havoc::WallClock(0)));
        if self.run() == Pause::Broken {
            return Err(self.broken().unwrap_or_default());
        }
        let kernel = self.shared.kernel();
        let runs = |process: &&crate::kernel::processes::Process| {
            process.alive() && process.pace == Pace::Running && matches!(process.role, Role::Worker(_))
        };
        let left: Vec<String> =
            kernel.processes.iter().filter(runs).map(|process| process.role.to_string()).collect();
        if left.len() <= 1 { Ok(()) } else { Err(format!("after all faults, these run: {left:?}")) }
    }

    /// Takes in sessions that are due, new tasks and new processes, and what ends faults that have struck.
    fn admit(&mut self) {
        let now = self.now();
        while let Some((at, ..)) = self.arrivals.last()
            && *at <= now
            && let Some((_, number, plan)) = self.arrivals.pop()
        {
            let key = self.shared.kernel().born(Role::Session(number));
            let host = Host { shared: self.shared.clone(), key };
            self.adopt(Task { key, told: key.0.into(), future: Box::pin(run_session(host, number, plan)) });
        }
        self.plan_later();
        let newborns = std::mem::take(&mut self.shared.kernel().newborns);
        for newborn in newborns {
            let host = Host { shared: self.shared.clone(), key: newborn.key };
            let program = self.program.clone();
            let process = WorkerProcess::new(host.clone(), newborn.request);
            let future = Box::pin(async move {
                let status = program.run(process).await;
                host.exit(status);
            });
            self.adopt(Task { key: newborn.key, told: newborn.key.0.into(), future });
        }
        let started =
            std::mem::take(&mut *self.shared.started.lock().unwrap_or_else(PoisonError::into_inner));
        for task in started {
            self.adopt(task);
        }
    }

    /// Plans what blows lead to later.
    fn plan_later(&mut self) {
        let later = std::mem::take(&mut self.shared.kernel().later);
        for (at, relief) in later {
            self.plan(at, Planned::Relief(relief));
        }
    }

    fn adopt(&mut self, Task { key, told, future }: Task) {
        self.task_count += 1;
        let mut kernel = self.shared.kernel();
        if kernel.story.digests {
            kernel.told.insert(self.task_count, told);
            kernel.roots.insert(self.task_count, told);
        }
        drop(kernel);
        let flag = Arc::new(Flag(AtomicBool::new(true)));
        let waker = Waker::from(flag.clone());
        self.tasks.push(Slot { id: self.task_count, key, future, flag, waker, stepped: 0 });
    }

    /// The tasks that can go on.
    fn able(&self) -> Vec<usize> {
        let kernel = self.shared.kernel();
        let runs = |key: Key| {
            let process = kernel.process(key);
            process.alive() && process.pace == Pace::Running
        };
        let able = |slot: &Slot| slot.flag.0.load(Ordering::Relaxed) && runs(slot.key);
        self.tasks.iter().enumerate().filter(|(_, slot)| able(slot)).map(|(n, _)| n).collect()
    }

    /// Nobody can go on: lets time come to the next thing that is due. False if there is none that anybody waits for.
    fn pass_time(&mut self) -> bool {
        let timer = self.shared.kernel().next_timer();
        let planned = self.planned.first_key_value().map(|((at, _), _)| *at);
        let arrival = self.arrivals.last().map(|(at, ..)| *at);
        if planned.is_none() && arrival.is_none() && self.sessions_are_over() {
            return false;
        }
        let Some(next) = [timer, planned, arrival].into_iter().flatten().min() else { return false };
        self.shared.kernel().keep_askers_waiting();
        self.advance(next);
        true
    }

    fn sessions_are_over(&self) -> bool {
        let kernel = self.shared.kernel();
        let waits = |slot: &Slot| {
            let process = kernel.process(slot.key);
            matches!(process.role, Role::Session(_)) && process.pace == Pace::Running
        };
        !self.tasks.iter().any(waits)
    }

    fn advance(&mut self, to: u64) {
        self.shared.kernel().advance(to);
        while let Some(entry) = self.planned.first_entry()
            && entry.key().0 <= to
        {
            let planned = entry.remove();
            self.happen(planned);
        }
        let mut kernel = self.shared.kernel();
        kernel.check_replaced();
    }

    fn happen(&mut self, planned: Planned) {
        let port = self.port;
        let seed = self.plan_count ^ self.shared.kernel().seed;
        let mut rolls = 0;
        let later = {
            let mut kernel = self.shared.kernel();
            match planned {
                Planned::Blow(whom, blow) => kernel.whom(whom).and_then(|key| kernel.strike(key, blow)),
                Planned::Relief(relief) => {
                    kernel.relieve(relief);
                    None
                }
                Planned::Havoc(havoc) => kernel.wreak(havoc, port, || {
                    rolls += 1;
                    mix(seed ^ rolls).is_multiple_of(2)
                }),
            }
        };
        self.bury();
        self.shared.kernel().later.extend(later);
    }

    /// What is done next; `None` if the run is to end.
    fn choose(&mut self, able: &[usize]) -> Option<Step> {
        match &mut self.schedule {
            Schedule::Random(_) if able.is_empty() => Some(Step::Wait),
            Schedule::Random(dice) => {
                let task = dice.pick(able, |task| self.tasks[task].id, self.last);
                Some(Step::Run(self.tasks[task].key, task))
            }
            Schedule::Asked(_) => self.ask(able),
        }
    }

    /// Lets a task make its next call.
    fn step(&mut self, task: usize) {
        let key = self.tasks[task].key;
        let (role, call) = {
            let mut kernel = self.shared.kernel();
            let process = kernel.process_mut(key);
            let call = process.calls;
            process.calls += 1;
            (process.role, call)
        };
        if !self.blows.is_empty()
            && let Some(blows) = self.blows.remove(&(role, call))
        {
            for blow in blows {
                let later = self.shared.kernel().strike(key, blow);
                if let Some((at, relief)) = later {
                    self.plan(at, Planned::Relief(relief));
                }
            }
            self.bury();
            return;
        }
        self.steps += 1;
        let slot = &mut self.tasks[task];
        slot.stepped = self.steps;
        let unnoticed = std::mem::take(&mut self.unnoticed);
        if !unnoticed {
            self.last = slot.id;
            let announced = self.shared.kernel().announced.get(&slot.id).copied();
            let blind = self.reduced && announced.is_some_and(|announced| announced.sees_no_death);
            self.may_die = blind.then_some(key);
        }
        let before = {
            let mut kernel = self.shared.kernel();
            kernel.goes_on(slot.id);
            (unnoticed && self.on_new_ground).then(|| kernel.noticeable(key))
        };
        slot.flag.0.store(false, Ordering::Relaxed);
        let over = slot.future.as_mut().poll(&mut Context::from_waker(&slot.waker)) == Poll::Ready(());
        if over {
            let over = self.tasks.remove(task);
            self.shared.kernel().ends(over.id, key);
        }
        if let Some(before) = before {
            self.check_unnoticed(key, before);
        }
        self.check_deadline(key);
        self.bury();
    }

    /// What was taken for a step that nobody else can notice must be one.
    fn check_unnoticed(&self, key: Key, before: u64) {
        let mut kernel = self.shared.kernel();
        if kernel.noticeable(key) != before {
            let what = format!("others can notice a step of {} after all", kernel.process(key).role);
            kernel.guarantees.broken.get_or_insert(what);
        }
    }

    /// *Each call ends by its deadline*: whoever got to go on after it must have come to an end with that.
    fn check_deadline(&mut self, key: Key) {
        let mut kernel = self.shared.kernel();
        if let Some(deadline) = kernel.deadlines.get(&key).copied()
            && kernel.now > deadline
            && kernel.process(key).alive()
        {
            let what = format!("{} outlasts its deadline", kernel.process(key).role);
            kernel.guarantees.broken.get_or_insert(what);
        }
    }

    /// Forgets the tasks of the dead. Their destructors run, and no longer reach the kernel.
    fn bury(&mut self) {
        let dead = std::mem::take(&mut self.shared.kernel().dead);
        if !dead.is_empty() {
            let mut buried = Vec::new();
            self.tasks.retain_mut(|slot| {
                let is_dead = dead.contains(&slot.key);
                if is_dead {
                    buried.push(std::mem::replace(&mut slot.future, Box::pin(std::future::ready(()))));
                }
                !is_dead
            });
            drop(buried);
        }
    }
}
