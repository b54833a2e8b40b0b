//! Somebody deletes, truncates, overwrites or replaces what lies in the state directory, under a worker or with none: no state of any
//! file makes a second worker, and none but a directory in a file's place keeps one from office.

use std::fs::{self, File};
use std::os::unix::fs::symlink;

use oneworker_tests::{Identity, free_port, kill_and_wait, once_seen, wait_for};

use super::identity;

/// What a worker in office keeps published.
const PUBLISHED: [&str; 4] = ["worker.json", "token", "worker.pid", "proof.key"];
/// All that is read by somebody.
const FILES: [&str; 8] = [
    "worker.json",
    "token",
    "worker.pid",
    "proof.key",
    "epoch",
    "launch.json",
    "suspect.json",
    "watched.json",
];

/// What can become of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Damage {
    Missing,
    Empty,
    HalfWritten,
    Garbage,
    OfAnotherBoot,
    Fifo,
    Symlink,
    Directory,
}

impl Damage {
    fn on(self, identity: &Identity, name: &str) {
        let path = identity.file(name);
        let whole = fs::read(&path).unwrap_or_else(|_| b"{\"schema\":1,\"process\":{\"pid\":1".to_vec());
        let _ = fs::remove_file(&path);
        match self {
            Self::Missing => {}
            Self::Empty => drop(File::create(&path).unwrap()),
            Self::HalfWritten => fs::write(&path, &whole[..whole.len() / 2]).unwrap(),
            Self::Garbage => fs::write(&path, [0xFF, 0x00, b'{', 0xC3, 0x28].repeat(50_000)).unwrap(),
            Self::OfAnotherBoot => {
                let text = String::from_utf8(whole).unwrap();
                let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
                fs::write(&path, text.replace(boot.trim(), "00000000-0000-4000-8000-000000000000")).unwrap();
            }
            Self::Fifo => rustix::fs::mkfifoat(rustix::fs::CWD, &path, 0o600.into()).unwrap(),
            Self::Symlink => symlink(victim(identity), &path).unwrap(),
            Self::Directory => fs::create_dir(&path).unwrap(),
        }
    }
}

/// Where planted symbolic links lead.
fn victim(identity: &Identity) -> std::path::PathBuf {
    identity.scratch().join("victim")
}

/// With a worker running: every session gets that worker, and it puts back what it keeps published.
fn is_survived_by_a_worker(damage: Damage) {
    let identity = identity();
    fs::write(victim(&identity), "precious").unwrap();
    let worker = identity.patient();
    let before = PUBLISHED.map(|name| fs::read(identity.file(name)).unwrap());
    for name in FILES {
        damage.on(&identity, name);
        let answer = identity.patient();
        assert_eq!(
            (answer.pid, answer.epoch, answer.port),
            (worker.pid, 1, worker.port),
            "{damage:?} {name}"
        );
        wait_for(&format!("{name} to be put back ({damage:?})"), || {
            let healed = |(name, bytes): (&str, &Vec<u8>)| {
                fs::read(identity.file(name)).is_ok_and(|now| now == *bytes)
            };
            PUBLISHED.into_iter().zip(&before).all(healed).then_some(())
        });
    }
    assert_eq!(fs::read_to_string(victim(&identity)).unwrap(), "precious");
    identity.wait_until_alone(worker.pid);
    assert_eq!(identity.tenures(), [1]);
}

/// With none running: the next session gets a new one, and epochs go on.
fn is_survived_without_a_worker(damage: Damage) {
    let identity = identity();
    fs::write(victim(&identity), "precious").unwrap();
    let mut last = identity.patient();
    for name in FILES {
        kill_and_wait(last.pid);
        damage.on(&identity, name);
        let next = identity.patient();
        assert_eq!(next.epoch, last.epoch + 1, "{damage:?} {name}");
        assert_eq!(next.epoch, identity.epoch(), "{damage:?} {name}");
        identity.wait_until_alone(next.pid);
        last = next;
    }
    assert_eq!(fs::read_to_string(victim(&identity)).unwrap(), "precious");
}

each! { is_survived_by_a_worker:
    fn a_worker_puts_back_what_is_deleted = Damage::Missing;
    fn a_worker_puts_back_what_is_emptied = Damage::Empty;
    fn a_worker_puts_back_what_is_cut_in_half = Damage::HalfWritten;
    fn a_worker_puts_back_what_is_overwritten_with_garbage = Damage::Garbage;
    fn a_worker_puts_back_what_speaks_of_another_boot = Damage::OfAnotherBoot;
    fn a_worker_puts_back_what_is_replaced_by_a_fifo = Damage::Fifo;
    fn a_worker_puts_back_what_is_replaced_by_a_symbolic_link_and_leaves_its_target_alone = Damage::Symlink;
}

