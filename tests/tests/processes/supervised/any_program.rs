//! Servers in other languages get what our own worker has.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use oneworker_tests::{all_at_once, is_alive, wait_for, wait_until_gone};

use super::{SERVER, child_of, configured, ensure, get, script, supervised};

/// A server in Node, one in Python, and a shell script that takes its time.
fn storm_of(command: impl Fn(&oneworker_tests::Identity) -> Vec<String>) {
    let identity = supervised();
    let command = command(&identity);
    let command: Vec<&str> = command.iter().map(String::as_str).collect();
    let crowd = all_at_once((0..100).map(|_| ensure(&identity, &command)));
    let answers: Vec<_> = crowd.into_iter().map(|session| session.json()).collect();
    let first = &answers[0].1;
    for (status, answer) in &answers {
        assert_eq!(*status, 0, "{answer}");
        let same = ["pid", "child_pid", "port", "epoch"].map(|key| answer[key] == first[key]);
        assert_eq!(same, [true; 4], "{answer} and {first}");
    }
    let port = u16::try_from(first["port"].as_u64().unwrap()).unwrap();
    assert!(get(port).is_some(), "{first}");
    assert_eq!(identity.tenures(), [1]);
    let child = child_of(first);
    identity.stop();
    wait_until_gone(child);
    assert_eq!(get(port), None);
}

#[test]
fn a_hundred_sessions_get_one_node_server() {
    storm_of(|identity| {
        let text = "require('http').createServer((q, r) => r.end('hello')).listen(process.env.ONEWORKER_PORT, '127.0.0.1')";
        vec!["node".to_owned(), script(identity, "server.js", text)]
    });
}

#[test]
fn a_hundred_sessions_get_one_python_server() {
    storm_of(|identity| {
        let root = identity.scratch().join("web");
        std::fs::create_dir(&root).unwrap();
        let root = root.to_string_lossy().into_owned();
        ["python3", "-m", "http.server", "--bind", "127.0.0.1", "--directory", &root, "{port}"]
            .map(str::to_owned)
            .to_vec()
    });
}

#[test]
fn a_hundred_sessions_get_one_script_that_needs_three_seconds_to_listen() {
    storm_of(|identity| {
        let server = script(identity, "server.py", SERVER);
        vec!["sh".to_owned(), script(identity, "slow.sh", &format!("sleep 3; exec python3 {server}"))]
    });
}

#[test]
fn a_command_sees_what_it_is_given_and_nothing_else() {
    let identity = configured(
        "[worker]\ncommand = [\"sh\", \"-c\", \"env > {state_dir}/seen; umask > {state_dir}/umask; pwd > {state_dir}/pwd; ulimit -n > {state_dir}/files; exec sleep 1000\"]\nready = { command = [\"test\", \"-s\", \"{state_dir}/files\"] }\nlimits = { open_files = 77 }\n[worker.env]\npass = [\"WANTED\"]\nset = { HELLO = \"port {port}\" }\n",
    );
    let run = identity
        .patient_ensure()
        .env("SECRET", "s3cret")
        .env("WANTED", "yes")
        .env("HTTPS_PROXY", "http://proxy");
    let (status, answer) = run.json();
    assert_eq!(status, 0, "{answer}");
    let seen = std::fs::read_to_string(identity.file("seen")).unwrap();
    let value =
        |name: &str| seen.lines().find_map(|line| line.strip_prefix(&format!("{name}=")).map(str::to_owned));
    assert_eq!(value("SECRET"), None);
    assert_eq!(value("HTTPS_PROXY"), None);
    assert_eq!(value("WANTED").as_deref(), Some("yes"));
    assert_eq!(value("HELLO"), Some(format!("port {}", answer["port"])));
    assert_eq!(value("ONEWORKER_EPOCH").as_deref(), Some("1"));
    assert_eq!(value("ONEWORKER_STATE_DIR"), Some(identity.state_dir().to_string_lossy().into_owned()));
    assert!(std::fs::read_to_string(value("ONEWORKER_TOKEN_FILE").unwrap()).unwrap().len() > 20);
    assert!(value("ONEWORKER_TENURE").is_some() && value("PATH").is_some());
    let words = |name: &str| std::fs::read_to_string(identity.file(name)).unwrap().trim().to_owned();
    assert_eq!((words("umask").as_str(), words("files").as_str()), ("0077", "77"));
    assert_eq!(words("pwd"), std::fs::canonicalize(identity.state_dir()).unwrap().to_string_lossy());
}

#[test]
fn clients_of_a_passed_socket_wait_for_its_command_and_are_never_refused() {
    let server = "import os, socket, time\ntime.sleep(1)\nlistener = socket.socket(fileno=3)\nassert os.environ['LISTEN_FDS'] == '1' and os.environ['LISTEN_PID'] == str(os.getpid())\nwhile True:\n    c, _ = listener.accept(); c.recv(1000); c.sendall(b'HTTP/1.0 200 OK\\r\\n\\r\\n%d' % os.getpid()); c.close()\n";
    let identity = configured("[worker]\nsocket = \"pass\"\n");
    let server = script(&identity, "passed.py", server);
    let (status, answer) = ensure(&identity, &["python3", &server]).json();
    assert_eq!(status, 0, "{answer}");
    let port = u16::try_from(answer["port"].as_u64().unwrap()).unwrap();
    assert_eq!(get(port).unwrap(), child_of(&answer).to_string(), "it took a second to accept");
    oneworker_tests::kill(child_of(&answer));
    // Started again, on the socket that was open all the time.
    let next: u32 = get(port).or_else(|| get(port)).expect("an answer").parse().unwrap();
    assert_ne!(next, child_of(&answer));
}

