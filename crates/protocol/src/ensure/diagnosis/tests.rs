//! A silence is remembered across sessions, in files.

use std::time::Duration;

use super::*;
use crate::ensure::fixture;
use crate::layout;

/// Remembers a silent watch that was meant to last for a minute.
async fn suspected(cx: &Call<'_>, me: &ProcessInfo, watch: Watch) -> Silence {
    let silent = SilentWatch { watch, asked: Duration::from_secs(60), stage: Stage::Serving };
    suspect(cx, me.clone(), silent).await.1
}

#[tokio::test]
async fn a_watch_counts_only_while_the_suspicion_stands() {
    let (machine, _dir, request, me) = fixture::surroundings().await;
    let state_dir = request.id.state_dir();
    let noted = state_dir.join(layout::SUSPECT);
    let (one, two) = (Call::new(&machine, &request, &|_| {}), Call::new(&machine, &request, &|_| {}));

    let (early, watch) = (two.state.begin_watch().await, one.state.begin_watch().await);
    suspected(&one, &me, watch).await;
    assert!(noted.exists());
    while one.clock().now().since(early.from) < Duration::from_millis(20) {
        one.clock().sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(suspected(&two, &me, early).await.silent_for, Duration::ZERO, "it was begun meanwhile");
    assert!(!state_dir.join(layout::WATCHED).exists());

    let watch = one.state.begin_watch().await;
    one.clock().sleep(Duration::from_millis(20)).await;
    let silence = suspected(&one, &me, watch).await;
    assert!(silence.silent_for >= Duration::from_millis(20) && one.state.is_still_suspected(&silence).await);

    let watch = two.state.begin_watch().await;
    std::fs::remove_file(&noted).unwrap();
    assert!(!one.state.is_still_suspected(&silence).await, "a proof came");
    let again = suspected(&two, &me, watch).await;
    assert_eq!(again.silent_for, Duration::ZERO);
    assert!(two.state.is_still_suspected(&again).await && !one.state.is_still_suspected(&silence).await);

    two.state.void_suspicion().await;
    assert!(!noted.exists() && !two.state.is_still_suspected(&again).await);
}

#[tokio::test]
async fn what_can_not_be_written_counts_for_this_call() {
    let (machine, _dir, request, me) = fixture::surroundings().await;
    let cx = Call::new(&machine, &request, &|_| {});
    let silent_for = async || {
        let watch = cx.state.begin_watch().await;
        cx.clock().sleep(Duration::from_millis(20)).await;
        suspected(&cx, &me, watch).await.silent_for
    };
    // A directory can't be replaced by a file.
    let [noted, added] = [layout::SUSPECT, layout::WATCHED].map(|name| request.id.state_dir().join(name));
    std::fs::create_dir(&added).unwrap();
    assert_eq!(silent_for().await, Duration::ZERO);
    let first = silent_for().await;
    assert!(silent_for().await > first && first >= Duration::from_millis(20));
    std::fs::remove_file(&noted).unwrap();
    assert_eq!(silent_for().await, Duration::ZERO, "a proof came");
    std::fs::remove_file(&noted).unwrap();
    std::fs::create_dir(&noted).unwrap();
    assert_eq!(silent_for().await, Duration::ZERO);
    let first = silent_for().await;
    let longer = silent_for().await;
    assert!(longer > first && first >= Duration::from_millis(20), "no other session knows of it");
}
