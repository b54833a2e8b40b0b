//! Stories to be told: sessions, faults and a seed; made at random, shrunk when a guarantee breaks, and told again from one number.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use coordinator::{
    EnsureRequest, LaunchCommand, PortChoice, ProtocolRange, RequestError, UpgradePolicy, WorkerId, layout,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};

use crate::faults::{Ambush, Blow, Fault, Havoc, When, Whom};
use crate::kernel::life::Replacement;
use crate::kernel::ports::Squatter;
use crate::kernel::weather::Trouble;
use crate::program::{Program, StandardWorker};
use crate::schedule::{Dice, Schedule};
use crate::scheduler::{Pause, Simulation};
use crate::session::{Answer, Errand, SessionPlan};

const PORT: u16 = 37777;

/// A session of a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit {
    /// When it comes, after the beginning.
    pub after: Duration,
    /// How long its call may take.
    pub deadline: Duration,
    /// The patch number of its version, and which install path it is started from.
    pub version: u8,
    /// The protocol version that it speaks.
    pub protocol: u32,
    /// The port that it asks for; `None`: any.
    pub port: Option<u16>,
    /// What it wants of a worker in another version.
    pub upgrade: UpgradePolicy,
}

/// A story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// Decides the schedule and every random number in it.
    pub seed: u64,
    /// The sessions.
    pub visits: Vec<Visit>,
    /// What goes wrong.
    pub faults: Vec<Fault>,
    /// How workers do their work.
    pub manner: StandardWorker,
    /// How long a worker may be silent.
    pub hang_limit: Duration,
    /// Whether the dead stay zombies.
    pub zombies: bool,
}

/// What a story came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Sessions that started.
    pub sessions: u64,
    /// Steps of the scheduler.
    pub steps: u64,
    /// Workers that were launched.
    pub launches: u64,
    /// Sessions that got a worker.
    pub served: u64,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, more: Self) {
        self.sessions += more.sessions;
        self.steps += more.steps;
        self.launches += more.launches;
        self.served += more.served;
    }
}

/// A broken guarantee.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Which.
    pub what: String,
    /// The story up to there, if it was traced.
    pub trace: Vec<String>,
}

fn ms(range: std::ops::Range<u64>) -> impl Strategy<Value = Duration> {
    range.prop_map(Duration::from_millis)
}

fn blows() -> impl Strategy<Value = Fault> {
    let whom = prop_oneof![
        3 => (0..8_u32).prop_map(Whom::Session),
        4 => (0..4_u32).prop_map(Whom::Worker),
        3 => Just(Whom::Incumbent),
    ];
    let when = prop_oneof![
        2 => (0..90_u32).prop_map(When::Call),
        1 => ms(0..3_000).prop_map(When::At),
    ];
    let blow = prop_oneof![
        6 => Just(Blow::Kill),
        1 => Just(Blow::Terminate),
        2 => ms(1..4_000).prop_map(|d| Blow::Stop(Some(d))),
        1 => Just(Blow::Stop(None)),
        2 => ms(1..3_000).prop_map(Blow::Starve),
        2 => any::<bool>().prop_map(|spinning| Blow::Wedge { spinning }),
        1 => ms(100..4_000).prop_map(Blow::Trace),
        1 => Just(Blow::Fork),
        2 => Just(Blow::ReusePid),
    ];
    (whom, when, blow).prop_map(|(whom, when, blow)| Fault::Blow(whom, when, blow))
}

