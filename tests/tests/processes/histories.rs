//! `oneworker events` and `oneworker explain`: the history of an identity, as told to people and to programs.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use oneworker_tests::{Identity, Run, Squatter, free_port, kill, kill_and_wait, wait_for};
use serde_json::Value;

use crate::{BINARY, identity};

/// What `explain --json` says.
fn explained(identity: &Identity) -> Value {
    let (status, answer) = identity.command("explain").arg("--json").json();
    assert_eq!(status, 0, "{answer}");
    answer
}

/// The events, as `events --json` prints them.
fn events(identity: &Identity) -> Vec<Value> {
    let output = identity.command("events").arg("--json").output();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).expect("an object on each line")).collect()
}

fn of_kind<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["kind"] == kind).collect()
}

fn words(run: Run) -> String {
    let output = run.output();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_story_says_who_launched_what_from_where_and_how_the_last_one_ended() {
    let identity = identity().without_backoff();
    let first = identity.patient();
    identity.wait_until_noted();
    let begun = events(&identity);
    let launched = of_kind(&begun, "launched");
    assert_eq!(launched.len(), 1, "{begun:#?}");
    assert_eq!(launched[0]["program"], BINARY);
    assert!(launched[0]["version"].is_string() && launched[0]["pid"].is_u64(), "{launched:#?}");
    let began = of_kind(&begun, "tenure_began");
    assert_eq!((&began[0]["pid"], &began[0]["epoch"]), (&first.pid.into(), &1.into()));
    assert_eq!(explained(&identity)["last_end"], Value::Null);

    identity.stop();
    let stopped = explained(&identity);
    let end = &stopped["last_end"];
    assert_eq!(
        (&end["epoch"], &end["in_good_order"], &stopped["state"]),
        (&1.into(), &true.into(), &"not_running".into())
    );
    assert!(end["why"].as_str().unwrap().contains("oneworker stop"), "{end}");

    let second = identity.patient();
    // Who is killed before it has noted that it took office is not known.
    wait_for("the second one's note", || {
        let all = events(&identity);
        of_kind(&all, "tenure_began").iter().any(|event| event["epoch"] == second.epoch).then_some(())
    });
    kill_and_wait(second.pid);
    let killed = explained(&identity);
    let end = &killed["last_end"];
    assert_eq!(
        (&end["epoch"], &end["pid"], &end["in_good_order"]),
        (&2.into(), &second.pid.into(), &false.into())
    );
    assert!(end["why"].as_str().unwrap().contains("crashed or was killed"), "{end}");

    let third = identity.patient();
    wait_for("the third one's note", || {
        let began = events(&identity);
        let last = (*of_kind(&began, "tenure_began").last()?).clone();
        (last["epoch"] == third.epoch).then(|| {
            assert!(last["reason"].as_str().unwrap().contains("ended without a word"), "{last}");
        })
    });
    let told = words(identity.command("explain").arg("--last"));
    assert!(
        !told.contains("epoch 1 ") && told.contains(&format!("took office as epoch {}", third.epoch)),
        "{told}"
    );
    assert!(told.contains("Now: a worker is in office and well") && told.contains("epoch 2"), "{told}");
}

#[test]
fn a_refusal_that_many_sessions_meet_is_told_once() {
    let port = free_port();
    let _squatter = Squatter::on(port, |_| Ok(()));
    let identity = identity().on_port(port);
    for _ in 0..4 {
        assert_eq!(identity.patient_ensure().failure().code, "port_taken");
    }
    let all = events(&identity);
    let refused = of_kind(&all, "refused");
    // On a loaded machine a session may find the port free for a moment, and launch again: then it is told again.
    let told_again = all.windows(2).any(|two| two.iter().all(|event| event["kind"] == "refused"));
    assert!(!refused.is_empty() && !told_again, "{all:#?}");
    assert!(refused[0]["reason"].as_str().unwrap().starts_with("port_taken: "), "{refused:#?}");
    let told = explained(&identity);
    assert!(told["held_back"].as_str().unwrap().contains(&port.to_string()), "{told}");
}

#[test]
fn the_end_of_a_helper_is_told_with_its_reason() {
    let identity = identity();
    let plan = "[[helper]]\nname = \"indexer\"\ncommand = [\"sh\", \"-c\", \"echo $$ > {state_dir}/indexer.pid; echo up; exec sleep 1000\"]\nready = { line = \"up\" }\nrestart = { base = \"1ms\" }\n";
    fs::write(identity.scratch().join("oneworker.toml"), plan).unwrap();
    let worker = identity.patient();
    let helper: u32 = fs::read_to_string(identity.file("indexer.pid")).unwrap().trim().parse().unwrap();
    kill(helper);
    let ended = wait_for("the note of its end", || {
        let all = events(&identity);
        of_kind(&all, "child_ended").first().map(|event| (*event).clone())
    });
    assert_eq!((&ended["pid"], &ended["noted_by"]), (&helper.into(), &worker.pid.into()));
    let reason = ended["reason"].as_str().unwrap();
    assert!(reason.contains("the helper indexer") && reason.contains("memory"), "{reason}");
    wait_for("the note of the next one", || {
        let all = events(&identity);
        let ready = of_kind(&all, "child_ready");
        (ready.len() == 2 && ready[1]["pid"] != helper).then_some(())
    });
}

#[test]
fn what_happens_is_followed_until_nobody_reads() {
    let identity = identity();
    identity.patient();
    identity.wait_until_noted();
    let mut following = None;
    let run = identity.command("events").args(["-f", "-n", "1"]).with(|command| {
        following = Some(command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("it starts"));
    });
    drop(run);
    let mut following = following.unwrap();
    let mut lines = BufReader::new(following.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().contains("took office as epoch 1"));
    identity.stop();
    let next = lines.next().unwrap().unwrap();
    assert!(next.contains("left office (epoch 1)"), "{next}");
    drop(lines);
    wait_for("its end", || following.try_wait().unwrap().filter(|status| status.success()).map(drop));
}

#[test]
fn where_nothing_has_happened_nothing_is_made() {
    let identity = identity();
    assert_eq!(words(identity.command("events")), "");
    let told = words(identity.command("explain"));
    assert!(told.contains("Nothing was noted yet") && told.contains("nobody is in office"), "{told}");
    assert!(!identity.state_dir().exists());
}
