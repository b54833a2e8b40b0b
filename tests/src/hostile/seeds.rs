//! Valid values of every kind, a few of each.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::OnceLock;

use coordinator::lifecycle::{Event, EventKind, History, SqliteHistory};
use coordinator::machine::{BootId, Moment, Pid, ProcessIdentity, StartTime, Surroundings, WorkerReport};
use coordinator::proof::{Challenge, Health, ProofKey};
use coordinator::record::{LaunchNote, LaunchOutcome, Record, Suspicion, WorkerState, render};
use coordinator::{Epoch, Name, ProtocolRange, layout};
use rusqlite::Connection;

use super::event_loop::wait;
use super::office::TOKEN;

/// The key of [`proof_keys`] and [`health_answers`].
pub(super) const KEY: &[u8] =
    br#"{"epoch":7,"key":"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"}"#;
/// The challenge that [`health_answers`] answer.
pub(super) const CHALLENGE: &str = "0123456789abcdef0123456789abcdef";

fn process() -> ProcessIdentity {
    // No live process: start time and boot are nobody's.
    ProcessIdentity {
        pid: Pid(4242),
        start_time: StartTime(123_456),
        boot_id: BootId("00000000-0000-4000-8000-000000000000".to_owned()),
    }
}

fn version() -> semver::Version {
    "1.2.3-rc.1+build.5".parse().expect("a version")
}

pub(super) fn records() -> Vec<Vec<u8>> {
    let whole = Record {
        schema: 1,
        name: Name::default(),
        state: WorkerState::Ready,
        epoch: Some(Epoch(7)),
        process: process(),
        surroundings: Surroundings {
            host: "0123456789abcdef".to_owned(),
            user: "1000".to_owned(),
            pid_namespace: "pid:[4026531836]".to_owned(),
            net_namespace: "net:[4026531840]".to_owned(),
        },
        address: Some(SocketAddr::from(([127, 0, 0, 1], 37777))),
        guardian: None,
        service: None,
        version: version(),
        protocol: ProtocolRange::default(),
        program: PathBuf::from("/usr/bin/oneworker"),
        started_at_ms: 1_700_000_000_123,
        started: Moment { nanos: 5_000_000_000 },
    };
    let first = Record { state: WorkerState::Starting, epoch: None, address: None, ..whole.clone() };
    let v6 = Record { address: Some("[::1]:1".parse().expect("an address")), ..whole.clone() };
    [whole, first, v6].iter().map(render).collect()
}

pub(super) fn launch_notes() -> Vec<Vec<u8>> {
    let note = |outcome| LaunchNote {
        schema: 1,
        boot_id: process().boot_id,
        at: Moment { nanos: 5_000_000_000 },
        process: Some(process()),
        outcome,
        failures: 3,
        last_error: Some("the worker exited with status 1 before it was ready".to_owned()),
        log_tail: Some("panicked at 'no \u{1b}[31mdisk'\n".to_owned()),
    };
    let taken = LaunchOutcome::PortTaken { port: 37777, pid: Some(99), program: Some("squatter".to_owned()) };
    let outcomes = [
        None,
        Some(LaunchOutcome::Ready { epoch: Epoch(7), at: Moment { nanos: 6_000_000_000 } }),
        Some(LaunchOutcome::Failed),
        Some(taken),
    ];
    outcomes.map(|outcome| render(&note(outcome))).to_vec()
}

pub(super) fn suspicions() -> Vec<Vec<u8>> {
    vec![render(&Suspicion {
        schema: 1,
        process: process(),
        since: Moment { nanos: 5_000_000_000 },
        watched_ms: 900,
        last: Moment { nanos: 6_000_000_000 },
        attempts: 2,
        effort_ms: 40,
    })]
}

