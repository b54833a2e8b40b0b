//! Helpers: started in their order, ended in the other, and with the tenure.

use oneworker_tests::{is_alive, kill, wait_for, wait_until_gone};

use super::{SERVER, configured, ensure, script};

/// Helpers that write down when they begin and end.
fn noting(name: &str, more: &str) -> String {
    format!(
        "[[helper]]\nname = \"{name}\"\ncommand = [\"sh\", \"-c\", \"echo +{name} >> {{state_dir}}/story; trap 'echo -{name} >> {{state_dir}}/story; exit 0' TERM; echo $$ > {{state_dir}}/{name}.pid; echo up; while :; do sleep 0.01; done\"]\nready = {{ line = \"up\" }}\n{more}\n"
    )
}

#[test]
fn helpers_are_started_in_order_and_ended_in_the_other() {
    let late = "start = \"after\"";
    let plan = [noting("late", late), noting("second", "needs = [\"first\"]"), noting("first", "")].concat();
    let identity = configured(&plan);
    let server = script(&identity, "server.py", SERVER);
    let wrapped = script(
        &identity,
        "command.sh",
        &format!(
            "echo +command >> story; python3 {server} & trap 'echo -command >> story; kill $!; exit 0' TERM; wait"
        ),
    );
    let (status, answer) = ensure(&identity, &["sh", &wrapped]).json();
    assert_eq!(status, 0, "{answer}");
    identity.stop();
    let story = std::fs::read_to_string(identity.file("story")).unwrap();
    let expected = ["+first", "+second", "+command", "+late", "-late", "-command", "-second", "-first"];
    assert_eq!(story.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn helpers_serve_our_own_worker_too_and_are_started_again() {
    let identity = configured(&noting("chroma", "restart = { base = \"1ms\" }"));
    let worker = identity.patient();
    let pid =
        || -> Option<u32> { std::fs::read_to_string(identity.file("chroma.pid")).ok()?.trim().parse().ok() };
    let first = pid().unwrap();
    kill(first);
    let second = wait_for("another helper", || pid().filter(|pid| *pid != first && is_alive(*pid)));
    assert_eq!(identity.patient().pid, worker.pid);
    kill(worker.pid);
    wait_until_gone(second);
}

#[test]
fn nobody_takes_the_port_while_helpers_are_started_before_the_command() {
    let thief = "import os, socket, time\ntry: socket.socket().bind(('127.0.0.1', int(os.environ['ONEWORKER_PORT'])))\nexcept OSError: print('refused', flush=True)\nelse: print('taken', flush=True)\ntime.sleep(1000)\n";
    let identity = configured("");
    let thief = script(&identity, "thief.py", thief);
    let plan = format!(
        "[[helper]]\nname = \"thief\"\ncommand = [\"python3\", {thief:?}]\nready = {{ line = \"refused\", within = \"10m\" }}\n"
    );
    std::fs::write(identity.scratch().join("oneworker.toml"), plan).unwrap();
    let server = script(&identity, "server.py", SERVER);
    let (status, answer) = ensure(&identity, &["python3", &server]).json();
    assert_eq!(status, 0, "{answer}");
}

#[test]
fn a_helper_that_never_gets_ready_is_named_and_nothing_is_left() {
    let plan = [noting("good", ""), "[[helper]]\nname = \"mute\"\ncommand = [\"sleep\", \"1000\"]\nready = { line = \"up\", within = \"300ms\" }\n".to_owned()]
        .concat();
    let identity = configured(&plan);
    let failure = identity.patient_ensure().failure();
    assert_eq!(failure.error["worker_code"], "command_not_ready", "{:?}", failure.error);
    assert!(
        failure.error["message"].as_str().unwrap().contains("the helper mute (sleep)"),
        "{:?}",
        failure.error
    );
    let good: u32 = std::fs::read_to_string(identity.file("good.pid")).unwrap().trim().parse().unwrap();
    wait_until_gone(good);
}

#[test]
fn a_helper_that_does_not_end_is_killed_within_its_time() {
    let identity = configured(
        "[[helper]]\nname = \"deaf\"\ncommand = [\"sh\", \"-c\", \"trap '' TERM; echo $$ > {state_dir}/deaf.pid; while :; do sleep 0.05; done\"]\nready = { command = [\"test\", \"-s\", \"{state_dir}/deaf.pid\"] }\nstop = { within = \"300ms\" }\n",
    );
    identity.patient();
    let deaf: u32 = std::fs::read_to_string(identity.file("deaf.pid")).unwrap().trim().parse().unwrap();
    identity.stop();
    assert!(!is_alive(deaf));
    assert!(identity.log().contains("did not end within 300ms, and is killed"), "{}", identity.log());
}

#[test]
fn a_helper_that_eats_memory_is_ended_alone_and_the_reason_is_told() {
    let identity = configured(
        "[[helper]]\nname = \"glutton\"\ncommand = [\"python3\", \"-c\", \"print('up', flush=True)\\nx = []\\nwhile True: x.append(bytearray(1 << 20))\"]\nready = { line = \"up\" }\nrestart = { base = \"1ms\", limit = 1000 }\nlimits = { memory = \"64MiB\" }\n",
    );
    let worker = identity.patient();
    wait_for("the reason in the log", || (identity.log().matches("MemoryError").count() > 2).then_some(()));
    assert_eq!(identity.patient().pid, worker.pid);
}
