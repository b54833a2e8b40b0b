//! The scenes. Each step waits for the end of the one before, and nothing is a matter of time.

use std::fs;

use oneworker_tests::{Squatter, free_port, wait_for, wait_until_gone};

use super::stage::Stage;
use crate::hooks::AGENTS;

/// The files of a worker in office, and the formats of all that lies there.
fn files(stage: &mut Stage) {
    stage.directory("state");
    for name in ["worker.json", "launch.json", "proof.key"] {
        stage.json_file(name);
    }
    for name in ["token", "epoch", "worker.pid"] {
        stage.text_file(name);
    }
    for name in ["worker.db", "lifecycle.db"] {
        stage.tables(name);
    }
}

pub(super) fn nothing_runs(stage: &mut Stage) {
    for words in [
        "status",
        "status --json",
        "status --quiet",
        "ensure --no-start",
        "ensure --no-start --json",
        "stop",
        "stop --json",
        "stop --force --json",
        "ps",
        "ps --json",
        "ps --all --quiet",
        "events",
        "events --json",
        "explain",
        "explain --json",
        "explain --last --json",
        "logs",
        "logs indexer",
        "doctor",
        "doctor --json",
        "reap --json",
        "reap --yes --json",
        "adopt --json",
        "session list --json",
        "session end a --json",
        "backup @/backup.db --json",
        "restore @/missing.db --json",
        "purge --json",
        "purge --yes --json",
    ] {
        stage.run(words);
    }
}

pub(super) fn life(stage: &mut Stage) {
    stage.run("ensure --json");
    stage.mess.identity.wait_until_noted();
    files(stage);
    for words in [
        "ensure --json",
        "ensure",
        "ensure --quiet",
        "ensure --no-start --json",
        "ensure --upgrade newest --json",
        "ensure --port 1025 --json",
        "ensure --session mine --session-ttl 1h --json",
        "serve",
        "serve --json",
        "status",
        "status --json",
        "status --quiet",
        "put hello",
        "put --json --session s --kind prompt --key k1 --metadata {\"tool\":\"Bash\"} hello world",
        "put --json --session s --kind prompt --key k1 hello again",
        "put --json --metadata nonsense x",
        "put --quiet quietly",
    ] {
        stage.run(words);
    }
    let lines = "{\"session\":\"s\",\"kind\":\"k\",\"text\":\"one\",\"key\":\"a\"}\n{\"session\":\"s\",\"kind\":\"k\",\"text\":\"two\",\"key\":\"b\"}\n";
    stage.given(lines, "put --stdin --json");
    stage.given("nonsense", "put --stdin --json");
    for words in [
        "search hello",
        "search --json world",
        "search --json --session s --kind k --limit 1 o*",
        "search --json nowhere",
        "tail",
        "tail -n 2",
        "tail --json -n 10",
        "session start a --json",
        "session start a --session-ttl 2h",
        "session touch a --json",
        "session touch b --json",
        "session list",
        "session list --json",
        "session end a --json",
        "session end a --json",
        "session start --json",
        "backup @/backup.db",
        "backup @/backup.db --json",
        "backup @/none/backup.db --json",
        "restore @/backup.db --json",
        "ps",
        "ps --json",
        "reap --json",
        "adopt --yes --json",
        "events",
        "events --json",
        "events -n 1",
        "explain",
        "explain --json",
        "explain --last --json",
        "logs",
        "logs -n 1",
        "logs worker --since 1h",
        "logs indexer",
        "doctor",
        "doctor --json",
        "doctor --repair --json",
        "doctor --bundle @/bundle.tar.gz --json",
        "doctor --bundle @/bundle.tar.gz --json",
        "restart --json --version 7.0.0",
        "restart --json --program /dev/null",
        "restart",
        "restart --json",
    ] {
        stage.run(words);
    }
    stage.json_file("worker.json");
    stage.json_file("launch.json");
    for words in ["stop --json", "stop", "stop --json --force"] {
        stage.run(words);
    }
    stage.directory("state");
    stage.json_file("worker.json");
    for words in [
        "status --json",
        "explain --json --last",
        "doctor --json",
        "restore @/backup.db --json",
        "restore @/missing.db --json",
        "restore @/oneworker.toml --json",
        "tail --json",
        "stop --json",
        "purge --json",
        "purge",
        "purge --yes",
        "purge --yes --json",
    ] {
        stage.run(words);
    }
}