fn havocs() -> impl Strategy<Value = Fault> {
    let name = prop::sample::select(vec![
        layout::WORKER_LOCK,
        layout::RECORD,
        layout::EPOCH,
        layout::PROOF_KEY,
        layout::TOKEN,
        layout::LAUNCH,
        layout::SUSPECT,
        layout::WATCHED,
        layout::UPGRADES,
        layout::SUCCESSOR,
        "spawn.lock",
    ]);
    let session = prop_oneof![1 => Just(None), 2 => (0..8_u32).prop_map(Some)];
    let trouble = prop::sample::select(vec![
        Trouble::DiskFull,
        Trouble::TooManyFiles,
        Trouble::DiskFailing,
        Trouble::Sandbox,
    ]);
    let squatter =
        prop::sample::select(vec![Squatter::Mute, Squatter::Alien, Squatter::Relay, Squatter::Impostor]);
    let replacement = prop::sample::select(vec![Replacement::Nothing, Replacement::Empty, Replacement::Copy]);
    let havoc = prop_oneof![
        3 => name.clone().prop_map(Havoc::Delete),
        2 => name.clone().prop_map(Havoc::Garble),
        2 => name.prop_map(Havoc::Swap),
        2 => replacement.prop_map(Havoc::ReplaceDirectory),
        2 => (trouble, session, ms(1..2_000)).prop_map(|(t, s, d)| Havoc::Trouble(t, s, d)),
        2 => (squatter.clone(), ms(1..3_000)).prop_map(|(s, d)| Havoc::Squat(s, d)),
        2 => (squatter, ms(1..3_000)).prop_map(|(s, d)| Havoc::Usurp(s, d)),
        1 => ms(1..20_000).prop_map(Havoc::Load),
        1 => Just(Havoc::PowerFailure),
        1 => any::<i32>().prop_map(Havoc::WallClock),
    ];
    // Most of what happens, happens in the first milliseconds.
    let at = prop_oneof![3 => (0..20_000_u64).prop_map(Duration::from_micros), 1 => ms(0..3_000)];
    (at, havoc).prop_map(|(at, havoc)| Fault::Havoc(at, havoc))
}

/// The narrowest races: somebody dies, or halts, right before another process's call.
fn ambushes() -> impl Strategy<Value = Fault> {
    let call = prop::sample::select(vec![
        "signal",
        "connect",
        "spawn",
        "F_GETLK",
        "F_SETLK",
        "flock",
        "rename to",
        "reply",
    ]);
    let whom = prop_oneof![2 => Just(Whom::Incumbent), 1 => (0..3_u32).prop_map(Whom::Worker), 1 => (0..4_u32).prop_map(Whom::Session)];
    let blow = prop_oneof![
        2 => Just(Blow::Kill),
        2 => Just(Blow::ReusePid),
        1 => ms(1..4_000).prop_map(|d| Blow::Stop(Some(d))),
        1 => ms(100..4_000).prop_map(Blow::Trace),
    ];
    (call, 0..4_u32, whom, blow)
        .prop_map(|(call, after, whom, blow)| Fault::Ambush(Ambush { call, after, whom, blow }))
}

/// Each worker crashes at the same point.
fn crash_loops() -> impl Strategy<Value = Vec<Fault>> {
    let reboot = prop::option::weighted(0.3, ms(1..3_000));
    (1..70_u32, 2..8_u32, reboot).prop_map(|(call, workers, reboot)| {
        let crash = |n| Fault::Blow(Whom::Worker(n), When::Call(call), Blow::Kill);
        let reboot = reboot.map(|at| Fault::Havoc(at, Havoc::PowerFailure));
        (0..workers).map(crash).chain(reboot).collect()
    })
}

/// The worker in office halts again and again, never for long; or hangs, and its pid is another's when it is to be signalled.
fn hiccups() -> impl Strategy<Value = Vec<Fault>> {
    let halts = (ms(100..1_500), ms(300..1_800), 3..9_u32).prop_map(|(halt, every, times)| {
        let at = |n: u32| When::At(Duration::from_millis(5) + every * n);
        (0..times).map(|n| Fault::Blow(Whom::Incumbent, at(n), Blow::Stop(Some(halt)))).collect()
    });
    let misses = (ms(1..50), 0..2_u32).prop_map(|(at, after)| {
        let ambush = Ambush { call: "signal", after, whom: Whom::Incumbent, blow: Blow::ReusePid };
        vec![
            Fault::Blow(Whom::Incumbent, When::At(at), Blow::Wedge { spinning: false }),
            Fault::Ambush(ambush),
        ]
    });
    let stalls = (ms(1..50), ms(3_000..20_000)).prop_map(|(at, load)| {
        let wedge =
            Fault::Blow(Whom::Incumbent, When::At(at), Blow::Stop(Some(load + Duration::from_millis(300))));
        vec![wedge, Fault::Havoc(at + Duration::from_millis(300), Havoc::Load(load))]
    });
    prop_oneof![2 => halts, 2 => misses, 1 => stalls]
}

