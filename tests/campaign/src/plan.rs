//! What a round does, drawn from its seed before anything is started.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::rng::Rng;

/// A round: its sessions, its faults, and what both happen to. Times are milliseconds after the round's beginning.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plan {
    /// The round's seed.
    pub seed: u64,
    /// On a port that is free at the beginning, rather than on any.
    pub fixed_port: bool,
    /// On a small file system of its own, which can be filled (root only).
    pub small_disk: bool,
    /// `--hang-limit`.
    pub hang_limit_ms: u64,
    /// `ONEWORKER_BACKOFF_BASE`.
    pub backoff_base_ms: u64,
    /// Stopped workers go on before the last `ensure`; otherwise it has to replace them.
    pub thaw_workers: bool,
    /// The sessions.
    pub sessions: Vec<Session>,
    /// The faults, in the order of their times.
    pub faults: Vec<Timed>,
}

/// One `ensure`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Session {
    /// When it starts.
    pub at: u64,
    /// From which of the two install paths.
    pub install: usize,
    /// Its deadline.
    pub deadline_ms: u64,
    /// After how long it is killed, if it has not ended.
    pub killed_after: Option<u64>,
    /// A failpoint in it, or in the worker that it launches.
    pub failpoint: Option<String>,
}

/// A fault and its time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Timed {
    /// When.
    pub at: u64,
    /// What.
    pub fault: Fault,
}

/// What goes wrong, or is done meanwhile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fault {
    /// SIGKILL to any session.
    KillSession,
    /// SIGKILL to a session that was elected.
    KillElected {
        /// How long after its election was seen.
        after_ms: u64,
    },
    /// SIGSTOP, later SIGCONT, to any session.
    PauseSession {
        /// For how long.
        ms: u64,
    },
    /// SIGKILL to every `serve`.
    KillWorker,
    /// SIGTERM to every `serve`.
    TermWorker,
    /// SIGSTOP, later SIGCONT, to every `serve`.
    PauseWorker {
        /// For how long.
        ms: u64,
    },
    /// SIGSTOP to every `serve`, for good.
    HangWorker,
    /// SIGKILL to a worker, whose pid then is a stranger's (root only).
    ReusePid {
        /// For how long.
        ms: u64,
    },
    /// Deletes a file of the state directory.
    Delete {
        /// Its name.
        file: String,
    },
    /// Puts garbage in place of a file.
    Garble {
        /// Its name.
        file: String,
    },
    /// Cuts a file to half, in place.
    Truncate {
        /// Its name.
        file: String,
    },
    /// Moves the directory away, and puts an empty one in its place, or none.
    ReplaceDirectory {
        /// Whether there is a new one at once.
        anew: bool,
    },
    /// Somebody else waits for the port, takes it, and goes again.
    Squat(Squat),
    /// The disk is full for a while.
    Fill {
        /// For how long.
        ms: u64,
    },
    /// `oneworker stop`.
    Stop {
        /// With `--force`.
        force: bool,
    },
    /// `oneworker restart`.
    Restart,
    /// `oneworker serve` by hand.
    Serve,
}

/// Somebody else on the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Squat {
    /// How long it waits for the port, and how long it stays.
    pub ms: u64,
    /// Whether it answers what the worker answered before; otherwise it is silent.
    pub answers: bool,
    /// Whether the worker is killed meanwhile.
    pub kills: bool,
}

impl Fault {
    /// The word for it in tables.
    pub fn kind(&self) -> String {
        serde_json::to_value(self)
            .ok()
            .and_then(|value| value["kind"].as_str().map(str::to_owned))
            .unwrap_or_default()
    }
}

/// The files that faults happen to.
const FILES: &[&str] = &[
    "worker.json",
    "worker.lock",
    "spawn.lock",
    "epoch",
    "launch.json",
    "suspect.json",
    "watched.json",
    "token",
    "proof.key",
    "worker.pid",
    "lifecycle.db",
];

const FAILPOINTS: &[&str] = &[
    "ensure.start=sleep:200",
    "elect.won=kill",
    "elect.won=stop",
    "elect.reprobed=stop",
    "look.free=kill",
    "look.free=stop",
    "launch.before=kill",
    "launch.before=stop",
    "launch.spawned=kill",
    "launch.spawned=stop",
    "launch.noted=kill",
    "launch.ready=kill",
    "serve.start=stop",
    "serve.start=sleep:300",
    "claim.before=stop",
    "claim.before=kill",
    "claim.locked=kill",
    "claim.locked=stop",
    "claim.locked=sleep:300",
    "claim.recorded=kill",
    "claim.epoch=kill",
    "claim.epoch=stop",
    "bind.before=stop",
    "bind.after=kill",
    "bind.after=panic",
    "ready.secrets=kill",
    "ready.record=kill",
    "ready.record=stop",
    "ready.reported=kill",
    "answer=kill",
    "answer=block",
    "end.begin=stop",
    "end.secrets=kill",
    "office.left=stop",
    "office.left=kill",
];