pub(super) fn port_taken(stage: &mut Stage) {
    let port = free_port();
    stage.hide(&port.to_string(), "<port>");
    stage.set("ONEWORKER_PORT", &port.to_string());
    let squatter = Squatter::answering(port, |_| "{}".to_owned());
    for words in [
        "ensure --json",
        "ensure",
        "ensure --quiet",
        "status --json",
        "put --json hello",
        "search --json hello",
        "session start a --json",
        "restart --json",
        "doctor --json",
        "adopt --json",
    ] {
        stage.run(words);
    }
    stage.run("explain --json --last");
    stage.run("events --json");
    stage.json_file("worker.json");
    stage.json_file("launch.json");
    drop(squatter);
    stage.run("ensure --json");
    stage.run("status --json");
}

pub(super) fn damaged(stage: &mut Stage) {
    let state = stage.path("state");
    // A database that is none, before there is a worker.
    fs::create_dir(&state).unwrap();
    fs::write(state.join("worker.db"), "a diary, and no database".repeat(1000)).unwrap();
    for words in
        ["ensure --json", "status --json", "put --json x", "backup @/backup.db --json", "search --json x"]
    {
        stage.run(words);
    }
    fs::remove_file(state.join("worker.db")).unwrap();
    // Launches are held back for a moment by now.
    stage.set("ONEWORKER_BACKOFF_BASE", "0");
    stage.run("ensure --json");
    // Beside a worker.
    for name in ["worker.json", "launch.json", "proof.key", "token", "epoch", "worker.pid"] {
        fs::write(state.join(name), [0xFF, 0x00, b'{', 0xC3, 0x28].repeat(5000)).unwrap();
        stage.run("ensure --json");
        wait_for("the file to be put back", || {
            let now = fs::read(state.join(name)).ok()?;
            let is_left = ["launch.json", "epoch"].contains(&name) || !now.starts_with(&[0xFF]);
            is_left.then_some(())
        });
    }
    stage.run("status --json");
    stage.json_file("worker.json");
    stage.run("stop --json");
    // And with none.
    for name in ["worker.json", "launch.json", "epoch", "lifecycle.db"] {
        fs::write(state.join(name), "{\"schema\":1,").unwrap();
    }
    for words in
        ["status --json", "doctor --json", "events --json", "explain --json", "ensure --json", "stop --json"]
    {
        stage.run(words);
    }
    fs::write(state.join("epoch"), "9007199254740991").unwrap();
    stage.run("ensure --json");
    fs::write(state.join("thesis.txt"), "x").unwrap();
    stage.run("purge --yes --json");
    stage.run("purge --yes --everything --json");
    let _ = fs::remove_dir_all(&state);
    fs::write(&state, "precious").unwrap();
    for words in ["ensure --json", "status --json", "doctor --json", "purge --yes --json", "stop --json"] {
        stage.run(words);
    }
}

pub(super) fn failing_command(stage: &mut Stage) {
    stage.set("ONEWORKER_PORT", &free_port().to_string());
    stage.set("ONEWORKER_BACKOFF_BASE", "30m");
    stage.set("ONEWORKER_BACKOFF_MAX", "1h");
    for words in [
        "ensure --json -- no-such-program-anywhere",
        "ensure --json -- /etc/passwd",
        "ensure --json -- false",
        "ensure --json -- false",
        "ensure -- false",
        "put --json x",
        "restart --json -- false",
        "serve --json -- false",
        "status --json",
    ] {
        stage.run(words);
    }
    for words in ["explain --json", "events --json", "doctor --json", "logs"] {
        stage.run(words);
    }
    stage.json_file("launch.json");
    stage.json_file("worker.json");
}