fn visits() -> impl Strategy<Value = Visit> {
    let after = prop_oneof![
        4 => (0..3_000_u64).prop_map(Duration::from_micros),
        2 => (0..50_000_u64).prop_map(Duration::from_micros),
        1 => ms(0..3_000),
    ];
    let deadline = prop_oneof![1 => ms(20..1_000), 3 => ms(1_000..6_000)];
    let protocol = prop_oneof![12 => Just(1_u32), 1 => Just(2_u32)];
    let port = prop_oneof![2 => Just(None), 2 => Just(Some(PORT)), 1 => Just(Some(PORT + 1))];
    (after, deadline, 0..3_u8, protocol, port).prop_map(|(after, deadline, version, protocol, port)| Visit {
        after,
        deadline,
        version,
        protocol,
        port,
        upgrade: UpgradePolicy::Reuse,
    })
}

/// What all sessions want of a worker in another version, or one of them after the other in turn.
fn policies() -> impl Strategy<Value = Vec<UpgradePolicy>> {
    use UpgradePolicy::{Exact, Newest, Reuse};
    prop::sample::select(vec![
        vec![Reuse],
        vec![Reuse],
        vec![Reuse],
        vec![Newest],
        vec![Newest],
        vec![Newest, Newest, Reuse],
        vec![Newest, Exact],
    ])
}

/// Scenarios with any number of sessions from 1 to 64.
pub fn scenarios(seed: u64) -> impl Strategy<Value = Scenario> {
    let visits = prop_oneof![
        6 => prop::collection::vec(visits(), 1..=6),
        3 => prop::collection::vec(visits(), 1..=20),
        1 => prop::collection::vec(visits(), 20..=64),
    ];
    let faults = prop_oneof![
        1 => Just(Vec::new()),
        3 => prop::collection::vec(blows(), 1..=3),
        2 => prop::collection::vec(havocs(), 1..=2),
        3 => prop::collection::vec(prop_oneof![3 => blows(), 3 => havocs(), 1 => ambushes()], 1..=5),
        1 => crash_loops(),
        2 => hiccups(),
    ];
    let manner = prop_oneof![
        4 => Just(StandardWorker::default()),
        1 => (ms(0..300), ms(0..60)).prop_map(|(start, answer)| StandardWorker { start, answer, ..StandardWorker::default() }),
        1 => ms(1_000..2_500).prop_map(|idle| StandardWorker { idle, ..StandardWorker::default() }),
        1 => ms(1..200).prop_map(|drain| StandardWorker { drain, ..StandardWorker::default() }),
        1 => Just(StandardWorker { alone: true, ..StandardWorker::default() }),
    ];
    (visits, faults, manner, ms(500..2_500), prop::bool::weighted(0.2), policies()).prop_map(
        move |(mut visits, faults, manner, hang_limit, zombies, policies)| {
            for (visit, policy) in visits.iter_mut().zip(policies.iter().cycle()) {
                visit.upgrade = *policy;
            }
            Scenario { seed, visits, faults, manner, hang_limit, zombies }
        },
    )
}

impl Scenario {
    fn request(&self, visit: &Visit) -> Result<EnsureRequest, RequestError> {
        let path = ["/opt/marketplace/oneworker", "/opt/cache/1.0/oneworker", "/opt/project/oneworker"]
            [usize::from(visit.version) % 3];
        let port = visit.port.map_or(Ok(PortChoice::Auto), |port| port.to_string().parse());
        let id = WorkerId::builder()
            .port_choice(port.unwrap_or(PortChoice::Auto))
            .state_dir(crate::STATE_DIR)
            .version(format!("1.0.{}", visit.version))
            .protocol(ProtocolRange { min: visit.protocol, max: visit.protocol })
            .build()?;
        EnsureRequest::builder(id, LaunchCommand::new(path, ["serve"]))
            .deadline(visit.deadline)
            .hang_limit(self.hang_limit)
            .upgrade(visit.upgrade)
            .build()
    }

