//! The program's commands: run to their end, with their call and their return in the history.

use std::collections::HashMap;
use std::io::Read;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use oneworker_tests::kill;

use crate::history::{Answer, History, Seen, now};
use crate::interrupt::start;
use crate::plan::Fault;
use crate::program::Verb;
use crate::site::Site;

/// How a command is called.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// What it is to do.
    pub verb: Verb,
    /// From which install path.
    pub install: usize,
    /// By when, in milliseconds.
    pub deadline_ms: u64,
    /// What happens in it, or in the worker that it launches.
    pub failpoint: Option<&'a str>,
    /// After how many milliseconds it is killed, if it has not ended.
    pub killed_after: Option<u64>,
}

impl Order<'_> {
    /// One to which nothing happens.
    pub fn of(verb: Verb, install: usize, deadline_ms: u64) -> Self {
        Self { verb, install, deadline_ms, failpoint: None, killed_after: None }
    }
}

/// The commands of a round.
pub struct Calls<'a> {
    site: &'a Site,
    history: &'a History,
    count: AtomicUsize,
    /// Those that were not reaped yet: their pids are their own.
    running: Mutex<HashMap<usize, (Verb, u32)>>,
    /// Workers that were started by hand.
    by_hand: Mutex<Vec<Child>>,
}

impl<'a> Calls<'a> {
    /// None yet.
    pub fn new(site: &'a Site, history: &'a History) -> Self {
        Self {
            site,
            history,
            count: AtomicUsize::new(0),
            running: Mutex::default(),
            by_hand: Mutex::default(),
        }
    }

    /// Runs a command to its end.
    pub fn call(&self, order: &Order<'_>) -> Answer {
        let Order { verb, install, deadline_ms, failpoint, killed_after } = *order;
        let call = self.count.fetch_add(1, Ordering::SeqCst);
        let mut command = self.site.command(install, verb, deadline_ms, failpoint);
        self.history.add(Seen::Call {
            call,
            command: verb.name().to_owned(),
            at: now(),
            deadline_ms,
            failpoint: failpoint.map(str::to_owned),
        });
        let begun = Instant::now();
        let mut child = {
            // Nobody finds a process that is not in the table yet.
            let mut running = self.running();
            let child = start(&mut command).expect("the program starts");
            running.insert(call, (verb, child.id()));
            child
        };
        let pid = child.id();
        let (status, output) = std::thread::scope(|scope| {
            if let Some(after) = killed_after {
                scope.spawn(move || self.kill_at(begun + Duration::from_millis(after), call, pid));
            }
            self.wait_for(call, &mut child)
        });
        let answer = self.site.program().read(status, &output);
        self.history.add(Seen::Return { call, pid, at: now(), answer: answer.clone() });
        answer
    }

    fn kill_at(&self, at: Instant, call: usize, pid: u32) {
        std::thread::sleep(at.saturating_duration_since(Instant::now()));
        let running = self.running();
        if running.contains_key(&call) {
            let fault = Fault::KillSession;
            self.history.add(Seen::Fault { at: now(), fault: fault.clone(), pids: vec![pid] });
            kill(pid);
            self.history.add(Seen::Done { at: now(), fault, done: true, gone: None });
        }
    }

    fn wait_for(&self, call: usize, child: &mut Child) -> (ExitStatus, String) {
        let mut output = Vec::new();
        let _ = child.stdout.take().expect("its output").read_to_end(&mut output);
        loop {
            let mut running = self.running();
            if let Some(status) = child.try_wait().expect("its status") {
                running.remove(&call);
                return (status, String::from_utf8_lossy(&output).into_owned());
            }
            drop(running);
            std::thread::sleep(Duration::from_micros(500));
        }
    }

    /// The calls that were not reaped yet, with their pids. While this is held, none is.
    pub fn running(&self) -> MutexGuard<'_, HashMap<usize, (Verb, u32)>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The sessions that run, in the order of their pids.
    pub fn sessions(running: &HashMap<usize, (Verb, u32)>) -> Vec<u32> {
        let sessions = running.values().filter(|(verb, _)| *verb == Verb::Ensure);
        let mut pids: Vec<_> = sessions.map(|(_, pid)| *pid).collect();
        pids.sort_unstable();
        pids
    }

    /// Starts a worker by hand, as somebody does who does not know of sessions. It may be the worker from now on, so nobody waits for it here.
    pub fn serve(&self) {
        let mut command = self.site.command(0, Verb::Serve, 0, None);
        let child = start(command.stdout(Stdio::null())).expect("the program starts");
        self.by_hand.lock().unwrap_or_else(PoisonError::into_inner).push(child);
    }

    /// Waits for the workers that were started by hand.
    pub fn reap(&self) {
        for mut child in self.by_hand.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            let _ = child.wait();
        }
    }
}