pub(super) fn proof_keys() -> Vec<Vec<u8>> {
    vec![KEY.to_vec(), br#"{"epoch":0,"key":""}"#.to_vec()]
}

pub(super) fn health_answers() -> Vec<Vec<u8>> {
    let key: ProofKey = serde_json::from_slice(KEY).expect("a key");
    let mut health = Health {
        schema: 1,
        name: Name::default(),
        identity: "0".repeat(32),
        epoch: Epoch(7),
        pid: Pid(42),
        address: SocketAddr::from(([127, 0, 0, 1], 37777)),
        version: version(),
        protocol: ProtocolRange::default(),
        state: WorkerState::Ready,
        service: None,
        proof: None,
    };
    let unproven = serde_json::to_vec(&health).expect("an answer");
    key.sign(&mut health, &Challenge::parse(CHALLENGE).expect("a challenge"));
    let proven = serde_json::to_vec(&health).expect("an answer");
    let superseded = br#"{"error":{"code":"superseded","message":"gone"}}"#.to_vec();
    // Half of a letter is where two digits should be.
    health.proof = Some("a\u{e9}a".to_owned());
    vec![unproven, proven, superseded, serde_json::to_vec(&health).expect("an answer")]
}

/// The first byte says in pieces of which size the rest is read.
pub(super) fn readiness_messages() -> Vec<Vec<u8>> {
    let reports = [
        WorkerReport::Ready { epoch: Epoch(7) },
        WorkerReport::AlreadyRunning { by: Some(42) },
        WorkerReport::Failed {
            code: "port_taken".to_owned(),
            message: "port 37777 is held by squatter".to_owned(),
            port: Some(37777),
            pid: Some(99),
            program: Some("squatter".to_owned()),
        },
    ];
    let lines: Vec<Vec<u8>> = reports
        .iter()
        .map(|report| [serde_json::to_vec(report).expect("a report"), b"\n".to_vec()].concat())
        .collect();
    let babbled = [&[3], &b"Listening on 8080\n"[..], &lines.concat(), b"{\"event\""].concat();
    lines.iter().map(|line| [&[200], &line[..]].concat()).chain([babbled]).collect()
}

pub(super) fn configurations() -> Vec<Vec<u8>> {
    let whole = r#"name = "my-tool"
port = 4000
state_dir = "/tmp/my-tool"
deadline = "5s"
hang_limit = "1m 30s"

[backoff]
free = 3
base = "500ms"
max = "60s"
stable_after = "5s"

[serve]
drain = "5s"
watchdog = "10s"
log_max_bytes = "5 MiB"
log_keep = 3
log_level = "debug"

[env]
pass = ["A", "é", "A"]
"#;
    vec![whole.into(), b"port = \"auto\"\nenv.pass = []\nserve = { drain = '1s' }\n".to_vec()]
}

/// Four events, as the last connection leaves them: the whole write-ahead log is in the file.
pub(super) fn lifecycle_db() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| {
        let dir = tempfile::tempdir().expect("a temporary directory");
        wait(SqliteHistory.note(dir.path(), events(7)));
        std::fs::read(dir.path().join(layout::LIFECYCLE_DB)).expect("a history")
    })
}

/// Ours, and some that only others would make: numbers at their ends, values that are not what they should be, other columns and tables,
/// and code.
pub(super) fn lifecycle_dbs() -> Vec<Vec<u8>> {
    let ends = format!(
        "{TABLE} INSERT INTO events VALUES (-1, {0}, 0, 'launched', NULL, {0}, NULL, NULL), ({1}, {1}, 1, 'launched', 2, {1}, NULL, NULL)",
        i64::MIN,
        i64::MAX
    );
    let types = format!(
        "{TABLE} INSERT INTO events VALUES (1, 1e300, -1, x'ff', 'one', NULL, x'00', zeroblob(2000))"
    );
    let others = "CREATE TABLE events (kind, reason, new DEFAULT 1, id, at_ms, noted_by, worker, epoch, version);
        CREATE TABLE other (a, b); INSERT INTO events (kind, id, at_ms, noted_by) VALUES ('launched', 'x', 1, 1), ('launched', 2, 1, 1)";
    let code = "CREATE VIEW events AS SELECT 1 AS id, 1 AS at_ms, 1 AS noted_by, 'launched' AS kind, NULL AS worker, NULL AS epoch,
        NULL AS version, hex(zeroblob(300000000)) AS reason";
    let foreign = [&ends, &types, others, code].map(database);
    [&[lifecycle_db().to_vec()], &foreign[..]].concat()
}