    fn plan(&self, visit: &Visit) -> SessionPlan {
        #[allow(clippy::expect_used)] // All its parts are in range.
        let request = self.request(visit).expect("a request");
        SessionPlan { request, errand: Errand::Worker }
    }

    /// Tells the story, and after its end the one of the next call, which has to succeed.
    ///
    /// # Errors
    /// The guarantee that was broken.
    pub fn tell(&self, traced: bool) -> Result<Tally, Broken> {
        self.tell_with(Arc::new(self.manner), traced)
    }

    /// The same, with workers that run this program.
    ///
    /// # Errors
    /// The guarantee that was broken.
    pub fn tell_with(&self, program: Arc<dyn Program>, traced: bool) -> Result<Tally, Broken> {
        let mut machine = Simulation::new(self.seed, Schedule::Random(Dice::new(self.seed)))
            .traced(traced)
            .with_program(program)
            .with_zombies(self.zombies)
            .with_port(PORT);
        for (number, visit) in (0..).zip(&self.visits) {
            machine.session(number, visit.after, self.plan(visit));
        }
        for fault in &self.faults {
            machine.fault(*fault);
        }
        self.tell_on(&mut machine).map_err(|what| Broken { what, trace: machine.trace() })
    }

    fn tell_on(&self, machine: &mut Simulation) -> Result<Tally, String> {
        finish(machine)?;
        self.check_answers(machine)?;
        machine.calm();
        let calls = self.check_next_call(machine)?;
        machine.check_nothing_left()?;
        let answers = machine.answers();
        let served = answers.values().filter(|answer| matches!(answer, Answer::Worker(_))).count();
        Ok(Tally {
            sessions: (self.visits.len() + calls) as u64,
            steps: machine.steps(),
            launches: machine.launches() as u64,
            served: served as u64,
        })
    }

    /// Whether nothing but deaths and halts of sessions goes wrong.
    fn only_sessions_suffer(&self) -> bool {
        let deaths =
            |fault: &Fault| matches!(fault, Fault::Blow(Whom::Session(_), _, Blow::Kill | Blow::Stop(_)));
        self.faults.iter().all(deaths) && self.faults.len() <= 2
    }

    fn of_one_protocol(&self) -> bool {
        self.visits.iter().all(|visit| visit.protocol == 1)
    }

    /// *One at least, soon*: while nothing keeps a worker from starting, every session that lives gets one.
    fn check_answers(&self, machine: &Simulation) -> Result<(), String> {
        // A slow worker has so many answers in a deadline, and no more.
        let quick = self.manner == StandardWorker::default();
        if !self.only_sessions_suffer() || !self.of_one_protocol() || !quick {
            return Ok(());
        }
        for (number, answer) in machine.answers() {
            let visit = &self.visits[number as usize];
            let patient = visit.deadline >= Duration::from_secs(1);
            if let Answer::Error { code, message, .. } = &answer
                && patient
                && !self
                    .faults
                    .iter()
                    .any(|fault| matches!(fault, Fault::Blow(Whom::Session(n), ..) if *n == number))
            {
                return Err(format!("session {number} got no worker, but {code}: {message}"));
            }
        }
        if self.faults.is_empty() {
            self.check_launches(machine.launches(), machine.served())?;
        }
        Ok(())
    }

