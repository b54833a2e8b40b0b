//! Feeds of what lies in files, and of what is read like it.

use std::path::Path;

use coordinator::lifecycle::{Event, EventKind, History, SqliteHistory, read_history};
use coordinator::machine::{Pid, WorkerReport};
use coordinator::proof::{Challenge, Health, ProofKey};
use coordinator::record::{self, LaunchNote, Record, Suspicion};
use coordinator::{Epoch, layout, system};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::event_loop::wait;
use super::seeds::{CHALLENGE, KEY};

/// What can be read comes back the same after it was written again.
fn survives_being_written_again<T>(bytes: &[u8]) -> Option<T>
where
    T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let value: T = record::parse(bytes)?;
    assert_eq!(record::parse::<T>(&record::render(&value)).as_ref(), Some(&value));
    Some(value)
}

/// `worker.json`.
pub(super) fn record(bytes: &[u8]) {
    survives_being_written_again::<Record>(bytes);
}

/// `launch.json`.
pub(super) fn launch_note(bytes: &[u8]) {
    survives_being_written_again::<LaunchNote>(bytes);
}

/// `suspect.json` and `watched.json`.
pub(super) fn suspicion(bytes: &[u8]) {
    survives_being_written_again::<Suspicion>(bytes);
}

/// `proof.key`: whatever it says, a proof made with it holds for it.
pub(super) fn proof_key(bytes: &[u8]) {
    let Some(key) = survives_being_written_again::<ProofKey>(bytes) else { return };
    let mut health: Health = serde_json::from_slice(&super::seeds::health_answers()[0]).expect("an answer");
    let challenge = Challenge::parse(CHALLENGE).expect("a challenge");
    assert!(!key.verifies(&health, &challenge), "no proof is none");
    key.sign(&mut health, &challenge);
    assert!(key.verifies(&health, &challenge));
}

/// The body of an answer to `GET /health`: nobody without the key makes a proof, and none holds for two challenges or two answers.
pub(super) fn health_answer(bytes: &[u8]) {
    let Ok(health) = serde_json::from_slice::<Health>(bytes) else { return };
    let again = serde_json::from_slice(&serde_json::to_vec(&health).expect("an answer")).expect("an answer");
    assert_eq!(health, again);
    let key: ProofKey = serde_json::from_slice(KEY).expect("a key");
    let fresh = Challenge::fresh(&*system::machine().random).expect("random bytes");
    assert!(!key.verifies(&health, &fresh), "a proof for a challenge that nobody has seen");
    let challenge = Challenge::parse(CHALLENGE).expect("a challenge");
    if key.verifies(&health, &challenge) {
        let original: Health = serde_json::from_slice(&super::seeds::health_answers()[1]).expect("an answer");
        let unproven = |health: Health| Health { proof: None, schema: 1, ..health };
        assert_eq!(unproven(health), unproven(original), "another answer with this proof");
    }
}

/// The readiness channel; the first byte says in pieces of which size the rest arrives.
pub(super) fn readiness_message(bytes: &[u8]) {
    let Some((size, bytes)) = bytes.split_first() else { return };
    let in_pieces = system::reports_in(bytes.chunks(usize::from(*size).max(1)));
    for report in &in_pieces {
        let line = serde_json::to_vec(report).expect("a report");
        assert_eq!(&serde_json::from_slice::<WorkerReport>(&line).expect("a report"), report);
    }
    // Beyond that, a line may be too long for one reader and not for another.
    if bytes.len() <= 16 * 1024 {
        assert_eq!(in_pieces, system::reports_in([bytes]), "it depends on how the bytes arrive");
    }
}

/// `oneworker.toml`, the whole file: every refusal is one line that says where.
pub(super) fn configuration(bytes: &[u8]) {
    in_a_file("oneworker.toml", bytes, |path| {
        if let Err(refusal) = oneworker::check_configuration(path) {
            assert!(refusal.contains("oneworker.toml"), "{refusal:?}");
        }
    });
}

/// `lifecycle.db`: it is read, noted in and read again; both may fail, neither may take long.
pub(super) fn lifecycle_db(bytes: &[u8]) {
    in_a_file(layout::LIFECYCLE_DB, bytes, look_at_and_note_in_a_history);
}

/// What SQLite finds beside a valid `lifecycle.db` and takes for the work of somebody who crashed: the same is promised. The first byte
/// says whether it is the write-ahead log or the rollback journal.
pub(super) fn lifecycle_journal(bytes: &[u8]) {
    let Some((which, bytes)) = bytes.split_first() else { return };
    in_a_file(layout::LIFECYCLE_DB, super::seeds::lifecycle_db(), |path| {
        let suffix = if which % 2 == 0 { "-wal" } else { "-journal" };
        let beside = path.with_file_name(format!("{}{suffix}", layout::LIFECYCLE_DB));
        std::fs::write(beside, bytes).expect("a file");
        look_at_and_note_in_a_history(path);
    });
}

fn look_at_and_note_in_a_history(path: &Path) {
    let dir = path.parent().expect("a folder");
    let _ = read_history(dir, 100);
    let event = Event {
        at: std::time::UNIX_EPOCH,
        noted_by: Pid(1),
        kind: EventKind::Launched,
        worker: None,
        epoch: Some(Epoch(u64::MAX)),
        version: None,
        program: None,
        reason: Some("fed".to_owned()),
    };
    wait(SqliteHistory.note(dir, vec![event]));
    let _ = read_history(dir, 100);
}

/// A challenge from a query.
pub(super) fn challenge(bytes: &[u8]) {
    let Some(challenge) = Challenge::parse(&String::from_utf8_lossy(bytes)) else { return };
    assert_eq!(Challenge::parse(challenge.as_str()).as_ref(), Some(&challenge));
    assert!((16..=128).contains(&challenge.as_str().len()));
    assert!(challenge.as_str().bytes().all(|byte| byte.is_ascii_hexdigit()));
}

/// A body of `POST /observations`: some are taken, or it is said what is wrong.
pub(super) fn observations(bytes: &[u8]) {
    match worker::check_observations(bytes) {
        Ok(count) => assert!(count <= bytes.len()),
        Err(refusal) => assert!(!refusal.is_empty()),
    }
}

fn in_a_file(name: &str, bytes: &[u8], look: impl FnOnce(&Path)) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join(name);
    std::fs::write(&path, bytes).expect("a file");
    look(&path);
}