pub(super) fn supervised(stage: &mut Stage) {
    let port = free_port();
    stage.hide(&port.to_string(), "<port>");
    stage.set("ONEWORKER_PORT", &port.to_string());
    let plan = format!(
        "[worker]\ncommand = [{:?}, \"daemon\", \"--db\", \"{{state_dir}}/mem.db\", \"--port\", \"{{port}}\"]\nready = {{ tcp = \"{{port}}\", within = \"10m\" }}\n\n\
         [worker.env]\npass = [\"WANTED\"]\nset = {{ HELLO = \"port {{port}}\" }}\n\n\
         [[helper]]\nname = \"indexer\"\ncommand = [\"sh\", \"-c\", \"echo up; exec sleep 600\"]\nready = {{ line = \"up\", within = \"10m\" }}\n",
        stage.mess.cache.join("mem-daemon")
    );
    stage.write("oneworker.toml", &plan);
    stage.run("config show --json");
    stage.run("ensure --json");
    stage.mess.identity.wait_until_noted();
    wait_for("the notes of the children", || {
        let events = coordinator::lifecycle::read_history(&stage.mess.identity.state_dir(), 100).ok()?;
        events.iter().any(|event| event.kind.as_str() == "child_ready").then_some(())
    });
    stage.run("events --json");
    stage.json_file("worker.json");
    for words in [
        "ensure --json",
        "ensure",
        "status --json",
        "ensure --json -- sleep 600",
        "put --json beside",
        "ps",
        "logs indexer -n 0",
        "doctor --json",
        "service show --json --manager systemd",
    ] {
        stage.run(words);
    }
    stage.directory("state");
    stage.directory("state/logs");
    stage.run("stop --json");
    stage.run("status --json");
}

pub(super) fn mistakes(stage: &mut Stage) {
    for words in [
        "",
        "nonsense",
        "nonsense --json",
        "--version",
        "--help",
        "help ensure",
        "ensure --help",
        "ensure --nonsense",
        "ensure --nonsense --json",
        "ensure --json --name UPPER",
        "ensure --json --port 99999",
        "ensure --json --port nonsense",
        "ensure --json --state-dir relative",
        "ensure --json --deadline 5",
        "ensure --json --deadline 2h",
        "ensure --json --hang-limit 1ms",
        "ensure --json --upgrade sometimes",
        "ensure --json --session-ttl 1ms --session a",
        "ensure --json --config @/missing.toml",
        "ensure --json --config relative.toml",
        "ensure --json --config @/missing.toml --no-config",
        "ensure --json --quiet --no-start",
        "serve --json --drain 5",
        "serve --json --plan nonsense",
        "serve --json --keep-bytes nonsense",
        "serve --json --log-level loud",
        "serve --json --synchronous never",
        "serve --json --watchdog 0",
        "logs --json",
        "logs --since yesterday",
        "logs ../token",
        "events --json --since yesterday",
        "ps --json --strays nonsense",
        "ps --watch --json",
        "ps --interval 1ms --watch",
        "adopt --json --port 1025 nonsense",
        "put --json",
        "search --json",
        "backup --json",
        "session --json",
        "session nonsense --json",
        "storm -n 0 --json",
        "storm -n 501 --json",
        "purge --json --nonsense",
        "hook nonsense",
        "hook install --json",
        "hook install --json --for nonsense",
        "service install --json --manager nonsense",
        "completions nonsense",
        "config",
        "config show --json --name UPPER",
    ] {
        stage.run(words);
    }
    for text in [
        "port = [",
        "prot = 4000\n",
        "port = 99999\n",
        "[worker]\ncomand = [\"x\"]\n",
        "[worker]\ncommand = []\n",
        "[[helper]]\nname = \"a\"\ncommand = [\"x\"]\nneeds = [\"b\"]\n",
        "[worker]\ncommand = [\"x\"]\nstop = { within = \"5\" }\n",
        "helper = 3\n",
        "[strays]\nworker = \"x\"\n",
    ] {
        stage.write("oneworker.toml", text);
        for words in ["ensure --json", "config show --json", "doctor --json"] {
            stage.run(words);
        }
    }
    stage.write("oneworker.toml", "");
    stage.set("ONEWORKER_DRAIN", "nonsense");
    for words in ["ensure --json", "status --json", "config show --json", "doctor --json", "stop --json"] {
        stage.run(words);
    }
}

/// Where each agent that hooks are installed for has its settings.
const SETTINGS: [(&str, &str); 4] = [
    ("claude-code", ".claude/settings.json"),
    ("codex", ".codex/hooks.json"),
    ("gemini", ".gemini/settings.json"),
    ("cursor", ".cursor/hooks.json"),
];