    /// *At most one replacement for each version*, and none where nobody asks for it.
    fn check_launches(&self, launches: usize, served: usize) -> Result<(), String> {
        let versions: BTreeSet<u8> = self.visits.iter().map(|visit| visit.version).collect();
        let policies = || self.visits.iter().map(|visit| visit.upgrade);
        let most = if policies().all(|policy| policy == UpgradePolicy::Reuse) {
            1
        } else {
            // The first one to be replaced may come back, where a session wants just that one.
            versions.len() + usize::from(policies().any(|policy| policy == UpgradePolicy::Exact))
        };
        if launches == 0 || served > most {
            return Err(format!(
                "{launches} launches, and {served} workers that served, where {most} were to do"
            ));
        }
        Ok(())
    }

    /// *Once faults stop, the next call succeeds.* Those that are held back after failures say for how long.
    fn check_next_call(&self, machine: &mut Simulation) -> Result<usize, String> {
        let visit = Visit {
            after: Duration::ZERO,
            deadline: Duration::from_secs(60),
            version: 1,
            protocol: self.newest(),
            port: None,
            upgrade: UpgradePolicy::Reuse,
        };
        let mut after = Duration::ZERO;
        for number in 1000..1010 {
            machine.session(number, after, self.plan(&visit));
            finish(machine)?;
            match machine.answers().remove(&number) {
                Some(Answer::Worker(_)) => return Ok((number - 999) as usize),
                Some(Answer::Error { retry_in_ms: Some(ms), .. }) => after = Duration::from_millis(ms + 1),
                Some(Answer::Error { code, message, .. }) => {
                    return Err(format!("after all faults, a call ended with {code}: {message}"));
                }
                Some(Answer::Stopped(_) | Answer::Seen { .. }) | None => {
                    return Err("after all faults, a call did not end".to_owned());
                }
            }
        }
        Err("after all faults, calls are still held back".to_owned())
    }

    fn newest(&self) -> u32 {
        self.visits.iter().map(|visit| visit.protocol).max().unwrap_or(1)
    }
}

fn finish(machine: &mut Simulation) -> Result<(), String> {
    match machine.run() {
        Pause::Done => Ok(()),
        Pause::Broken => Err(machine.broken().unwrap_or_default()),
        Pause::Cut | Pause::Endless => Err("the story does not end".to_owned()),
    }
}

/// The scenario that this number makes, before any shrinking.
pub fn scenario_of(seed: u64) -> Scenario {
    tree_of(seed).1.current()
}

fn tree_of(seed: u64) -> (TestRunner, impl ValueTree<Value = Scenario>) {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config { max_shrink_iters: 2_000, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    #[allow(clippy::expect_used)] // These strategies filter nothing, so they reject nothing.
    let tree = scenarios(seed).new_tree(&mut runner).expect("a scenario");
    (runner, tree)
}

/// A broken guarantee, with the least that breaks it.
#[derive(Clone, Debug)]
pub struct Found {
    /// The number that tells the story again.
    pub seed: u64,
    /// The shrunk scenario.
    pub scenario: Scenario,
    /// What is broken, and how it came to that.
    pub broken: Broken,
}

impl std::fmt::Display for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "BROKEN: {}", self.broken.what)?;
        writeln!(f, "again:  cargo run --release -p oneworker-simulation -- replay --seed {}", self.seed)?;
        writeln!(f, "{:#?}", self.scenario)?;
        self.broken.trace.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// Tells the story of this number; if a guarantee breaks, looks for the least that breaks one.
///
/// # Errors
/// The shrunk story.
pub fn check(seed: u64) -> Result<Tally, Box<Found>> {
    let (mut runner, tree) = tree_of(seed);
    let scenario = tree.current();
    match scenario.tell(false) {
        Ok(tally) => Ok(tally),
        Err(_) => {
            let shrunk = runner.run_one(tree, |scenario| {
                scenario.tell(false).map(drop).map_err(|broken| TestCaseError::fail(broken.what))
            });
            let scenario = match shrunk {
                Err(TestError::Fail(_, least)) => least,
                _ => scenario,
            };
            let broken = scenario
                .tell(true)
                .err()
                .unwrap_or(Broken { what: "it broke once, and not again".to_owned(), trace: Vec::new() });
            Err(Box::new(Found { seed, scenario, broken }))
        }
    }
}
