//! `oneworker doctor --bundle`: what is in the file, and that no secret is.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use oneworker_tests::{Identity, Run, free_port, install, is_alive};
use serde_json::Value;
use tar::Archive;

use crate::{UNMANAGED, identity};

fn file_of(identity: &Identity) -> PathBuf {
    identity.scratch().join("bundle.tar.gz")
}

fn bundle(identity: &Identity) -> Run {
    identity
        .command("doctor")
        .arg("--json")
        .arg("--bundle")
        .arg(file_of(identity))
        .env("HOME", identity.scratch())
}

/// Every file of it, by its name below the root.
fn unpacked(path: &Path) -> BTreeMap<String, String> {
    let mut archive = Archive::new(GzDecoder::new(fs::File::open(path).unwrap()));
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().to_string_lossy().into_owned();
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        (name.strip_prefix("oneworker-bundle/").unwrap().to_owned(), text)
    });
    entries.collect()
}

/// Makes one, and looks that what is said of it is in it, and that its JSON is JSON.
fn taken(identity: &Identity) -> BTreeMap<String, String> {
    let (status, answer) = bundle(identity).json();
    assert_eq!((status, &answer["outcome"]), (0, &"written".into()), "{answer:#}");
    let files = unpacked(&file_of(identity));
    let named: BTreeMap<String, u64> = answer["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| (file["name"].as_str().unwrap().to_owned(), file["bytes"].as_u64().unwrap()))
        .collect();
    assert_eq!(named, files.iter().map(|(name, text)| (name.clone(), text.len() as u64)).collect());
    for always in ["about.json", "doctor.json", "status.json", "ps.json", "config.json"] {
        let read: Result<Value, _> = serde_json::from_str(&files[always]);
        assert!(read.is_ok(), "{always}: {}", files[always]);
    }
    files["events.jsonl"].lines().for_each(|line| drop(serde_json::from_str::<Value>(line).unwrap()));
    files
}

fn append(path: &Path, text: &str) {
    let mut file = fs::File::options().append(true).create(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

#[test]
fn planted_secrets_are_nowhere_in_the_bundle_and_the_rest_is() {
    let identity = identity().on_port(free_port());
    let daemon = identity.scratch().join("mem-daemon");
    install(Path::new(UNMANAGED), &daemon);
    let db = identity.scratch().join("mem.db");
    let plan = format!(
        "[worker]\ncommand = [{daemon:?}, \"daemon\", \"--db\", {db:?}, \"--port\", \"{{port}}\", \"--password\", \"planted-in-arguments\", \"--url=https://ada:planted-in-url@host\"]\n\
         [worker.env.set]\nMODE = \"planted in set\"\n[strays]\nworker = [[\"mem-daemon\", \"--token\", \"planted-in-strays\"]]\n"
    );
    fs::write(identity.scratch().join("oneworker.toml"), plan).unwrap();
    let worker = identity.ensure().env("SOME_API_KEY", "planted-in-environment").patiently().success();
    let log = identity.file("logs/worker.log");
    let key: Value = serde_json::from_str(&fs::read_to_string(identity.file("proof.key")).unwrap()).unwrap();
    let key = key["key"].as_str().unwrap().to_owned();
    let token = fs::read_to_string(identity.file("token")).unwrap().trim().to_owned();
    assert!(key.len() >= 32 && token.len() >= 16);
    append(
        &log,
        &format!("the key is {key}, in two parts {} {}, and the token x{token}x\n", &key[..32], &key[32..]),
    );
    append(
        &log,
        "Authorization: Bearer planted-bearer\nurl https://ada:planted.url@host/ password='planted quoted' x\n",
    );
    append(&log, "{\"apiKey\":\"planted-json\"} the value is planted-in-environment, planted in set\n");
    append(&log, "AKIAIOSFODNN7PLANTED dGhpcyBpcyBQTEFOVEVEIHNlY3JldA== -- this line is harmless\n");
    append(&identity.file("logs/command.log"), "token: planted-in-child\n");
    // One that the tail would begin in the midst of.
    append(
        &identity.file("logs/old.log"),
        &format!("password: {}\n{}", "planted-".repeat(40_000), "harmless\n".repeat(10)),
    );
    let precious = identity.scratch().join("precious.txt");
    fs::write(&precious, "planted behind a link").unwrap();
    symlink(&precious, identity.file("logs/link.log")).unwrap();
    fs::write(identity.file("upgrades.json"), "{\"client_secret\":\"planted-in-file\",\"n\":[1]}").unwrap();

    // The working directory is no secret, whatever its variable is called.
    let run = || bundle(&identity).env("SOME_API_KEY", "planted-in-environment").env("OLDPWD", "harmless");
    let (status, answer) = run().json();
    assert_eq!(status, 0, "{answer:#}");
    assert!(answer["removed"].as_u64().unwrap() >= 15, "{answer:#}");
    let path = file_of(&identity);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let files = unpacked(&path);
    let all: String = files.iter().map(|(name, text)| format!("{name}\n{text}\n")).collect();
    for secret in [
        "planted",
        "PLANTED",
        "dGhpcy",
        &key[..32],
        &key[32..],
        &token,
        &key[..16],
        identity.scratch().to_str().unwrap(),
    ] {
        let found = all.lines().find(|line| line.contains(secret));
        assert!(found.is_none(), "{secret}: {found:?}");
    }
    for name in files.keys() {
        assert!(
            !["proof.key", "token", "worker.db", "link"].iter().any(|never| name.contains(never)),
            "{name}"
        );
    }
    assert!(
        files["logs/worker.log"].contains("this line is harmless")
            && files["logs/old.log"].contains("harmless")
    );
    assert!(files["state/epoch"].contains(&worker.epoch.to_string()));
    let json = |name: &str| serde_json::from_str::<Value>(&files[name]).unwrap();
    assert_eq!(json("status.json")["state"], "ready");
    assert_eq!(json("state/worker.json")["pid"], worker.pid);
    assert_eq!(json("state/worker.json")["boot_id"], identity.record().unwrap()["boot_id"]);
    let about = json("about.json");
    assert!(
        about["limits"]["open_files"]["soft"].as_u64().unwrap() > 0 && about["kernel"].is_string(),
        "{about:#}"
    );
    assert!(about["left_out"].to_string().contains("link.log"), "{about:#}");
    assert!(
        json("config.json")["settings"]["worker"].to_string().contains("MODE"),
        "{}",
        files["config.json"]
    );
    assert!(files["events.jsonl"].contains("tenure_began"), "{}", files["events.jsonl"]);
    assert!(is_alive(worker.pid));
}

#[test]
fn what_is_there_already_stays_and_what_fails_leaves_nothing() {
    let identity = identity();
    fs::write(file_of(&identity), "precious").unwrap();
    let failure = bundle(&identity).failure();
    assert_eq!((failure.code.as_str(), failure.status), ("not_written", 80), "{:?}", failure.error);
    assert_eq!(fs::read_to_string(file_of(&identity)).unwrap(), "precious");
    fs::remove_file(file_of(&identity)).unwrap();
    symlink("nowhere", file_of(&identity)).unwrap();
    assert_eq!(bundle(&identity).failure().code, "not_written");
    let nowhere = identity.scratch().join("none/bundle.tar.gz");
    let failure = identity.command("doctor").args(["--json", "--bundle"]).arg(nowhere).failure();
    assert_eq!((failure.code.as_str(), failure.status), ("io", 50));
    let left: Vec<_> =
        fs::read_dir(identity.scratch()).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().starts_with(".oneworker")), "{left:?}");
}

#[test]
fn a_person_is_told_what_was_taken_and_to_look_at_it() {
    let identity = identity();
    identity.patient();
    let output =
        identity.command("doctor").arg("--bundle").arg("bundle.tar.gz").in_dir(identity.scratch()).output();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success()
            && said.contains("logs/worker.log")
            && said.contains("look at it before you send it"),
        "{said}"
    );
    assert!(unpacked(&file_of(&identity)).contains_key("ps.json"));
}