pub(super) fn hooks(stage: &mut Stage) {
    for (agent, settings) in SETTINGS {
        let known = AGENTS.iter().find(|(name, ..)| *name == agent);
        let (_, begun, ended, _) = *known.unwrap_or_else(|| panic!("no session of {agent} is known"));
        for words in ["--dry-run", "--dry-run --json", "--json", "--yes --json", "--yes --json"] {
            stage.run(&format!("hook install --for {agent} {words}"));
        }
        let settings = stage.path("home").join(settings);
        stage.json_at(&format!("the settings of {agent}"), &settings);
        for words in ["--dry-run", "--dry-run --json", "--yes --json", "--yes --json"] {
            stage.run(&format!("hook uninstall --for {agent} {words}"));
        }
        stage.json_at(&format!("the settings of {agent}"), &settings);
        fs::write(&settings, "{ \"model\": ").unwrap();
        stage.run(&format!("hook install --for {agent} --yes --json"));
        fs::remove_file(&settings).unwrap();
        stage.run(&format!("hook install --for {agent} --scope project --yes --json"));

        stage.given(begun, &format!("hook {agent}"));
        stage.given(begun, &format!("hook {agent} --context"));
        stage.run("session list --json");
        stage.given(ended, &format!("hook {agent}"));
        stage.run("session list --json");
        stage.given("nonsense", &format!("hook {agent}"));
        stage.given("nonsense", &format!("hook {agent} --strict"));
        stage.run(&format!("hook {agent} --nonsense"));
    }
    stage.given(r#"{"session_id":"s","event":"start"}"#, "hook generic");
    stage.given(r#"{"session_id":"s","event":"end"}"#, "hook generic --strict");
    stage.run("stop --json");
}

pub(super) fn services(stage: &mut Stage) {
    let port = free_port();
    stage.hide(&port.to_string(), "<port>");
    for manager in ["systemd", "launchd", "schtasks"] {
        for words in [
            "show --json",
            "show",
            "install --dry-run --json",
            "install --dry-run",
            "install --json",
            "install --yes --json",
            "install --yes --json",
            "show --json",
            "uninstall --dry-run --json",
            "uninstall --json",
            "uninstall --yes --json",
            "uninstall --yes --json",
        ] {
            stage.run(&format!("service {words} --manager {manager}"));
        }
    }
    for words in [
        format!("install --socket --yes --json --manager systemd --port {port}"),
        format!("show --socket --json --manager systemd --port {port}"),
        format!("uninstall --yes --json --manager systemd --port {port}"),
        format!("install --yes --json --manager systemd --port {port} --log-level debug -- sleep 600"),
        "install --socket --yes --json --manager systemd --port auto".to_owned(),
        format!("install --socket --yes --json --manager launchd --port {port}"),
    ] {
        stage.run(&format!("service {words}"));
    }
}

pub(super) fn strays(stage: &mut Stage) {
    let port = free_port();
    stage.hide(&port.to_string(), "<port>");
    let strays = stage.strays.clone();
    stage.write("oneworker.toml", &strays);
    let one = stage.mess.daemon(&stage.mess.marketplace, &[]);
    for words in ["ps", "ps --json", "doctor --json", "reap", "reap --json", "reap --yes --json", "ps --json"]
    {
        stage.run(words);
    }
    wait_until_gone(one.pid());
    stage.set("ONEWORKER_PORT", &port.to_string());
    stage.run("adopt --yes --json");
    let daemon = stage.mess.daemon(&stage.mess.cache, &["--port", &port.to_string()]);
    for words in [
        "ensure --json",
        "adopt",
        "adopt --json",
        "adopt --print-config",
        "adopt --yes --json 1",
        "adopt --yes --json",
        "adopt --yes --json",
        "status --json",
        "stop --json",
    ] {
        stage.run(words);
    }
    wait_until_gone(daemon.pid());
}

pub(super) fn generated(stage: &mut Stage) {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        stage.run(&format!("completions {shell}"));
    }
    stage.run("man");
    stage.run("man @/pages");
    stage.directory("pages");
    stage.run("config show");
    stage.run("config show --json");
    stage.run("config show --json --port 4000 --env WANTED -- sleep 600");
    stage.set("ONEWORKER_DRAIN", "7s");
    stage.write(
        "oneworker.toml",
        "hang_limit = \"20s\"\n[store]\nkeep_for = \"30d\"\n[env]\npass = [\"WANTED\"]\n",
    );
    stage.run("config show --json");
    stage.run("config show --json --no-config");
    stage.run("storm -n 1 --json");
    stage.run("storm -n 3");
    stage.run("storm -n 3 --naive --quiet");
}