impl Plan {
    /// One that was written down.
    ///
    /// # Errors
    /// What is wrong with the file, in words.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// The plan of a seed. `root` allows what only root may do.
    pub fn draw(seed: u64, sessions_max: u64, root: bool) -> Self {
        let mut rng = Rng::new(seed);
        // Skewed to small: most of what goes wrong needs few sessions, and they are cheap.
        let most =
            [4, 12, 40, 120, sessions_max][[0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 4][rng.draw() as usize % 11]];
        let count = rng.within(2..most.clamp(2, sessions_max.max(2)) + 1);
        let span = *rng.pick(&[50, 300, 1000, 3000, 6000]);
        let calm = rng.percent(8);
        let (small_disk, fixed_port) = (rng.percent(30) && root, rng.percent(40));
        let hang_limit_ms = *rng.pick(&[500, 500, 1000, 10_000]);
        // In some rounds nearly everybody who is elected, and whom they launch, comes to grief.
        let shares = Shares { killed: *rng.pick(&[0, 10, 40]), failpoint: *rng.pick(&[0, 5, 20, 70]) };
        let shares = if calm { Shares { killed: 0, failpoint: 0 } } else { shares };
        let mut sessions: Vec<_> = (0..count).map(|_| session(&mut rng, span, shares)).collect();
        sessions.sort_by_key(|session| session.at);
        let faults = if calm { 0 } else { rng.within(0..9) };
        let mut faults: Vec<_> = (0..faults)
            .map(|_| Timed {
                at: rng.within(0..span + 300),
                fault: fault(&mut rng, small_disk, fixed_port, root),
            })
            .collect();
        faults.sort_by_key(|timed| timed.at);
        Self {
            seed,
            fixed_port,
            small_disk,
            hang_limit_ms: if calm { 10_000 } else { hang_limit_ms },
            backoff_base_ms: *rng.pick(&[0, 0, 20, 200]),
            thaw_workers: rng.percent(50) || hang_limit_ms > 1000,
            sessions,
            faults,
        }
    }

    /// The failpoints of its sessions.
    pub fn failpoints(&self) -> impl Iterator<Item = &str> {
        self.sessions.iter().filter_map(|session| session.failpoint.as_deref())
    }
}

/// How many of a hundred sessions are killed, and how many have a failpoint.
#[derive(Clone, Copy)]
struct Shares {
    killed: u64,
    failpoint: u64,
}

fn session(rng: &mut Rng, span: u64, shares: Shares) -> Session {
    Session {
        // Half of them in a burst at the beginning.
        at: if rng.percent(50) { rng.within(0..20) } else { rng.within(0..span) },
        install: rng.within(0..2) as usize,
        deadline_ms: *rng.pick(&[300, 1000, 2000, 5000, 20_000, 20_000, 60_000]),
        killed_after: rng.percent(shares.killed).then(|| rng.within(0..400)),
        failpoint: rng.percent(shares.failpoint).then(|| (*rng.pick(FAILPOINTS)).to_owned()),
    }
}

fn fault(rng: &mut Rng, small_disk: bool, fixed_port: bool, root: bool) -> Fault {
    let file = (*rng.pick(FILES)).to_owned();
    let ms = rng.within(50..2500);
    match rng.within(0..25) {
        0 => Fault::KillSession,
        1 | 2 => Fault::KillElected { after_ms: rng.within(0..60) },
        3 => Fault::PauseSession { ms },
        4..=6 => Fault::KillWorker,
        7 => Fault::TermWorker,
        8 => Fault::PauseWorker { ms },
        9 => Fault::HangWorker,
        10..=12 => Fault::Delete { file },
        13 | 14 => Fault::Garble { file },
        15 => Fault::Truncate { file },
        16 => Fault::ReplaceDirectory { anew: rng.percent(50) },
        17 | 18 if fixed_port => Fault::Squat(Squat { ms, answers: rng.percent(60), kills: rng.percent(60) }),
        19 | 20 if small_disk => Fault::Fill { ms },
        17 | 19 | 21 => Fault::Stop { force: rng.percent(30) },
        18 | 22 => Fault::Restart,
        24 if root => Fault::ReusePid { ms },
        _ => Fault::Serve,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_plan_again() {
        for seed in 0..200 {
            let text = |plan: Plan| serde_json::to_string(&plan).unwrap();
            let plan = Plan::draw(seed, 500, true);
            assert!((2..=500).contains(&plan.sessions.len()));
            assert_eq!(text(plan), text(Plan::draw(seed, 500, true)));
        }
    }

    #[test]
    fn every_kind_of_fault_is_drawn() {
        let kinds: std::collections::BTreeSet<_> = (0..500)
            .flat_map(|seed| Plan::draw(seed, 10, true).faults)
            .map(|timed| timed.fault.kind())
            .collect();
        assert_eq!(kinds.len(), 17, "{kinds:?}");
    }
}
