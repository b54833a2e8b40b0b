//! What a launched program says over its readiness channel, with real processes.

use std::fs;
use std::path::Path;
use std::time::Duration;

use coordinator::{EnsureError, EnsureRequest, LaunchCommand, Worker, WorkerId, ensure_on, system};
use oneworker_tests::hostile::{Bounds, Target, bounded};
use proptest::prelude::*;

use super::mutation::hostile;
use crate::{cases, event_loop};

/// Of a call that has to come to its deadline.
const SHORT: Duration = Duration::from_millis(1500);
/// Of a call that has to end before it, however loaded the machine is.
const LONG: Duration = Duration::from_secs(300);

/// What a call with this deadline may take.
fn bounds(deadline: Duration) -> Bounds {
    Bounds { memory: 2 << 20, sqlite: None, time: deadline + Duration::from_secs(6) }
}

/// A program that runs this script, with the channel as `$channel`.
fn launch(dir: &Path, script: &str, deadline: Duration) -> Result<Worker, EnsureError> {
    // `yes` and `cat` end by themselves when nobody listens any more.
    let script = format!("channel=/dev/fd/$ONEWORKER_READY_FD; {script}");
    let id = WorkerId::builder().state_dir(dir.join("state")).port("auto").build().unwrap();
    let launch = LaunchCommand::new("/bin/sh", ["-c", &script]);
    let request = EnsureRequest::builder(id, launch).deadline(deadline).build().unwrap();
    event_loop().block_on(ensure_on(&system::machine(), &request, &|_| {}))
}

#[test]
fn whatever_is_said_over_the_channel_there_is_an_error_in_time() {
    let seeds: Vec<_> =
        (Target::named("readiness_message").seeds)().iter().map(|seed| seed[1..].to_vec()).collect();
    proptest!(cases(12), |(said in hostile(seeds))| {
        let dir = tempfile::tempdir().unwrap();
        let words = dir.path().join("words");
        fs::write(&words, &said).unwrap();
        let answer = bounded(&String::from_utf8_lossy(&said), bounds(SHORT), || {
            launch(dir.path(), &format!("cat {} > $channel", words.display()), SHORT)
        });
        prop_assert!(answer.is_err(), "{answer:?}");
    });
}

macro_rules! endless {
    ($($name:ident: $script:literal, $deadline:ident => $code:literal;)*) => {$(
        #[test]
        fn $name() {
            let dir = tempfile::tempdir().unwrap();
            let answer = bounded(&$script, bounds($deadline), || launch(dir.path(), $script, $deadline));
            assert_eq!(answer.unwrap_err().code(), $code);
        }
    )*};
}

endless! {
    lines_without_end_keep_nobody_beyond_the_deadline: "exec yes > $channel", SHORT => "starting";
    empty_lines_without_end_keep_nobody_beyond_the_deadline: "exec yes '' > $channel", SHORT => "starting";
    objects_without_end_keep_nobody_beyond_the_deadline:
        "exec yes '{\"event\":\"unheard_of\"}' > $channel", SHORT => "starting";
    a_line_without_end_is_given_up: "exec cat /dev/zero > $channel", LONG => "launch_failed";
}
