//! Observations outlive the worker that took them.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use oneworker_tests::{kill_and_wait, wait_for};
use worker::api::Filter;
use worker::client::observation;

use super::{ask, request};
use crate::identity;

fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |text| text.parse().expect(variable))
}

/// Eight clients hand in observations, and try again with the same keys, while the worker is killed again and again. `INBOX_OBSERVATIONS=100000
/// INBOX_KILLS=50` is the long version.
#[test]
fn nothing_that_was_answered_is_lost_and_nothing_is_doubled_while_workers_are_killed() {
    const CLIENTS: usize = 8;
    const BATCH: usize = 10;
    let (all, kills) = (number("INBOX_OBSERVATIONS", 4_000), number("INBOX_KILLS", 8));
    let each = all / CLIENTS;
    let identity = identity();
    let request = request(&identity, &[]);
    let (done, tries) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (request, done, tries) = (&request, &done, &tries);
            scope.spawn(move || {
                for batch in 0..each / BATCH {
                    let observations: Vec<_> = (0..BATCH)
                        .map(|n| {
                            let key = format!("{client}-{}", batch * BATCH + n);
                            let mut one = observation(&format!("client {client}"), "test", &key);
                            one.key = Some(key);
                            one
                        })
                        .collect();
                    let receipts = wait_for("an answer", || {
                        tries.fetch_add(1, Ordering::Relaxed);
                        // A launch may have been killed, which its session is told.
                        ask(request, async |client| client.put(observations.clone()).await).ok()
                    });
                    assert_eq!(receipts.len(), BATCH);
                    done.fetch_add(BATCH, Ordering::Relaxed);
                }
            });
        }
        for kill in 1..=kills {
            let next = all * kill / (kills + 1);
            // However slow the machine is.
            while done.load(Ordering::Relaxed) < next {
                std::thread::yield_now();
            }
            if let Some(worker) = identity.workers().first() {
                kill_and_wait(*worker);
            }
        }
    });
    let mut found = BTreeSet::new();
    let mut cursor = 0;
    loop {
        let (page, next) =
            ask(&request, async |client| client.list(&Filter::default(), cursor, 1000).await).unwrap();
        if page.is_empty() {
            break;
        }
        cursor = next;
        for one in page {
            assert!(found.insert(one.text.clone()), "{} is there twice", one.text);
        }
    }
    let expected: BTreeSet<String> =
        (0..CLIENTS).flat_map(|client| (0..each).map(move |n| format!("{client}-{n}"))).collect();
    assert_eq!(found, expected);
    assert!(identity.epoch() > 1, "no worker was killed: this test shows nothing");
}
