//! The state directory, what is in it, and the disk that it is on.

use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;

use oneworker_tests::{NOBODY, Tmpfs, cannot_unshare, is_root, needs_root};

use super::{Fault, Planted, doctor, findings, found, identity, stopped};

fn set_mode(path: impl AsRef<Path>, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

each! { found:
    fn a_directory_that_is_open_to_others = Fault {
        plant: || {
            let identity = identity();
            fs::create_dir(identity.state_dir()).unwrap();
            set_mode(identity.state_dir(), 0o755);
            Planted::new(identity)
        },
        check: "directory", level: "problem", words: "is open to other users (mode 755)", mended: true,
    };
    fn a_directory_that_its_own_user_may_not_write_to = Fault {
        plant: || {
            let identity = stopped();
            set_mode(identity.state_dir(), 0o500);
            Planted::new(identity)
        },
        check: "directory", level: "problem", words: "is not open to its own user (mode 500)", mended: true,
    };
    fn a_directory_that_is_none = Fault {
        plant: || {
            let identity = identity();
            fs::write(identity.state_dir(), "").unwrap();
            Planted::new(identity)
        },
        check: "directory", level: "problem", words: "is no directory", mended: false,
    };
    fn a_directory_of_another_user = Fault {
        plant: || {
            let identity = (!needs_root()).then(identity)?;
            fs::create_dir(identity.state_dir()).unwrap();
            set_mode(identity.state_dir(), 0o700);
            chown(identity.state_dir(), Some(NOBODY), None).unwrap();
            Planted::new(identity)
        },
        check: "directory", level: "problem", words: "belongs to user 65534", mended: false,
    };
    fn a_file_system_that_is_read_only = Fault {
        plant: || {
            let flags = if is_root() { "-m" } else { "-rm" };
            let identity = (!cannot_unshare(flags)).then(stopped)?;
            let dir = identity.state_dir().display().to_string();
            let mount = format!(r#"mount --bind "{dir}" "{dir}" && mount -o remount,ro,bind "{dir}" && exec "$@""#);
            Planted::called(identity, move |run| {
                run.through(&format!(r#"exec unshare {flags} sh -c '{mount}' sh "$@""#))
            })
        },
        check: "file_system", level: "problem", words: "is mounted read-only", mended: false,
    };
    fn a_disk_that_is_full = Fault {
        plant: || on_disk("1m", |disk, _| disk.fill()),
        check: "space", level: "problem", words: "is full", mended: false,
    };
    fn a_disk_that_is_nearly_full = Fault {
        plant: || on_disk("1m", |_, _| {}),
        check: "space", level: "warning", words: "bytes left", mended: false,
    };
    fn a_disk_that_takes_no_more_files = Fault {
        plant: || on_disk("80m,nr_inodes=8", |_, dir| {
            let mut names = (0..100).map(|n| dir.join(n.to_string()));
            assert!(names.any(|name| fs::write(name, "").is_err()), "there is no end of files");
        }),
        check: "space", level: "problem", words: "no more files can be made", mended: false,
    };
    fn a_key_that_others_may_read = Fault {
        plant: || {
            let identity = identity();
            identity.patient();
            set_mode(identity.file("proof.key"), 0o644);
            Planted::new(identity)
        },
        check: "files", level: "problem", words: "proof.key can be used by other users (mode 644)", mended: true,
    };
    fn a_database_that_others_may_write_to = Fault {
        plant: || {
            let identity = stopped();
            set_mode(identity.file("worker.db"), 0o666);
            Planted::new(identity)
        },
        check: "files", level: "problem", words: "worker.db can be used by other users (mode 666)", mended: true,
    };
    fn a_file_that_its_own_user_may_not_write_to = Fault {
        plant: || {
            let identity = stopped();
            set_mode(identity.file("logs/worker.log"), 0o400);
            Planted::new(identity)
        },
        check: "files", level: "problem", words: "worker.log is not open to its own user (mode 400)", mended: true,
    };
    fn a_file_of_another_user = Fault {
        plant: || {
            let identity = (!needs_root()).then(stopped)?;
            chown(identity.file("epoch"), Some(NOBODY), None).unwrap();
            Planted::new(identity)
        },
        check: "files", level: "problem", words: "epoch belongs to user 65534, as after a sudo", mended: false,
    };
    fn a_lock_file_that_is_a_link = Fault {
        plant: || {
            let identity = stopped();
            fs::remove_file(identity.file("spawn.lock")).unwrap();
            symlink("/dev/null", identity.file("spawn.lock")).unwrap();
            Planted::new(identity)
        },
        check: "files", level: "problem", words: "spawn.lock is no plain file", mended: false,
    };
    fn a_lock_file_that_is_a_directory = Fault {
        plant: || {
            let identity = stopped();
            fs::remove_file(identity.file("worker.lock")).unwrap();
            fs::create_dir(identity.file("worker.lock")).unwrap();
            Planted::new(identity)
        },
        check: "files", level: "problem", words: "worker.lock is no plain file", mended: false,
    };
    fn a_damaged_database = Fault {
        plant: || {
            let identity = stopped();
            // The header is right, and what comes after it is not.
            let mut data = fs::OpenOptions::new().write(true).open(identity.file("worker.db")).unwrap();
            let length = data.metadata().unwrap().len();
            data.seek(SeekFrom::Start(4096)).unwrap();
            data.write_all(&vec![0xA5; usize::try_from(length - 4096).unwrap()]).unwrap();
            Planted::new(identity)
        },
        check: "database", level: "problem", words: "worker.db is not in order", mended: false,
    };
    fn a_damaged_history = Fault {
        plant: || {
            let identity = stopped();
            fs::write(identity.file("lifecycle.db"), vec![0xAB; 8192]).unwrap();
            Planted::new(identity)
        },
        check: "database", level: "problem", words: "lifecycle.db is not in order", mended: false,
    };
    fn a_journal_without_its_database = Fault {
        plant: || {
            let identity = stopped();
            fs::remove_file(identity.file("worker.db")).unwrap();
            fs::write(identity.file("worker.db-wal"), [7; 100]).unwrap();
            Planted::new(identity)
        },
        check: "database", level: "problem", words: "worker.db-wal has 100 bytes of a database, and that is gone", mended: false,
    };
    fn a_database_of_another_program = Fault {
        plant: || {
            let identity = stopped();
            fs::remove_file(identity.file("worker.db")).unwrap();
            on_database(&identity.file("worker.db"), "CREATE TABLE recipes (name TEXT)");
            Planted::new(identity)
        },
        check: "database", level: "problem", words: "worker.db is another program's", mended: false,
    };
    fn a_database_of_a_newer_version = Fault {
        plant: || {
            let identity = stopped();
            on_database(&identity.file("worker.db"), "PRAGMA user_version = 1000");
            Planted::new(identity)
        },
        check: "database", level: "problem", words: "was written by a newer version (its schema is 1000", mended: false,
    };
    fn a_history_that_lies_in_the_future = Fault {
        plant: || {
            let identity = stopped();
            on_database(&identity.file("lifecycle.db"), "UPDATE events SET at_ms = at_ms + 86400000");
            Planted::new(identity)
        },
        check: "clock", level: "warning", words: "the last event was noted 23h 59m", mended: false,
    };
    fn a_log_that_is_too_large = Fault {
        plant: || {
            let identity = stopped();
            let log = fs::OpenOptions::new().write(true).open(identity.file("logs/worker.log")).unwrap();
            log.set_len(50 << 20).unwrap();
            Planted::new(identity)
        },
        check: "logs", level: "warning", words: "worker.log has 52428800 bytes", mended: true,
    };
    fn logs_that_can_not_be_written = Fault {
        plant: || {
            let identity = stopped();
            set_mode(identity.file("logs"), 0o500);
            Planted::new(identity)
        },
        check: "logs", level: "problem", words: "logs can't be written to by its own user (mode 500)", mended: true,
    };
    fn logs_that_have_no_directory = Fault {
        plant: || {
            let identity = stopped();
            fs::remove_dir_all(identity.file("logs")).unwrap();
            fs::write(identity.file("logs"), "").unwrap();
            Planted::new(identity)
        },
        check: "logs", level: "problem", words: "logs is no directory", mended: false,
    };
}

/// One whose state directory is a small file system.
fn on_disk(size: &str, fill: impl FnOnce(&Tmpfs, &Path)) -> Option<Planted> {
    let identity = (!needs_root()).then(identity)?;
    let disk = match Tmpfs::mount(&identity.state_dir(), size) {
        Ok(disk) => disk,
        Err(error) => {
            eprintln!("skipped: this system mounts nothing: {error}");
            return None;
        }
    };
    set_mode(identity.state_dir(), 0o700);
    fill(&disk, &identity.state_dir());
    Planted::with(identity, disk)
}

fn on_database(path: &Path, statement: &str) {
    let database = rusqlite::Connection::open(path).unwrap();
    database.execute_batch(statement).unwrap();
}

#[test]
fn of_a_log_that_is_cut_the_end_is_kept_from_the_beginning_of_a_line_on() {
    let identity = stopped();
    let path = identity.file("logs/worker.log.1");
    let lines: String = (0..1_000_000).map(|n| format!("line {n}\n")).collect();
    fs::write(&path, &lines).unwrap();
    let cut = || findings(doctor(&identity).arg("--repair").env("ONEWORKER_LOG_MAX_BYTES", "100KiB"));
    // Whoever is in office sees to its own logs.
    identity.patient();
    let found = cut();
    assert_eq!((found.len(), &found[0]["repairable"]), (1, &false.into()), "{found:#?}");
    assert_eq!(fs::read_to_string(&path).unwrap(), lines);
    identity.stop();
    assert_eq!(cut()[0]["repaired"], true);
    let kept = fs::read_to_string(&path).unwrap();
    assert!(kept.len() <= 100 << 10 && lines.ends_with(&kept) && kept.starts_with("line "), "{}", kept.len());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}