/// A server that ends between two clients.
const ORDERLY: &str = r#"
import os, signal, socket
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
listener = socket.socket(fileno=3)
listener.settimeout(0.02)
while signal.sigtimedwait({signal.SIGTERM}, 0) is None:
    try: client, _ = listener.accept()
    except TimeoutError: continue
    client.settimeout(10); client.recv(1000)
    client.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + os.environ["ONEWORKER_EPOCH"].encode()); client.close()
"#;

#[test]
fn a_passed_socket_stays_open_while_its_supervisor_hands_over_to_a_newer_one() {
    let identity = configured("[worker]\nsocket = \"pass\"\n");
    let server = script(&identity, "orderly.py", ORDERLY);
    let [old, new] = ["1.0.0", "1.1.0"].map(|version| identity.install(version));
    let ensure = |install: &Path| identity.newest_of(install).arg("--").args(["python3", &server]).json().1;
    let port = u16::try_from(ensure(&old)["port"].as_u64().unwrap()).unwrap();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let client = scope.spawn(|| {
            let mut answers = Vec::new();
            while !over.load(Ordering::Relaxed) || answers.last() != Some(&Some("2".to_owned())) {
                answers.push(get(port));
                if answers.contains(&None) {
                    break;
                }
            }
            answers
        });
        wait_for("the first command's answer", || get(port));
        let answer = ensure(&new);
        over.store(true, Ordering::Relaxed);
        let answers = client.join().unwrap();
        assert_eq!((&answer["outcome"], &answer["epoch"]), (&"replaced".into(), &2.into()), "{answer}");
        assert!(!answers.contains(&None), "refused or cut off, at the {}th", answers.len());
        assert_eq!(answers.first(), Some(&Some("1".to_owned())));
    });
}

each! { is_ready_by:
    fn a_command_is_ready_when_it_is_answered_over_http = "http = \"/\", status = 200, body = \" 1\"";
    fn a_command_is_ready_when_it_can_be_connected_to = "tcp = \"{port}\"";
    fn a_command_is_ready_when_it_says_so_in_its_output = "line = \"here I am\"";
    fn a_command_is_ready_when_it_notifies = "notify = true";
    fn a_command_is_ready_when_another_command_says_so = "command = [\"test\", \"-e\", \"{state_dir}/up\"]";
}

fn is_ready_by(check: &str) {
    let announce = r#"
import os, socket, time
time.sleep(0.3)
open(os.environ["ONEWORKER_STATE_DIR"] + "/up", "w").close()
print("and here I am, at last", flush=True)
if "NOTIFY_SOCKET" in os.environ:
    told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    told.sendto(b"STATUS=good\nREADY=1", os.environ["NOTIFY_SOCKET"])
    # Each waits for room.
    for _ in range(100): told.sendto(b"WATCHDOG=1", os.environ["NOTIFY_SOCKET"])
"#;
    let identity = configured(&format!("[worker]\nready = {{ {check}, within = \"10m\" }}\n"));
    let server = script(&identity, "server.py", &format!("{announce}{SERVER}"));
    let (status, answer) = ensure(&identity, &["python3", &server]).json();
    assert_eq!(status, 0, "{answer}");
    assert!(identity.file("up").exists());
    let port = u16::try_from(answer["port"].as_u64().unwrap()).unwrap();
    wait_for("the server to listen", || get(port));
}

#[test]
fn a_command_gets_any_free_port_where_none_is_named() {
    let identity = crate::identity();
    let server = script(&identity, "server.py", SERVER);
    let answer = ensure(&identity, &["python3", &server]).success();
    assert!(get(answer.port).unwrap().ends_with(" 1"));
}

#[test]
fn a_session_that_names_no_command_gets_the_one_that_runs_and_data_is_beside_it() {
    let identity = supervised();
    let server = script(&identity, "server.py", SERVER);
    let (_, first) = ensure(&identity, &["python3", &server]).json();
    let (status, again) = identity.patient_ensure().json();
    assert_eq!((status, &again["child_pid"], &again["url"]), (0, &first["child_pid"], &first["url"]));
    assert_eq!(again["warnings"], serde_json::Value::Null);
    let put = identity.command("put").arg("a note beside a command").patiently().output();
    assert!(put.status.success(), "{put:?}");
    let (_, seen) = identity.command("status").arg("--json").json();
    assert_eq!((&seen["child_pid"], &seen["url"]), (&first["child_pid"], &first["url"]));
    // Its record is not where it could be found again by asking the port.
    std::fs::remove_file(identity.file("worker.json")).unwrap();
    let (status, healed) = ensure(&identity, &["python3", &server]).json();
    assert_eq!((status, &healed["pid"]), (0, &first["pid"]), "{healed}");
}

#[test]
fn a_command_that_has_finished_ends_its_worker_in_good_order() {
    let identity = supervised();
    let finishing = "import os, threading, time\ndef wait():\n    while not os.path.exists('finish'): time.sleep(0.01)\n    os._exit(0)\nthreading.Thread(target=wait).start()\n";
    let server = script(&identity, "server.py", &format!("{finishing}{SERVER}"));
    let (status, answer) = ensure(&identity, &["python3", &server]).json();
    assert_eq!(status, 0, "{answer}");
    std::fs::write(identity.file("finish"), "").unwrap();
    let worker = u32::try_from(answer["pid"].as_u64().unwrap()).unwrap();
    wait_for("the worker to end", || (!is_alive(worker)).then_some(()));
    assert!(identity.log().contains("the command has ended, with status 0"), "{}", identity.log());
    assert_eq!(identity.record().unwrap()["state"], "stopped");
}
