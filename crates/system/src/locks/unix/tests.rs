use oneworker_protocol::layout::WORKER_LOCK;
use oneworker_protocol::machine::{ClaimAttempt, OfficeCheck, TenureLook};

#[tokio::test]
async fn a_process_in_office_looks_and_claims_without_losing_its_lock() {
    let locks = crate::machine().locks;
    let dir = tempfile::tempdir().unwrap();
    let ClaimAttempt::Won(office) = locks.try_claim(dir.path()).await.unwrap() else { panic!("not won") };
    assert!(matches!(locks.look(dir.path()).await.unwrap(), TenureLook::Held { by: Some(_) }));
    assert!(matches!(locks.try_claim(dir.path()).await.unwrap(), ClaimAttempt::Held { by: Some(_) }));
    assert_eq!(office.check().await.unwrap(), OfficeCheck::Held);
    std::fs::remove_file(dir.path().join(WORKER_LOCK)).unwrap();
    assert!(matches!(locks.look(dir.path()).await.unwrap(), TenureLook::DirectoryOnly { .. }));
    assert_eq!(office.check().await.unwrap(), OfficeCheck::Remade);
    drop(office);
    assert_eq!(locks.look(dir.path()).await.unwrap(), TenureLook::Free);
    assert!(matches!(locks.try_claim(dir.path()).await.unwrap(), ClaimAttempt::Won(_)));
}

#[tokio::test]
async fn offices_of_two_directories_in_one_process_are_independent() {
    let locks = crate::machine().locks;
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let ClaimAttempt::Won(first) = locks.try_claim(one.path()).await.unwrap() else { panic!("not won") };
    assert_eq!(locks.look(two.path()).await.unwrap(), TenureLook::Free);
    let ClaimAttempt::Won(second) = locks.try_claim(two.path()).await.unwrap() else { panic!("not won") };
    drop(first);
    assert_eq!(locks.look(one.path()).await.unwrap(), TenureLook::Free);
    assert!(matches!(locks.look(two.path()).await.unwrap(), TenureLook::Held { by: Some(_) }));
    assert_eq!(second.check().await.unwrap(), OfficeCheck::Held);
    // Another's lock file in its place is not this one's.
    std::fs::rename(two.path().join(WORKER_LOCK), two.path().join("old")).unwrap();
    std::fs::write(two.path().join(WORKER_LOCK), "").unwrap();
    assert_eq!(second.check().await.unwrap(), OfficeCheck::Remade);
    assert_eq!(locks.look(one.path().join("missing").as_path()).await.unwrap(), TenureLook::Free);
    assert!(locks.look(&two.path().join("old")).await.is_err(), "a file is no directory");
}

#[tokio::test]
async fn a_directory_that_is_replaced_ends_the_office() {
    let locks = crate::machine().locks;
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("state");
    std::fs::create_dir(&dir).unwrap();
    let ClaimAttempt::Won(office) = locks.try_claim(&dir).await.unwrap() else { panic!("not won") };
    std::fs::rename(&dir, parent.path().join("old")).unwrap();
    assert_eq!(office.check().await.unwrap(), OfficeCheck::Superseded);
    std::fs::create_dir(&dir).unwrap();
    assert_eq!(office.check().await.unwrap(), OfficeCheck::Superseded);
    assert!(matches!(locks.try_claim(&dir).await.unwrap(), ClaimAttempt::Won(_)));
}

/// Some code of this process opens and closes the lock file.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_record_lock_that_a_close_has_dropped_is_taken_again() {
    use std::os::unix::fs::MetadataExt;

    let locks = crate::machine().locks;
    let dir = tempfile::tempdir().unwrap();
    let ClaimAttempt::Won(office) = locks.try_claim(dir.path()).await.unwrap() else { panic!("not won") };
    let path = dir.path().join(WORKER_LOCK);
    let inode = format!(":{} ", std::fs::metadata(&path).unwrap().ino());
    let is_locked = || {
        // Told in pieces, between which entries move: a lock can be missed in one look.
        (0..5).any(|_| {
            let all = std::fs::read_to_string("/proc/locks").unwrap();
            all.lines().any(|line| line.contains("POSIX") && line.contains(&inode))
        })
    };
    assert!(is_locked());
    drop(std::fs::File::open(&path).unwrap());
    assert!(!is_locked(), "the trap is none here");
    assert_eq!(office.check().await.unwrap(), OfficeCheck::Held);
    assert!(is_locked());
}

#[tokio::test]
async fn an_election_is_won_once_and_again_after_it_ended() {
    let locks = crate::machine().locks;
    let dir = tempfile::tempdir().unwrap();
    let elected = locks.try_elect(dir.path(), 0).await.unwrap().unwrap();
    assert_eq!(elected.rank(), 0);
    assert!(locks.try_elect(dir.path(), 0).await.unwrap().is_none());
    assert_eq!(locks.try_elect(dir.path(), 1).await.unwrap().unwrap().rank(), 1);
    drop(elected);
    assert!(locks.try_elect(dir.path(), 0).await.unwrap().is_some());
}
#[cfg(all(oneworker_test, debug_assertions))]
#[tokio::test]
async fn without_the_directorys_lock_a_deleted_lock_file_lets_a_second_worker_in() {
    use oneworker_sabotage::{Sabotage, switch_on};

    let locks = crate::machine().locks;
    let dir = tempfile::tempdir().unwrap();
    let _first = locks.try_claim(dir.path()).await.unwrap();
    std::fs::remove_file(dir.path().join(WORKER_LOCK)).unwrap();
    assert!(matches!(locks.try_claim(dir.path()).await.unwrap(), ClaimAttempt::DirectoryBusy(_)));
    let _left_out = switch_on(Sabotage::DirectoryLockLeftOut);
    assert!(matches!(locks.try_claim(dir.path()).await.unwrap(), ClaimAttempt::Won(_)));
}