/// The table that histories have, if they are not strict.
const TABLE: &str =
    "CREATE TABLE events (id INTEGER PRIMARY KEY, at_ms, noted_by, kind, worker, epoch, version, reason);";

/// A database that this makes, with small pages.
fn database(made_by: &str) -> Vec<u8> {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("made.db");
    let db = Connection::open(&path).expect("a database");
    db.execute_batch(&format!("PRAGMA page_size = {PAGE}; {made_by}")).expect("a database");
    std::fs::read(path).expect("a database")
}

const PAGE: usize = 512;

/// A history of a few pages whose table has 70^9 leaves: every page says of another one, over and over, that it is the next below it
/// (<https://www.sqlite.org/fileformat2.html#b_tree_pages>). It can only be read from one end to the other.
pub fn endless_table() -> Vec<u8> {
    const DEPTH: usize = 9;
    const FAN: usize = 70;
    // So that there are as many pages as it takes; what they were is written over.
    let other = format!("CREATE TABLE other (a); INSERT INTO other VALUES (zeroblob({}));", DEPTH * PAGE);
    let table = "CREATE TABLE events (id, at_ms, noted_by, kind, worker, epoch, version, reason);
        INSERT INTO events VALUES (1, 1, 1, 'launched', 1, 1, NULL, NULL);";
    let mut bytes = database(&format!("{table} {other}"));
    let leaf = bytes[PAGE..2 * PAGE].to_vec();
    // The second page is the table's first, the third is that of the other one, and the rest what does not fit there.
    let page_of = |level: usize| if level == 0 { 2 } else { level + 3 };
    for level in 0..DEPTH {
        let below = u32::try_from(page_of(level + 1)).expect("a small number").to_be_bytes();
        let mut page = vec![0; PAGE];
        // An inner page of a table: no free block, so many cells, where they begin, no fragments, and the page right of them all.
        page[0] = 5;
        page[3..5].copy_from_slice(&u16::try_from(FAN).expect("a small number").to_be_bytes());
        page[8..12].copy_from_slice(&below);
        for cell in 0..FAN {
            let at = PAGE - 5 * (cell + 1);
            page[at..at + 4].copy_from_slice(&below);
            page[at + 4] = u8::try_from(cell).expect("a small number");
            page[12 + 2 * cell..14 + 2 * cell]
                .copy_from_slice(&u16::try_from(at).expect("a small number").to_be_bytes());
        }
        let start = u16::try_from(PAGE - 5 * FAN).expect("a small number");
        page[5..7].copy_from_slice(&start.to_be_bytes());
        let number = page_of(level);
        bytes[(number - 1) * PAGE..number * PAGE].copy_from_slice(&page);
    }
    let last = page_of(DEPTH);
    bytes[(last - 1) * PAGE..last * PAGE].copy_from_slice(&leaf);
    bytes
}

fn events(epoch: u64) -> Vec<Event> {
    let event = |kind| Event {
        at: std::time::UNIX_EPOCH + std::time::Duration::from_millis(1_700_000_000_123),
        noted_by: Pid(7),
        kind,
        worker: Some(Pid(8)),
        epoch: Some(Epoch(epoch)),
        version: Some("1.2.3".to_owned()),
        program: Some("/opt/a/oneworker".to_owned()),
        reason: Some("asked to stop".to_owned()),
    };
    [EventKind::Launched, EventKind::LaunchReady, EventKind::TenureBegan, EventKind::TenureEnded]
        .map(event)
        .to_vec()
}

/// The first byte says which of the two it is.
pub(super) fn lifecycle_journals() -> Vec<Vec<u8>> {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join(layout::LIFECYCLE_DB);
    std::fs::write(&path, lifecycle_db()).expect("a file");
    let beside = |suffix: &str, which: u8| {
        let bytes = std::fs::read(dir.path().join(format!("{}{suffix}", layout::LIFECYCLE_DB)));
        [&[which], &bytes.expect("a journal")[..]].concat()
    };
    let open = Connection::open(&path).expect("a history");
    // Whoever has the file open keeps the last writer from tidying up.
    open.query_row("SELECT count(*) FROM events", [], |_| Ok(())).expect("events");
    wait(SqliteHistory.note(dir.path(), events(8)));
    let log = beside("-wal", 0);
    open.execute_batch(
        "PRAGMA journal_mode = delete; PRAGMA synchronous = off; BEGIN; UPDATE events SET epoch = 9",
    )
    .expect("an unfinished transaction");
    vec![log, beside("-journal", 1)]
}

