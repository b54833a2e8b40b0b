//! Carries a plan out, brings the round to rest, and has its history judged.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use oneworker_tests::kill;
use rustix::process::Signal;

use crate::bystander::Bystander;
use crate::calls::{Calls, Order};
use crate::checker::{self, Verdict};
use crate::faults;
use crate::history::{self, Answer, Event, History, Seen, now};
use crate::plan::{Fault, Plan};
use crate::program::{Program, Verb};
use crate::sampler::Sampler;
use crate::site::Site;

/// How long a round may take to come to rest: the longest deadline, and more than a loaded machine adds to it.
const REST: Duration = Duration::from_secs(600);
/// How long what has to end by itself may take for it.
const PATIENCE: Duration = Duration::from_secs(300);

/// What a round came to.
pub struct Outcome {
    /// The checker's verdict.
    pub verdict: Verdict,
    /// How often each fault was done.
    pub faults: BTreeMap<String, usize>,
    /// How long the machine stalled at worst.
    pub stall_ms: u64,
}

/// A round that is under way.
pub struct Stage<'a> {
    /// Its plan.
    pub plan: &'a Plan,
    /// Its place.
    pub site: &'a Site,
    /// Its history.
    pub history: &'a History,
    /// Its commands.
    pub calls: Calls<'a>,
    zero: Instant,
    /// One fault at a time may fill the disk.
    pub(crate) disk: Mutex<()>,
}

/// Carries out a plan in a directory that does not exist yet.
pub fn run(program: &Program, plan: &Plan, root: PathBuf) -> Outcome {
    let site = Site::prepare(root, program, plan);
    let history = History::append_to(&site.history).expect("the history");
    let sampler = Sampler::start(&site.history);
    let mut bystanders: Vec<_> = (0..2).filter_map(|_| Bystander::start(&site.history)).collect();
    let stage = Stage {
        plan,
        site: &site,
        history: &history,
        calls: Calls::new(&site, &history),
        zero: Instant::now(),
        disk: Mutex::new(()),
    };

    stage.carry_out();
    stage.bring_to_rest();
    for bystander in &mut bystanders {
        stage.expect_there("bystander", bystander);
    }
    drop(bystanders);
    let stall_ms = sampler.end();

    let events = history::read(&site.history).expect("a whole history");
    let verdict = checker::check(plan, &events, stall_ms);
    if !verdict.violations.is_empty() && site.disk.is_some() {
        // The small disk is gone with the round.
        let (disk, copy) = (site.root.join("disk"), site.root.join("disk-copy"));
        let _ = Command::new("cp").arg("-a").arg(disk).arg(copy).status();
    }
    let mut faults = BTreeMap::new();
    for event in &events {
        if let Event::Campaign(Seen::Done { fault, done: true, .. }) = event {
            *faults.entry(fault.kind()).or_default() += 1;
        }
    }
    faults.extend(site.hits(plan).into_iter().map(|(action, hits)| (format!("failpoint {action}"), hits)));
    Outcome { verdict, faults, stall_ms }
}

