//! The guardian is killed too: what the kernel ends with the worker, and what the next tenure has to sweep.

use std::process::{Child, Command};
use std::time::Duration;

use coordinator::tree::{Marker, PART_VARIABLE, sweep, sweep_part};
use oneworker_tests::{PATIENCE, is_alive, kill, kill_and_wait, wait_for, wait_until_gone};

use crate::tree::{Cleanup, Tree, await_sleepers, digest, marker, sleepers, token};

/// A `sleep` of the test's own, with these variables besides.
struct Bystander(Child);

impl Bystander {
    fn start(token: &str, variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new("sleep");
        Self(command.arg(token).env_remove(Marker::VARIABLE).envs(variables.iter().copied()).spawn().unwrap())
    }

    fn assert_untouched(&mut self, who: &str) {
        assert!(self.0.try_wait().unwrap().is_none(), "{who} was ended");
    }
}

impl Drop for Bystander {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn what_outlives_guardian_and_worker_is_swept_and_nobody_else() {
    let cleanup = Cleanup(token());
    let (token, mine) = (&cleanup.0, digest());
    let stays =
        format!("setsid sh -c 'trap \"\" TERM; sleep {token} & sleep {token} & wait' & exec sleep {token}");
    let unmarked = format!("env -i setsid sleep {token}1 & exec sleep {token}");
    let mut tree = Tree::start(&mine, &[&stays, &unmarked]);
    await_sleepers(token, 4);
    let hidden = await_sleepers(&format!("{token}1"), 1);
    let later = marker(&mine, 2);
    let mut same_line = Bystander::start(token, &[]);
    let mut other_identity = Bystander::start(token, &[(Marker::VARIABLE, marker(&digest(), 1).as_str())]);
    let mut launched =
        Bystander::start(token, &[(Marker::VARIABLE, &tree.marker), ("ONEWORKER_READY_FD", "3")]);
    let mut successors = Bystander::start(token, &[(Marker::VARIABLE, later.as_str())]);

    kill_and_wait(tree.guardian);
    assert_eq!(tree.ask("ping"), "pong", "the worker goes on without its guardian");
    kill_and_wait(tree.worker);
    // By the kernel, since they are the worker's own.
    for child in &tree.children {
        wait_until_gone(*child);
    }
    assert_eq!(await_sleepers(token, 2 + 4).len(), 6, "nobody has ended these");

    // The shell and its two.
    assert_eq!(sweep(&later, PATIENCE), Ok(3));
    let mut left = sleepers(token);
    left.sort_unstable();
    let mut bystanders =
        [&same_line, &other_identity, &launched, &successors].map(|bystander| bystander.0.id());
    bystanders.sort_unstable();
    assert_eq!(left, bystanders);
    same_line.assert_untouched("one with the same command line");
    other_identity.assert_untouched("one of another identity");
    launched.assert_untouched("a launched worker");
    successors.assert_untouched("one of the tenure itself");
    assert_eq!(sweep(&later, PATIENCE), Ok(0));
    assert!(is_alive(hidden[0].pid.0), "nothing tells whose it is");
    kill_and_wait(hidden[0].pid.0);
}

#[test]
fn a_part_is_swept_and_its_neighbours_are_not() {
    let cleanup = Cleanup(token());
    let (token, mine) = (&cleanup.0, marker(&digest(), 3));
    let part =
        |name: &str| Bystander::start(token, &[(Marker::VARIABLE, mine.as_str()), (PART_VARIABLE, name)]);
    let (mut web, mut web2, mut db) = (part("web"), part("web"), part("db"));
    let mut none = Bystander::start(token, &[(Marker::VARIABLE, mine.as_str())]);
    await_sleepers(token, 4);
    assert_eq!(sweep_part(&mine, "web", PATIENCE), Ok(2));
    assert!(web.0.wait().is_ok() && web2.0.wait().is_ok());
    db.assert_untouched("another part");
    none.assert_untouched("no part");
    assert_eq!(sweep(&mine, PATIENCE), Ok(0));
    db.assert_untouched("one of this tenure");
}

#[test]
fn many_remains_that_go_on_forking_are_all_swept() {
    let cleanup = Cleanup(token());
    let (token, digest) = (&cleanup.0, digest());
    let earlier = marker(&digest, 1);
    let script = format!(
        "i=0; while [ $i -lt 100 ]; do (setsid sleep {token} &); i=$((i + 1)); done; while :; do (setsid sleep {token} &); sleep 0.005; done"
    );
    let mut starter =
        Command::new("sh").args(["-c", &script]).env(Marker::VARIABLE, earlier.as_str()).spawn().unwrap();
    wait_for("a crowd", || (sleepers(token).len() > 100).then_some(()));
    let swept = sweep(&marker(&digest, 2), PATIENCE).unwrap();
    assert!(swept > 100, "{swept}");
    starter.wait().unwrap();
    assert_eq!(sleepers(token), [0; 0]);
}

#[test]
fn what_can_not_be_ended_is_named() {
    let cleanup = Cleanup(token());
    let (token, digest) = (&cleanup.0, digest());
    let (remains, left) = wait_for("remains that live for a moment after their signal", || {
        let remains = Bystander::start(token, &[(Marker::VARIABLE, marker(&digest, 1).as_str())]);
        await_sleepers(token, 1);
        // Not even a moment. Where this thread has to wait for a CPU just then, that was enough.
        sweep(&marker(&digest, 2), Duration::ZERO).err().map(|left| (remains, left))
    });
    assert_eq!((left.processes.len(), left.ended), (1, 0));
    assert_eq!((left.processes[0].0.0, &*left.processes[0].1), (remains.0.id(), "sleep"));
    wait_until_gone(remains.0.id());
    kill(remains.0.id());
}