#[test]
fn there_is_a_bundle_where_nothing_has_ever_run() {
    let identity = identity();
    let files = taken(&identity);
    assert!(files["status.json"].contains("not_running") && !identity.state_dir().exists(), "{files:#?}");
    assert!(!files.keys().any(|name| name.starts_with("state/")), "{:?}", files.keys());
}

/// Every file that a state directory can have, each in turn something that it can't be.
#[test]
fn garbage_in_the_state_directory_is_reported_and_not_in_the_way() {
    let names = [
        "worker.lock",
        "worker.json",
        "worker.pid",
        "epoch",
        "token",
        "proof.key",
        "suspect.json",
        "watched.json",
        "launch.json",
        "upgrades.json",
        "successor.json",
        "worker.db",
        "lifecycle.db",
        "spawn.lock",
        "children",
        "logs/worker.log",
    ];
    let identity = identity();
    identity.patient();
    identity.stop();
    let garbage = [
        b"\xff\xfe\x00 token=planted-garbage\n".to_vec(),
        b"{\"token\":\"planted".to_vec(),
        b"[[[[".repeat(20_000),
        vec![0; 300_000],
    ];
    for (at, bytes) in garbage.iter().enumerate() {
        fs::create_dir_all(identity.file("logs")).unwrap();
        for name in names {
            fs::write(identity.file(name), bytes).unwrap();
        }
        let files = taken(&identity);
        let all: String = files.into_values().collect();
        assert!(
            !all.contains("planted"),
            "{at}: {}",
            all.lines().find(|line| line.contains("planted")).unwrap()
        );
        fs::remove_file(file_of(&identity)).unwrap();
    }
    for name in names {
        fs::remove_file(identity.file(name)).unwrap();
        fs::create_dir(identity.file(name)).unwrap();
    }
    let files = taken(&identity);
    assert!(files["about.json"].contains("no plain file"), "{}", files["about.json"]);
    fs::remove_file(file_of(&identity)).unwrap();
    fs::remove_dir_all(identity.state_dir()).unwrap();
    fs::write(identity.state_dir(), "no directory").unwrap();
    taken(&identity);
}