each! { is_survived_without_a_worker:
    fn no_deleted_file_keeps_a_worker_from_office_or_makes_an_epoch_come_twice = Damage::Missing;
    fn no_emptied_file_keeps_a_worker_from_office_or_makes_an_epoch_come_twice = Damage::Empty;
    fn no_half_written_file_keeps_a_worker_from_office_or_makes_an_epoch_come_twice = Damage::HalfWritten;
    fn no_garbage_keeps_a_worker_from_office_or_makes_an_epoch_come_twice = Damage::Garbage;
    fn no_file_of_another_boot_keeps_a_worker_from_office_or_makes_an_epoch_come_twice = Damage::OfAnotherBoot;
    fn no_fifo_keeps_a_worker_from_office_or_makes_an_epoch_come_twice = Damage::Fifo;
    fn no_symbolic_link_keeps_a_worker_from_office_or_is_written_through = Damage::Symlink;
}

#[test]
fn a_directory_in_a_files_place_is_named_and_once_it_is_gone_all_is_well() {
    let identity = identity();
    let mut last = identity.patient();
    for name in FILES {
        kill_and_wait(last.pid);
        Damage::Directory.on(&identity, name);
        let (status, json) = identity.patient_ensure().json();
        if status != 0 {
            assert_eq!(json["error"]["worker_code"], "state_dir", "{name}: {json}");
            assert!(json["error"]["message"].as_str().unwrap().contains("directory"), "{name}: {json}");
            // Those that are only hints keep nobody from office.
            assert!(!["launch.json", "suspect.json", "watched.json"].contains(&name), "{name}");
            fs::remove_dir(identity.file(name)).unwrap();
        }
        let next = identity.patient();
        assert!(next.epoch > last.epoch, "{name}: {} after {}", next.epoch, last.epoch);
        identity.wait_until_alone(next.pid);
        let _ = fs::remove_dir(identity.file(name));
        last = next;
    }
}

#[test]
fn a_worker_outlives_a_directory_in_a_files_place_and_puts_the_file_back_when_it_is_gone() {
    // A fixed port, so that sessions find it without its record.
    let identity = identity().on_port(free_port()).hang_limit("10m");
    let worker = identity.patient();
    for name in FILES {
        Damage::Directory.on(&identity, name);
        if name == "proof.key" {
            // Without the key nobody can prove anything.
            once_seen(&["unresponsive"], || identity.ensure());
        } else {
            assert_eq!(identity.patient().pid, worker.pid, "{name}");
        }
        fs::remove_dir(identity.file(name)).unwrap();
        if PUBLISHED.contains(&name) {
            wait_for("the file to be put back", || identity.file(name).is_file().then_some(()));
        }
        assert_eq!(identity.patient().pid, worker.pid, "{name}");
    }
    assert_eq!((identity.workers(), identity.tenures()), (vec![worker.pid], vec![1]));
}

#[test]
fn an_epoch_beyond_all_reason_is_not_believed_and_the_last_one_is_an_error_with_a_way_out() {
    let identity = identity();
    let mut last = identity.patient();
    for garbage in ["18446744073709551614", "9007199254740992"] {
        for _ in 0..2 {
            kill_and_wait(last.pid);
            fs::write(identity.file("epoch"), garbage).unwrap();
            let next = identity.patient();
            assert_eq!(next.epoch, last.epoch + 1, "{garbage}");
            last = next;
        }
    }
    kill_and_wait(last.pid);
    fs::write(identity.file("epoch"), "9007199254740991").unwrap();
    let failure = identity.patient_ensure().failure();
    assert!(failure.error["message"].as_str().unwrap().contains("no epoch is left"), "{:?}", failure.error);
    fs::remove_file(identity.file("epoch")).unwrap();
    assert_eq!(identity.patient().epoch, last.epoch + 1);
}

#[test]
fn nothing_but_a_file_is_taken_for_the_tenure_lock() {
    let identity = identity();
    fs::create_dir(identity.state_dir()).unwrap();
    fs::write(victim(&identity), "precious").unwrap();
    for damage in [Damage::Symlink, Damage::Directory] {
        damage.on(&identity, "worker.lock");
        let failure = identity.patient_ensure().failure();
        assert_eq!(failure.code, "lock_failed", "{damage:?}: {:?}", failure.error);
        let path = identity.file("worker.lock");
        let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir(&path));
    }
    assert_eq!(identity.workers(), Vec::<u32>::new());
    assert_eq!(identity.patient().epoch, 1);
}
