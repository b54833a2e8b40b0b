//! Each fault, done to a round that is under way. To add one: a variant of [`Fault`], its share in `plan.rs`, an arm here, and the errors
//! that it gives a reason for in `checker/codes.rs`.

use std::fs::OpenOptions;
use std::os::unix::fs::DirBuilderExt;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use oneworker_tests::kill;
use rustix::process::{Pid, Signal, test_kill_process};

use crate::bystander::Bystander;
use crate::calls::{Calls, Order};
use crate::history::{DirId, Seen, Tail, now};
use crate::plan::Fault;
use crate::program::Verb;
use crate::round::Stage;
use crate::site::id_of;
use crate::squatter::squat;

/// How long a fault waits for a session that it can be done to.
const VICTIM_PATIENCE: Duration = Duration::from_millis(1500);
/// How long init may take to reap a dead worker: in some containers it only looks now and then.
const REAP_PATIENCE: Duration = Duration::from_secs(30);

/// What a fault came to.
struct Came {
    done: bool,
    gone: Option<DirId>,
}

/// Does it, and notes when it was begun and done. Returns when it is over.
pub fn inflict(stage: &Stage<'_>, fault: &Fault) {
    let begin = |pids: &[u32]| {
        stage.history.add(Seen::Fault { at: now(), fault: fault.clone(), pids: pids.to_vec() });
    };
    let Came { done, gone } = match fault {
        Fault::KillSession | Fault::KillElected { .. } | Fault::PauseSession { .. } => {
            to_session(stage, fault, &begin)
        }
        Fault::KillWorker => to_workers(stage, Signal::KILL, &begin),
        Fault::TermWorker => to_workers(stage, Signal::TERM, &begin),
        Fault::HangWorker => to_workers(stage, Signal::STOP, &begin),
        Fault::PauseWorker { ms } => {
            let came = to_workers(stage, Signal::STOP, &begin);
            pause(*ms);
            for worker in stage.site.workers() {
                stage.site.signal(worker, Signal::CONT);
            }
            came
        }
        Fault::ReusePid { ms } => {
            let victim = stage.site.workers().first().copied();
            begin(victim.as_slice());
            came(victim.is_some_and(|worker| reuse_pid(stage, worker, *ms)))
        }
        Fault::ReplaceDirectory { anew } => {
            begin(&[]);
            replace_directory(stage, *anew)
        }
        Fault::Delete { file } => {
            begin(&[]);
            came(std::fs::remove_file(stage.site.state_dir().join(file)).is_ok())
        }
        Fault::Garble { file } => {
            begin(&[]);
            came(garble(stage, file))
        }
        Fault::Truncate { file } => {
            begin(&[]);
            came(truncate(stage, file))
        }
        Fault::Squat(how) => {
            begin(&[]);
            came(squat(stage, *how))
        }
        Fault::Fill { ms } => {
            begin(&[]);
            came(fill(stage, *ms))
        }
        Fault::Stop { force } => {
            begin(&[]);
            stage.calls.call(&Order::of(Verb::Stop { force: *force }, 0, 5000));
            came(true)
        }
        Fault::Restart => {
            begin(&[]);
            stage.calls.call(&Order::of(Verb::Restart, 1, 8000));
            came(true)
        }
        Fault::Serve => {
            begin(&[]);
            stage.calls.serve();
            came(true)
        }
    };
    stage.history.add(Seen::Done { at: now(), fault: fault.clone(), done, gone });
}

fn came(done: bool) -> Came {
    Came { done, gone: None }
}

fn pause(ms: u64) {
    std::thread::sleep(Duration::from_millis(ms));
}

/// Waits for a session that it can be done to: most are over in some milliseconds.
fn to_session(stage: &Stage<'_>, fault: &Fault, begin: &dyn Fn(&[u32])) -> Came {
    let (mut tail, mut elected) = (Tail::of(&stage.site.history).expect("the history"), Vec::new());
    let end = Instant::now() + VICTIM_PATIENCE;
    while Instant::now() < end {
        elected.extend(tail.new_at("elect.won"));
        let victim = {
            let sessions = Calls::sessions(&stage.calls.running());
            match fault {
                Fault::KillElected { .. } => elected.iter().rev().find(|pid| sessions.contains(pid)).copied(),
                // In the middle, so that neither the first nor the last has it.
                _ => sessions.get(sessions.len() / 2).copied(),
            }
        };
        if let (Some(_), Fault::KillElected { after_ms }) = (victim, fault) {
            pause(*after_ms);
        }
        // While this is held no session is reaped: a pid is its own.
        let running = stage.calls.running();
        if let Some(pid) = victim.filter(|pid| Calls::sessions(&running).contains(pid)) {
            begin(&[pid]);
            if let Fault::PauseSession { ms } = fault {
                stage.site.signal(pid, Signal::STOP);
                drop(running);
                pause(*ms);
                stage.site.signal(pid, Signal::CONT);
            } else {
                kill(pid);
            }
            return came(true);
        }
        drop(running);
        pause(1);
    }
    came(false)
}

fn to_workers(stage: &Stage<'_>, what: Signal, begin: &dyn Fn(&[u32])) -> Came {
    let workers = stage.site.workers();
    begin(&workers);
    for worker in &workers {
        stage.site.signal(*worker, what);
    }
    came(!workers.is_empty())
}

fn replace_directory(stage: &Stage<'_>, anew: bool) -> Came {
    let state = stage.site.state_dir();
    let aside = state.with_file_name(format!("gone-{}", now()));
    if std::fs::rename(&state, &aside).is_err() {
        return came(false);
    }
    if anew {
        // A session may have been faster.
        let _ = std::fs::DirBuilder::new().mode(0o700).create(&state);
    }
    Came { done: true, gone: id_of(&aside) }
}

fn garble(stage: &Stage<'_>, file: &str) -> bool {
    let path = stage.site.state_dir().join(file);
    let garbage = stage.site.root.join(format!("disk/garbage-{}", now()));
    path.exists()
        && std::fs::write(&garbage, b"{\"schema\":1,\xff\x00 garbage").is_ok()
        && std::fs::rename(&garbage, &path).is_ok()
}

fn truncate(stage: &Stage<'_>, file: &str) -> bool {
    let path = stage.site.state_dir().join(file);
    let halved = OpenOptions::new().write(true).open(path).and_then(|file| {
        let half = file.metadata()?.len() / 2;
        file.set_len(half)
    });
    halved.is_ok()
}

/// Ends a worker, and lets a bystander have its pid.
fn reuse_pid(stage: &Stage<'_>, worker: u32, ms: u64) -> bool {
    stage.site.signal(worker, Signal::KILL);
    let end = Instant::now() + REAP_PATIENCE;
    let pid = i32::try_from(worker).ok().and_then(Pid::from_raw);
    // Reaped by its monitor, or by init.
    while pid.is_some_and(|pid| test_kill_process(pid).is_ok()) && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(1));
    }
    let Some(mut stranger) = Bystander::with_pid(&stage.site.history, worker) else { return false };
    pause(ms);
    stage.expect_there("a stranger with a worker's pid,", &mut stranger);
    true
}

fn fill(stage: &Stage<'_>, ms: u64) -> bool {
    let Some(disk) = &stage.site.disk else { return false };
    let _one_at_a_time = stage.disk.lock().unwrap_or_else(PoisonError::into_inner);
    disk.fill();
    pause(ms);
    disk.clear();
    true
}
