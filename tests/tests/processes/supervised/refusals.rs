//! What can't be supervised is told by its own name, in time, and leaves nothing behind.

use std::net::{Ipv4Addr, TcpListener};

use oneworker_tests::wait_for;

use super::{SERVER, configured, ensure, script, supervised};

fn refused(configuration: &str, command: &[&str], code: &str, words: &[&str]) {
    let identity = configured(configuration);
    let command: Vec<String> =
        command.iter().map(|word| word.replace("{scratch}", &identity.scratch().to_string_lossy())).collect();
    let command: Vec<&str> = command.iter().map(String::as_str).collect();
    std::fs::write(identity.scratch().join("plain.txt"), "no program").unwrap();
    let failure = ensure(&identity, &command).failure();
    assert_eq!(failure.error["worker_code"], code, "{:?}", failure.error);
    let message = failure.error["message"].as_str().unwrap();
    for word in words {
        assert!(message.contains(word), "{word:?} is not in: {message}");
    }
    wait_for("nobody to be left", || identity.workers().is_empty().then_some(()));
}

#[test]
fn a_program_that_does_not_exist() {
    refused(
        "",
        &["no-such-program-anywhere"],
        "command_not_found",
        &["no-such-program-anywhere", "there is no program"],
    );
}

#[test]
fn a_file_that_is_no_program() {
    refused("", &["{scratch}/plain.txt"], "command_not_executable", &["plain.txt", "cannot be executed"]);
}

#[test]
fn a_directory_that_does_not_exist() {
    refused(
        "[worker]\ndirectory = \"/nonexistent\"\n",
        &["sleep", "1"],
        "command_directory",
        &["/nonexistent"],
    );
}

#[test]
fn a_command_that_ends_at_once() {
    refused("", &["true"], "command_exited", &["exited with status 0 before it was ready"]);
    refused(
        "",
        &["sh", "-c", "echo my last words; exit 5"],
        "command_exited",
        &["status 5", "my last words"],
    );
}

#[test]
fn a_command_that_is_killed_by_who_knows_whom() {
    refused("", &["sh", "-c", "kill -9 $$"], "command_exited", &["was killed", "memory"]);
}

#[test]
fn a_command_that_never_gets_ready() {
    refused(
        "[worker]\nready = { tcp = \"{port}\", within = \"300ms\" }\n",
        &["sleep", "1000"],
        "command_not_ready",
        &["not ready within 300ms", "nothing can connect"],
    );
}

#[test]
fn a_command_that_listens_on_another_port() {
    let identity = configured(
        "[worker]\nready = { tcp = \"{port}\", within = \"15s\" }\n[worker.env]\nset = { ONEWORKER_PORT = \"0\" }\n",
    );
    let elsewhere = oneworker_tests::free_port();
    let server = script(
        &identity,
        "server.py",
        &SERVER.replace("int(os.environ[\"ONEWORKER_PORT\"])", &elsewhere.to_string()),
    );
    let failure = ensure(&identity, &["python3", &server]).failure();
    let message = failure.error["message"].as_str().unwrap();
    assert!(message.contains(&format!("it listens on {elsewhere}")), "{message}");
}

#[test]
fn a_port_that_somebody_else_has_is_named_and_the_command_is_not_started() {
    let identity = supervised();
    let server = script(&identity, "server.py", &format!("open('started', 'w')\n{SERVER}"));
    let held = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = held.local_addr().unwrap().port().to_string();
    let failure = identity.ensure_on_port(&port).patiently().args(["--", "python3", &server]).failure();
    assert_eq!((failure.code.as_str(), &failure.error["pid"]), ("port_taken", &std::process::id().into()));
    assert!(!identity.file("started").exists());
}

#[test]
fn a_plan_that_makes_no_sense_is_refused_with_its_line() {
    let identity = supervised();
    for (text, words) in [
        ("[worker]\ncomand = [\"x\"]\n", "oneworker.toml:2:1: worker: unknown field `comand`"),
        ("\n[worker]\ncommand = []\n", "there is no command: name it here"),
        ("[[helper]]\nname = \"a\"\ncommand = [\"x\"]\nneeds = [\"b\"]\n", "\"b\" is no helper"),
        ("[worker]\ncommand = [\"x\"]\nstop = { within = \"5\" }\n", "\"5\" is not a duration"),
        ("helper = 3\n", "is a list of tables"),
    ] {
        std::fs::write(identity.scratch().join("oneworker.toml"), text).unwrap();
        let failure = identity.ensure().failure();
        assert_eq!(failure.status, 2, "{:?}", failure.error);
        assert!(failure.error["message"].as_str().unwrap().contains(words), "{words}: {:?}", failure.error);
    }
}
