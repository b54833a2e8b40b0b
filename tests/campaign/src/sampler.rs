//! A thread that looks at the workers every few milliseconds: until when they certainly lived, and since when they are certainly dead. It
//! also measures how long this machine keeps a thread from running.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::history::{History, Seen, Tail, now};

const EVERY: Duration = Duration::from_millis(5);
/// A process on its way out (`include/linux/sched.h`), in `/proc/PID/stat`'s flags.
const PF_EXITING: u64 = 0x4;

/// The thread.
pub struct Sampler {
    ended: Arc<AtomicBool>,
    stall_ms: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Sampler {
    /// One that learns of workers from this history, and notes their deaths there.
    pub fn start(path: &Path) -> Self {
        let (ended, stall_ms) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (stop, stall) = (ended.clone(), stall_ms.clone());
        let history = History::append_to(path).expect("the history");
        let mut tail = Tail::of(path).expect("the history");
        let thread = std::thread::spawn(move || {
            let mut living = HashMap::new();
            while !stop.load(Ordering::SeqCst) {
                look(&mut tail, &mut living, &history);
                let begun = Instant::now();
                std::thread::sleep(EVERY);
                let over = begun.elapsed().saturating_sub(EVERY).as_millis();
                stall.fetch_max(u64::try_from(over).unwrap_or(u64::MAX), Ordering::SeqCst);
            }
            look(&mut tail, &mut living, &history);
        });
        Self { ended, stall_ms, thread: Some(thread) }
    }

    /// Looks a last time, and says how long the machine stalled at worst.
    pub fn end(mut self) -> u64 {
        self.join();
        self.stall_ms.load(Ordering::SeqCst)
    }

    fn join(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        self.join();
    }
}

struct Living {
    start: u64,
    alive: u64,
}

fn look(tail: &mut Tail, living: &mut HashMap<u32, Living>, history: &History) {
    let claimers: HashSet<_> = tail.new_at("claim.locked").into_iter().collect();
    for pid in claimers {
        let from = now();
        match start_of_living(pid) {
            Some(start) => drop(living.insert(pid, Living { start, alive: from })),
            None => history.add(Seen::Death { pid, alive: 0, at: now() }),
        }
    }
    living.retain(|pid, one| {
        let from = now();
        if start_of_living(*pid) == Some(one.start) {
            one.alive = from;
            return true;
        }
        history.add(Seen::Death { pid: *pid, alive: one.alive, at: now() });
        false
    });
}

/// When the process was started, if it lives and is not on its way out: until then it holds what it holds.
fn start_of_living(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<_> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let exiting = fields.get(6)?.parse::<u64>().ok()? & PF_EXITING != 0;
    (!matches!(*fields.first()?, "Z" | "X") && !exiting).then_some(())?;
    fields.get(19)?.parse().ok()
}
