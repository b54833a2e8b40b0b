//! Many sessions at once, with nothing running: exactly one worker takes office, and all of them get it.

use std::fs;
use std::path::PathBuf;

use oneworker_tests::{Identity, Run, Running, agreed, all_at_once, wait_until_gone};

use crate::{BINARY, identity};

const SESSIONS: usize = 200;
const ROUNDS: u64 = 10;

/// Ten rounds of 200 sessions that find nothing running.
fn storm(identity: &Identity, session: impl Fn(usize) -> Run) {
    for round in 1..=ROUNDS {
        let sessions = all_at_once((0..SESSIONS).map(&session));
        let answers: Vec<_> = sessions.into_iter().map(Running::success).collect();
        assert_eq!(answers.len(), SESSIONS);
        let worker = agreed(&answers);
        assert_eq!(worker.epoch, round, "every round has one tenure");
        assert_eq!(identity.epoch(), round, "nobody else drew an epoch");
        assert_eq!(identity.workers(), [worker.pid], "one worker, and no other on its way");
        assert_eq!(answers.iter().filter(|answer| answer.outcome == "started").count(), 1);
        identity.stop();
        wait_until_gone(worker.pid);
    }
    assert_eq!(identity.tenures(), (1..=ROUNDS).collect::<Vec<_>>());
    assert_eq!(identity.needless_launches(), 0, "one session launched, the others waited for it");
}

#[test]
fn two_hundred_sessions_get_one_worker_ten_rounds_in_a_row() {
    let identity = identity();
    storm(&identity, |_| identity.patient_ensure());
}

#[test]
fn sessions_with_nothing_in_common_but_user_and_state_directory_get_one_worker() {
    let identity = identity();
    // Install paths: a plain copy, a hard link to that, a symbolic link, and the original.
    let install = |path: &str| -> PathBuf {
        let path = identity.scratch().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    };
    let (market, cache, link) =
        (install("marketplace/bin/ow"), install("cache/1.0/ow"), install("bin/current"));
    // By a process of its own: a fork of another test must not have it open for writing when it is executed (execve(2), ETXTBSY).
    assert!(std::process::Command::new("cp").arg(BINARY).arg(&market).status().unwrap().success());
    fs::hard_link(&market, &cache).unwrap();
    std::os::unix::fs::symlink(BINARY, &link).unwrap();
    let binaries = [market, cache, link, PathBuf::from(BINARY)];
    let scripts = [r#"exec "$@""#, r#""$@""#, r#"setsid -w "$@""#, r#""$@" | cat"#];

    storm(&identity, |n| {
        let dirs =
            ["tmp", "home", "xdg-state", "work"].map(|kind| identity.scratch().join(format!("{kind}-{n}")));
        dirs.iter().for_each(|dir| fs::create_dir_all(dir).unwrap());
        let [tmp, home, xdg, work] = dirs;
        let run = identity.command_of(&binaries[n % binaries.len()], "ensure").arg("--json").patiently();
        let run = run
            .env("TMPDIR", tmp)
            .env("HOME", home)
            .env("XDG_STATE_HOME", xdg)
            .env("USER", format!("user{n}"));
        let run = run.in_dir(work);
        // Another factor than the binaries', so that every pair of both occurs.
        match (n / binaries.len()) % (scripts.len() + 1) {
            0 => run,
            way => run.through(scripts[way - 1]),
        }
    });
}