pub(super) fn challenges() -> Vec<Vec<u8>> {
    vec![CHALLENGE.into(), "aB".repeat(8).into(), "f".repeat(128).into()]
}

pub(super) fn observations() -> Vec<Vec<u8>> {
    let one = r#"{"session":"s","kind":"k","text":"t \u00e4","metadata":{"a":[1,2.5e3,null]},"key":"x"}"#;
    vec![one.into(), format!("[{one},{one}]").into(), format!("{one}\n{one}\n").into(), b"[]".to_vec()]
}

pub(super) fn tokens() -> Vec<Vec<u8>> {
    vec![TOKEN.into(), format!("{TOKEN}\n").into(), "0".repeat(TOKEN.len()).into()]
}

pub(super) fn bearers() -> Vec<Vec<u8>> {
    let values =
        ["Bearer ", "bearer  ", "Basic ", ""].map(|scheme| format!("{scheme}{TOKEN}").into_bytes()).to_vec();
    [values, vec![b"Bearer 2a2a\r\nx-more: 1".to_vec()]].concat()
}

/// Whole requests, of every framing, with the bearer and without.
pub(super) fn requests() -> Vec<Vec<u8>> {
    let host = "host: localhost\r\n";
    let post = format!("POST /admin/shutdown HTTP/1.1\r\n{host}");
    let bearer = format!("authorization: Bearer {TOKEN}\r\n");
    [
        format!("GET /health?challenge={CHALLENGE} HTTP/1.1\r\n{host}\r\n"),
        format!("GET /health HTTP/1.1\r\n{host}connection: close\r\n\r\n"),
        format!("GET /ready HTTP/1.1\r\n{host}\r\nGET /version HTTP/1.1\r\n{host}\r\n"),
        format!("HEAD http://127.0.0.1/health?a=b&challenge={CHALLENGE} HTTP/1.0\r\n{host}\r\n"),
        format!("GET /ready HTTP/1.1\r\n{host}origin: http://localhost:80\r\n\r\n"),
        format!("{post}authorization: Bearer 2b\r\ncontent-length: 14\r\n\r\n{{\"why\":\"test\"}}"),
        format!("{post}{bearer}content-length: 14\r\n\r\n{{\"why\":\"test\"}}"),
        format!(
            "{post}{bearer}transfer-encoding: chunked\r\nexpect: 100-continue\r\n\r\ne\r\n{{\"why\":\"test\"}}\r\n0\r\n\r\n"
        ),
    ]
    .map(String::into_bytes)
    .to_vec()
}

/// Whole answers to a probe, of every framing.
pub fn http_answers() -> Vec<Vec<u8>> {
    let http = |head: &str, body: &[u8]| [format!("HTTP/1.1 {head}\r\n\r\n").as_bytes(), body].concat();
    let mut answers = Vec::new();
    for body in health_answers() {
        let length = body.len();
        answers.push(http(&format!("200 OK\r\ncontent-length: {length}"), &body));
        answers.push(http(&format!("503 Service Unavailable\r\ncontent-length: {length}"), &body));
        answers.push(http("200 OK", &body));
        let chunks = [format!("{length:x}\r\n").as_bytes(), &body, b"\r\n0\r\n\r\n"].concat();
        answers.push(http("200 OK\r\ntransfer-encoding: chunked", &chunks));
    }
    answers
}

/// The first byte says how the rest arrives.
pub(super) fn answers() -> Vec<Vec<u8>> {
    let whole = http_answers().into_iter().enumerate();
    // In pieces of every size, and one over and over.
    let mut answers: Vec<_> =
        whole.map(|(number, answer)| [&[1 << (number % 7)][..], &answer].concat()).collect();
    answers.push(b"\xffHTTP/1.1 100 Continue\r\n\r\n".to_vec());
    answers
}
