use std::sync::mpsc;

use coordinator::fence::FenceError;

use super::*;

struct Opened {
    dir: tempfile::TempDir,
    store: Store,
    superseded: mpsc::Receiver<Superseded>,
}

async fn open_in(dir: tempfile::TempDir, epoch: u64, retention: Retention) -> Opened {
    let config = StoreConfig { path: dir.path().join("worker.db"), retention, synced: true };
    let (tell, superseded) = mpsc::channel();
    let clock = coordinator::system::machine().clock;
    let store = Store::open(config, Epoch(epoch), clock, move |why| tell.send(why).unwrap()).await.unwrap();
    Opened { dir, store, superseded }
}

async fn open() -> Opened {
    open_in(tempfile::tempdir().unwrap(), 1, Retention::default()).await
}

fn observation(text: &str, key: Option<&str>) -> NewObservation {
    NewObservation {
        session: "s".into(),
        kind: "note".into(),
        text: text.into(),
        metadata: None,
        key: key.map(str::to_owned),
    }
}

async fn texts(store: &Store) -> Vec<String> {
    let all = store.list(Filter::default(), Page::After(0, 1000)).await.unwrap();
    all.into_iter().map(|observation| observation.text).collect()
}

#[tokio::test]
async fn what_comes_twice_with_one_key_is_kept_once() {
    let Opened { store, dir: _dir, .. } = open().await;
    let first = store.add(vec![observation("a", Some("k")), observation("b", None)]).await.unwrap();
    let again = store.add(vec![observation("other", Some("k")), observation("b", None)]).await.unwrap();
    assert!(first.iter().all(|receipt| receipt.new));
    assert_eq!(again[0], Receipt { id: first[0].id, new: false });
    assert!(again[1].new);
    assert_eq!(texts(&store).await, ["a", "b", "b"]);
}

