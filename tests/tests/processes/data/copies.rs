//! Backups of a worker that goes on, and back again.

use std::fs;

use oneworker_tests::Identity;
use serde_json::Value;

use crate::identity;

fn put(identity: &Identity, text: &str) {
    let (status, said) = identity.command("put").patiently().args(["--json", text]).json();
    assert_eq!(status, 0, "{said}");
}

fn texts(identity: &Identity) -> Vec<String> {
    let (_, said) = identity.command("search").patiently().args(["--json", "kept*"]).json();
    let mut texts: Vec<String> = said["observations"]
        .as_array()
        .unwrap_or_else(|| panic!("{said}"))
        .iter()
        .map(|one| one["text"].as_str().unwrap().to_owned())
        .collect();
    texts.sort();
    texts
}

fn copy(identity: &Identity, command: &str, file: &std::path::Path) -> (i32, Value) {
    identity.command(command).patiently().arg("--json").arg(file).json()
}

#[test]
fn a_backup_has_what_was_there_and_is_put_back_only_while_no_worker_runs() {
    let identity = identity();
    let file = identity.scratch().join("backup.db");
    put(&identity, "kept 1");
    let (status, said) = copy(&identity, "backup", &file);
    assert_eq!((status, &said["outcome"]), (0, &"backed_up".into()), "{said}");
    put(&identity, "kept 2");
    let epoch = identity.epoch();
    let (status, said) = copy(&identity, "restore", &file);
    assert_eq!((status, &said["error"]["code"]), (71, &"already_running".into()), "{said}");
    assert_eq!(texts(&identity), ["kept 1", "kept 2"]);
    identity.stop();
    let (status, said) = copy(&identity, "restore", &file);
    assert_eq!((status, &said["outcome"]), (0, &"restored".into()), "{said}");
    assert_eq!(texts(&identity), ["kept 1"]);
    assert!(identity.epoch() > epoch + 1, "the restoring had no epoch of its own");
    put(&identity, "kept 3");
    assert_eq!(texts(&identity), ["kept 1", "kept 3"]);
    let left: Vec<_> =
        fs::read_dir(identity.state_dir()).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().contains("partial")), "{left:?}");
}

#[test]
fn what_is_no_backup_is_not_restored_and_the_data_stays() {
    let identity = identity();
    put(&identity, "kept");
    identity.stop();
    let garbage = identity.scratch().join("garbage.db");
    fs::write(&garbage, "no database at all ".repeat(1000)).unwrap();
    let empty = identity.scratch().join("empty.db");
    rusqlite::Connection::open(&empty).unwrap().execute_batch("CREATE TABLE something (x)").unwrap();
    let missing = identity.scratch().join("missing.db");
    for (file, code) in [(&garbage, "database_corrupt"), (&empty, "io"), (&missing, "io")] {
        let (status, said) = copy(&identity, "restore", file);
        assert_eq!((status != 0, said["error"]["code"].as_str()), (true, Some(code)), "{said}");
    }
    assert!(!missing.exists());
    assert_eq!(texts(&identity), ["kept"]);
    // Nor is anything written where nothing can be.
    let (status, said) = copy(&identity, "backup", &identity.scratch().join("no such directory/backup.db"));
    assert_eq!((status, &said["error"]["code"]), (50, &"io".into()), "{said}");
    assert!(said["error"]["message"].as_str().unwrap().contains("no such directory"), "{said}");
}
