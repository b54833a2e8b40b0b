//! Every file of a state directory at once, in this process: looked at with nobody in office, then by a worker that takes office.

use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

use coordinator::record::{self, Record};
use coordinator::{Claim, Epoch, Tenure, WorkerId, inspect, layout, system};
use oneworker_tests::hostile::{Bounds, HISTORY_BOUNDS, Target, bounded};
use proptest::prelude::*;

use super::mutation::hostile;
use crate::{cases, event_loop};

const BOUNDS: Bounds = Bounds { memory: 6 << 20, time: Duration::from_secs(10), ..HISTORY_BOUNDS };

/// The bytes of a file, and how many zeros follow them.
#[derive(Clone, Debug)]
pub(crate) struct Contents {
    name: &'static str,
    bytes: Vec<u8>,
    zeros: u64,
}

impl Contents {
    pub(crate) fn put(&self, dir: &Path) {
        let path = dir.join(self.name);
        let _ = fs::remove_file(&path);
        fs::write(&path, &self.bytes).unwrap();
        // A hole: it takes no space on the disk, and is read like any other bytes.
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(self.bytes.len() as u64 + self.zeros)
            .unwrap();
    }
}

fn contents(name: &'static str, seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Contents> {
    let zeros = prop_oneof![6 => Just(0), 1 => 1_u64..200_000, 1 => Just(256_u64 << 20)];
    (hostile(seeds), zeros).prop_map(move |(bytes, zeros)| Contents { name, bytes, zeros })
}

/// Of another boot, like all that hostile hands may write without knowing this one's name.
const UPGRADES: &[u8] = br#"{"schema":1,"boot_id":"another","begun":[1,2],"versions":[{"version":"9.0.0","from":"1.0.0","at":2,"replaced":2,"probation":{"epoch":7,"since":2},"failures":9,"last_error":"it died"}],"last_good":{"version":"1.0.0","program":"/nonexistent"}}"#;
const SUCCESSOR: &[u8] =
    br#"{"schema":1,"pid":1,"start_time":1,"boot_id":"another","until":18446744073709551615}"#;

/// All that is read by somebody.
pub(crate) fn state_files() -> impl Strategy<Value = Vec<Contents>> {
    let seeds = |target| (Target::named(target).seeds)();
    // The first byte is not theirs.
    let journal = |which: usize| vec![seeds("lifecycle_journal")[which][1..].to_vec()];
    let epochs = vec![b"7\n".to_vec(), b"18446744073709551614\n".to_vec(), b"4711\n".to_vec()];
    vec![
        contents(layout::RECORD, seeds("record")),
        contents(layout::LAUNCH, seeds("launch_note")),
        contents(layout::SUSPECT, seeds("suspicion")),
        contents(layout::WATCHED, seeds("suspicion")),
        contents(layout::PROOF_KEY, seeds("proof_key")),
        contents(layout::EPOCH, epochs),
        contents(layout::TOKEN, vec![b"5ec2e7".repeat(10)]),
        contents(layout::PID_FILE, vec![b"1\n".to_vec()]),
        contents(layout::LIFECYCLE_DB, seeds("lifecycle_db")),
        contents("lifecycle.db-wal", journal(0)),
        contents("lifecycle.db-journal", journal(1)),
        contents(layout::UPGRADES, vec![UPGRADES.to_vec()]),
        contents(layout::SUCCESSOR, vec![SUCCESSOR.to_vec()]),
    ]
}

/// The highest possible epoch that can be read in a state directory; 0 if there is none.
pub(crate) fn highest_epoch(dir: &Path) -> u64 {
    let read = |name, limit: usize| {
        use std::io::Read;
        let mut bytes = Vec::new();
        File::open(dir.join(name)).unwrap().take(limit as u64).read_to_end(&mut bytes).unwrap();
        bytes
    };
    let stored = String::from_utf8(read(layout::EPOCH, 64)).ok().and_then(|text| text.trim().parse().ok());
    let record: Option<Record> = record::parse(&read(layout::RECORD, record::READ_LIMIT));
    let recorded = record.and_then(|record| record.epoch).map(|epoch| epoch.0);
    [stored, recorded].into_iter().flatten().filter(|epoch| *epoch <= Epoch::LAST.0).max().unwrap_or(0)
}

#[test]
fn a_record_of_as_many_values_as_can_be_read_costs_a_bounded_amount_of_memory() {
    let dir = tempfile::tempdir().unwrap();
    let whole = String::from_utf8((Target::named("record").seeds)().remove(0)).unwrap();
    for value in ["0,", "[],", "\"\",", "{\"a\":0},"] {
        // A field that nobody knows, before those that everybody does.
        let room = record::READ_LIMIT - whole.len() - 100;
        let list = format!("{{\"new\":[{}0],", value.repeat(room / value.len()));
        fs::write(dir.path().join(layout::RECORD), whole.replacen('{', &list, 1)).unwrap();
        let look = || event_loop().block_on(inspect(&system::machine(), &id(dir.path()), LIMIT));
        let sight = bounded(&value, BOUNDS, look).unwrap();
        assert_eq!(sight.record.and_then(|record| record.epoch).map(|epoch| epoch.0), Some(7));
    }
}

/// How long an inspection may take.
const LIMIT: Duration = Duration::from_secs(1);

fn id(dir: &Path) -> WorkerId {
    WorkerId::builder().state_dir(dir).port("auto").build().unwrap()
}

proptest! {
    #![proptest_config(cases(96))]

    #[test]
    fn a_directory_of_any_bytes_is_looked_at_and_then_taken_office_in(files in state_files()) {
        let dir = tempfile::tempdir().unwrap();
        files.iter().for_each(|file| file.put(dir.path()));
        let (machine, id) = (system::machine(), id(dir.path()));
        let highest = highest_epoch(dir.path());

        let sight = bounded(&files, BOUNDS, || event_loop().block_on(inspect(&machine, &id, LIMIT))).unwrap();
        prop_assert!(!sight.in_office && sight.health.is_none());

        let claim = bounded(&files, BOUNDS, || {
            event_loop().block_on(async {
                let claim = Tenure::claim(&machine, &id, None, system::readiness()).await.unwrap();
                let Claim::Won(tenure) = claim else { panic!("somebody else is in office") };
                let port = tenure.bind().await.unwrap();
                tenure.ready(port.address).await.unwrap();
                let epoch = tenure.epoch().0;
                tenure.end("the test is over").await;
                epoch
            })
        });
        prop_assert!(claim > highest, "{claim} after {highest}");
        prop_assert_eq!(highest_epoch(dir.path()), claim);
    }
}
