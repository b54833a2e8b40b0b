//! Sessions whose deadline comes in the midst of what they do: what they say then is true.

// All of this is test code.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use oneworker_tests::{Identity, is_alive, wait_for, wait_until_gone};

const BINARY: &str = env!("CARGO_BIN_EXE_oneworker-under-test");
/// Hardly longer than a first probe may take, so that the hang limit is always seen to pass when the time is up.
const SHORT: [&str; 2] = ["--deadline", "300ms"];

#[test]
fn a_hung_worker_that_is_killed_when_the_time_is_up_is_not_called_unkillable() {
    let identity = Identity::new(BINARY).hang_limit("500ms");
    let mut codes = Vec::new();
    // On a loaded machine the time may be up before a worker is launched.
    let hung = wait_for("a worker", || {
        codes.push(identity.ensure_failing("answer=block").args(SHORT).failure().code);
        identity.workers().first().copied()
    });
    assert_eq!(identity.only_worker(), hung, "{codes:?}");
    while is_alive(hung) {
        let (output, _) = identity.ensure().args(SHORT).start().output();
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        if output.status.success() {
            break;
        }
        codes.push(json["error"]["code"].as_str().unwrap().to_owned());
        assert!(codes.len() < 5000, "never replaced: {codes:?}");
    }
    wait_until_gone(hung);
    assert!(!codes.iter().any(|code| code == "unkillable"), "{codes:?}");
}