impl Stage<'_> {
    fn carry_out(&self) {
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let sessions = self.plan.sessions.iter().map(|session| {
                scope.spawn(move || {
                    self.wait_until(session.at);
                    self.calls.call(&Order {
                        verb: Verb::Ensure,
                        install: session.install,
                        deadline_ms: session.deadline_ms,
                        failpoint: session.failpoint.as_deref(),
                        killed_after: session.killed_after,
                    });
                })
            });
            let faults = self.plan.faults.iter().map(|timed| {
                scope.spawn(move || {
                    self.wait_until(timed.at);
                    faults::inflict(self, &timed.fault);
                })
            });
            let under_way: Vec<_> = sessions.chain(faults).collect();
            scope.spawn(|| self.keep_going(&over));
            under_way.into_iter().for_each(|one| one.join().expect("a session's or a fault's thread"));
            over.store(true, Ordering::SeqCst);
        });
    }

    /// Lets go on who stopped, once all has begun: commands may wait for them.
    fn keep_going(&self, over: &AtomicBool) {
        let last = self.plan.sessions.iter().map(|session| session.at).max().unwrap_or_default();
        let begun = self.zero + Duration::from_millis(last + 500);
        while !over.load(Ordering::SeqCst) {
            if Instant::now() > begun {
                self.thaw(self.may_thaw_workers());
            }
            if Instant::now() > begun + REST {
                for (_, (_, pid)) in self.calls.running().iter() {
                    self.wrong(format!("process {pid} never ended"));
                    kill(*pid);
                }
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Faults are over: one more session gets a worker, there is no other, it obeys, and nothing is left.
    fn bring_to_rest(&self) {
        let resting = AtomicBool::new(true);
        let all = AtomicBool::new(self.may_thaw_workers());
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while resting.load(Ordering::SeqCst) {
                    self.thaw(all.load(Ordering::SeqCst));
                    std::thread::sleep(Duration::from_millis(50));
                }
            });
            self.find_rest(&all);
            resting.store(false, Ordering::SeqCst);
        });
    }

    fn find_rest(&self, thaw_all: &AtomicBool) {
        let end = Instant::now() + PATIENCE;
        let last = loop {
            let last = self.calls.call(&Order::of(Verb::Ensure, 0, 60_000));
            if !self.passes_by_itself(&last) || Instant::now() > end {
                break last;
            }
            std::thread::sleep(Duration::from_secs(1));
        };
        thaw_all.store(true, Ordering::SeqCst);
        match last {
            Answer::Worker { worker, .. } => {
                if let Err(left) = self.comes_to(|| self.site.workers(), &[worker]) {
                    self.wrong(format!("the worker is process {worker}, and there are {left:?}"));
                }
            }
            other => self.wrong(format!("the last session got no worker: {other:?}")),
        }
        match self.calls.call(&Order::of(Verb::Stop { force: false }, 1, 60_000)) {
            Answer::Done => {}
            other => self.wrong(format!("the worker did not stop: {other:?}")),
        }
        let all = || self.site.processes().into_iter().map(|(pid, _)| pid).collect();
        if let Err(left) = self.comes_to(all, &[]) {
            self.wrong(format!("after the end there are still {left:?}"));
            return;
        }
        self.calls.reap();
    }

    /// Whether this answer of the last session says what is over soon.
    fn passes_by_itself(&self, answer: &Answer) -> bool {
        let Answer::Error { code, .. } = answer else { return false };
        // A worker whose event loop is stuck can't notice that its directory is gone, and nothing in the new one proves whose it is. It has
        // the port until its own watchdog ends it.
        let stuck = self.plan.failpoints().any(|failpoint| failpoint == "answer=block");
        let replaced =
            || self.plan.faults.iter().any(|timed| matches!(timed.fault, Fault::ReplaceDirectory { .. }));
        code == "cooling_down" || code == "port_taken" && stuck && replaced()
    }

    fn comes_to(&self, look: impl Fn() -> Vec<u32>, wanted: &[u32]) -> Result<(), Vec<u32>> {
        let end = Instant::now() + PATIENCE;
        loop {
            let found = look();
            if found == wanted {
                return Ok(());
            }
            if Instant::now() > end {
                return Err(found);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Whether stopped workers go on. Where nothing proves any more whose the lock or the port is, nobody can be replaced.
    fn may_thaw_workers(&self) -> bool {
        let lost = |name: &str| {
            self.plan.faults.iter().any(|timed| match &timed.fault {
                Fault::Delete { file } | Fault::Garble { file } | Fault::Truncate { file } => file == name,
                Fault::ReplaceDirectory { .. } => true,
                _ => false,
            })
        };
        self.plan.thaw_workers || (lost("worker.json") && lost("worker.lock"))
    }

    fn thaw(&self, workers: bool) {
        for (pid, serves) in self.site.processes() {
            if !serves || workers {
                self.site.signal(pid, Signal::CONT);
            }
        }
    }

    /// Notes that something is wrong if this process was ended.
    pub(crate) fn expect_there(&self, what: &str, bystander: &mut Bystander) {
        if !bystander.is_there() {
            self.wrong(format!("{what} {} was ended", bystander.pid()));
        }
    }

    fn wrong(&self, what: String) {
        self.history.add(Seen::Wrong { at: now(), what });
    }

    fn wait_until(&self, ms: u64) {
        let at = self.zero + Duration::from_millis(ms);
        std::thread::sleep(at.saturating_duration_since(Instant::now()));
    }
}