#[tokio::test]
async fn many_clients_at_once_are_all_answered_and_all_is_there_after_a_reopening() {
    let Opened { store, dir, .. } = open().await;
    let store = Arc::new(store);
    let mut clients = tokio::task::JoinSet::new();
    for n in 0..500 {
        let store = store.clone();
        clients.spawn(async move {
            store.add(vec![observation(&n.to_string(), Some(&format!("key {n}")))]).await.unwrap()
        });
    }
    while let Some(receipts) = clients.join_next().await {
        assert!(receipts.unwrap()[0].new);
    }
    store.close().await;
    assert!(matches!(store.add(vec![observation("late", None)]).await, Err(StoreError::Closed)));
    let Opened { store, dir: _dir, .. } = open_in(dir, 2, Retention::default()).await;
    let mut found: Vec<u32> = texts(&store).await.iter().map(|text| text.parse().unwrap()).collect();
    found.sort_unstable();
    assert_eq!(found, (0..500).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_superseded_store_writes_nothing_and_says_so_once() {
    let Opened { store, dir, superseded } = open().await;
    store.add(vec![observation("before", None)]).await.unwrap();
    let next = open_in(dir, 2, Retention::default()).await;
    for _ in 0..2 {
        let error = store.add(vec![observation("after", None)]).await.unwrap_err();
        assert_eq!(error.code(), "superseded", "{error}");
    }
    assert!(superseded.recv().unwrap().why.contains("epoch 2"));
    assert!(superseded.try_recv().is_err());
    assert_eq!(texts(&next.store).await, ["before"]);
}

#[tokio::test]
async fn a_list_goes_on_where_it_was_and_filters() {
    let Opened { store, dir: _dir, .. } = open().await;
    for n in 0..10 {
        let mut one = observation(&n.to_string(), None);
        one.session = format!("session {}", n % 2);
        store.add(vec![one]).await.unwrap();
    }
    let of = |session: &str| Filter { session: Some(session.into()), ..Filter::default() };
    let first = store.list(of("session 1"), Page::After(0, 3)).await.unwrap();
    let rest = store.list(of("session 1"), Page::After(first[2].id, 100)).await.unwrap();
    let text = |list: &[Observation]| list.iter().map(|o| o.text.clone()).collect::<Vec<_>>().join(" ");
    assert_eq!((text(&first), text(&rest)), ("1 3 5".to_owned(), "7 9".to_owned()));
    assert_eq!(text(&store.list(Filter::default(), Page::Last(3)).await.unwrap()), "7 8 9");
    assert_eq!(store.remove(of("session 0")).await.unwrap(), 5);
    assert_eq!(texts(&store).await.join(" "), "1 3 5 7 9");
}

#[tokio::test]
async fn much_is_removed_and_nothing_else() {
    let Opened { store, dir: _dir, .. } = open().await;
    for session in ["a", "b", "a", "b"] {
        let some =
            (0..700).map(|n| NewObservation { session: session.into(), ..observation(&n.to_string(), None) });
        store.add(some.collect()).await.unwrap();
    }
    let of = |session: &str| Filter { session: Some(session.into()), ..Filter::default() };
    assert_eq!(store.remove(of("a")).await.unwrap(), 1400);
    assert_eq!(store.remove(of("a")).await.unwrap(), 0);
    assert_eq!(store.list(Filter::default(), Page::After(0, 5000)).await.unwrap().len(), 1400);
    assert_eq!(store.search("7".to_owned(), Filter::default(), 10).await.unwrap().len(), 2);
}

#[tokio::test]
async fn the_best_is_found_first_and_what_was_removed_is_not_found() {
    let Opened { store, dir: _dir, .. } = open().await;
    for text in ["a disk, a full disk", "one disk among so very many other things", "nothing of the kind"] {
        store.add(vec![observation(text, None)]).await.unwrap();
    }
    let search = |words: &str| store.search(words.to_owned(), Filter::default(), 10);
    let found = search("disk").await.unwrap();
    assert_eq!(found.iter().map(|found| found.id).collect::<Vec<_>>(), [1, 2]);
    assert!(found[0].snippet.as_ref().unwrap().contains("[disk]"));
    assert_eq!(search("dis*").await.unwrap().len(), 2);
    assert!(search("\" OR (").await.unwrap().is_empty());
    store.remove(Filter { id: Some(1), ..Filter::default() }).await.unwrap();
    assert_eq!(search("full").await.unwrap().len(), 0);
}

#[tokio::test]
async fn what_is_too_old_or_too_much_is_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let retention = Retention { age_ms: None, bytes: Some(200_000) };
    let Opened { store, dir: _dir, .. } = open_in(dir, 1, retention).await;
    for _ in 0..30 {
        store.add((0..100).map(|_| observation(&"word ".repeat(40), None)).collect()).await.unwrap();
    }
    let mut dropped = 0;
    loop {
        match store.tend().await.unwrap() {
            0 => break,
            more => dropped += more,
        }
    }
    let left = store.list(Filter::default(), Page::After(0, 10_000)).await.unwrap();
    assert_eq!(left.len() + dropped, 3000);
    assert!(dropped >= 2000 && left.iter().all(|left| left.id > 2000), "{dropped}");

    let dir = tempfile::tempdir().unwrap();
    let Opened { store, dir: _dir, .. } = open_in(dir, 1, Retention { age_ms: Some(-1), bytes: None }).await;
    store.add(vec![observation("old", None)]).await.unwrap();
    assert_eq!((store.tend().await.unwrap(), store.tend().await.unwrap()), (1, 0));
}

#[tokio::test]
async fn what_sqlite_should_know_of_its_tables_is_learnt_while_the_worker_serves() {
    let Opened { store, dir, .. } = open().await;
    store.add((0..500).map(|n| observation(&n.to_string(), None)).collect()).await.unwrap();
    store.optimize().await.unwrap();
    let db = rusqlite::Connection::open(dir.path().join("worker.db")).unwrap();
    let known = "SELECT count(*) FROM sqlite_stat1 WHERE tbl = 'observations'";
    assert!(db.query_row(known, [], |row| row.get::<_, u32>(0)).unwrap() > 0);
}

#[tokio::test]
async fn more_than_there_is_room_for_is_refused_until_there_is() {
    let Opened { store, dir: _dir, .. } = open().await;
    let all = store.reserve(WAITING_BYTES).unwrap();
    assert!(matches!(store.reserve(1), Err(StoreError::Full)));
    drop(all);
    assert!(store.reserve(1).is_ok());
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused_and_left_as_it_is() {
    let Opened { store, dir, .. } = open().await;
    store.close().await;
    let path = dir.path().join("worker.db");
    let db = rusqlite::Connection::open(&path).unwrap();
    db.execute_batch("PRAGMA user_version = 99").unwrap();
    let config = StoreConfig { path, retention: Retention::default(), synced: true };
    let clock = coordinator::system::machine().clock;
    let error = Store::open(config, Epoch(2), clock, |_| {}).await.err().unwrap();
    assert!(matches!(error, StoreError::TooNew { found: 99, known: 1, .. }), "{error}");
    let version: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    assert_eq!(version, 99);
}

#[tokio::test]
async fn one_that_fails_by_itself_takes_nobody_else_with_it() {
    let Opened { store, dir: _dir, .. } = open().await;
    let store = Arc::new(store);
    // So that they come to one transaction: the writer is kept busy meanwhile.
    let busy = {
        let store = store.clone();
        tokio::spawn(async move { store.add((0..2000).map(|_| observation("x", None)).collect()).await })
    };
    let bad = store.writer.write(|db| {
        db.execute("INSERT INTO observations (at_ms, session, kind, text) VALUES (1, 's', 'k', 'half')", [])?;
        db.execute("INSERT INTO no_such_table VALUES (1)", [])
    });
    let (good, bad) = tokio::join!(store.add(vec![observation("good", None)]), bad);
    assert!(good.unwrap()[0].new);
    assert!(matches!(bad, Err(StoreError::Fence(error)) if matches!(*error, FenceError::Sqlite(_))));
    busy.await.unwrap().unwrap();
    let found = store.search("half".into(), Filter::default(), 10).await.unwrap();
    assert!(found.is_empty());
    assert!(store.check().await.unwrap().is_empty());
}

#[tokio::test]
async fn leases_are_known_to_the_next_worker() {
    let Opened { store, dir, .. } = open().await;
    let owner = coordinator::system::machine().processes.me();
    let lease = |id: &str, owner| NewLease { id: id.into(), ttl_ms: 1000, owner };
    store.put_lease(lease("a", Some(owner.clone()))).await.unwrap();
    store.put_lease(lease("b", None)).await.unwrap();
    // Going on without naming the owner again leaves it.
    store.put_lease(lease("a", None)).await.unwrap();
    assert!(store.end_lease("b".into()).await.unwrap());
    assert!(!store.end_lease("b".into()).await.unwrap());
    store.close().await;
    let Opened { store, dir: _dir, .. } = open_in(dir, 2, Retention::default()).await;
    let leases = store.leases().await.unwrap();
    assert_eq!(leases.len(), 1);
    assert_eq!((leases[0].id.as_str(), &leases[0].owner), ("a", &Some(owner)));
}
