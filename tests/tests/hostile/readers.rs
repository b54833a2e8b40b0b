//! Every reader alone.

use std::time::Duration;

use oneworker_tests::hostile::{BOUNDS, Bounds, Target, bounded};
use proptest::prelude::*;

use super::mutation::hostile;
use crate::cases;

pub(super) fn feed(target: Target, bytes: &[u8]) {
    bounded(&String::from_utf8_lossy(bytes), target.bounds, || (target.feed)(bytes));
}

macro_rules! readers {
    ($($name:ident = $target:literal, $cases:literal;)*) => {$(
        proptest! {
            #![proptest_config(cases($cases))]
            #[test]
            fn $name(bytes in hostile((Target::named($target).seeds)())) {
                feed(Target::named($target), &bytes);
            }
        }
    )*};
}

readers! {
    a_record_of_any_bytes_is_read_or_passed_over = "record", 512;
    a_launch_note_of_any_bytes_is_read_or_passed_over = "launch_note", 512;
    a_suspicion_of_any_bytes_is_read_or_passed_over = "suspicion", 512;
    a_key_of_any_bytes_is_read_or_passed_over = "proof_key", 512;
    an_answer_of_any_bytes_proves_nothing_that_was_not_proven = "health_answer", 512;
    reports_do_not_depend_on_how_their_bytes_arrive = "readiness_message", 512;
    a_configuration_of_any_bytes_is_taken_or_refused_with_its_place = "configuration", 384;
    a_history_of_any_bytes_costs_its_events_and_nothing_else = "lifecycle_db", 96;
    what_a_crash_may_have_left_beside_a_history_costs_its_events_and_nothing_else = "lifecycle_journal", 96;
    observations_of_any_bytes_are_taken_or_refused = "observations", 256;
    a_challenge_of_any_bytes_is_hexadecimal_or_refused = "challenge", 256;
    a_token_file_of_any_bytes_stops_a_worker_if_it_is_its_bearer = "token", 128;
    nobody_passes_the_gate_who_does_not_say_the_bearer = "bearer", 256;
    requests_of_any_bytes_are_answered_or_not_and_leave_the_worker_serving = "request", 192;
    an_answer_of_any_bytes_is_no_proof_and_no_fault_of_this_side = "answer", 192;
}

/// As large as is read, and worst for a reader that looks back at its beginning for every value.
#[test]
fn a_configuration_that_is_one_long_list_is_read_in_time() {
    let bounds = Bounds { memory: 128 << 20, time: Duration::from_secs(10), ..BOUNDS };
    let target = Target::named("configuration");
    let mut lists = Vec::new();
    for item in ["\"A\",", "\"A\",\n"] {
        let mut text = "[env]\npass = [".to_owned();
        text.push_str(&item.repeat(((1 << 20) - 100) / item.len()));
        text.push_str("]\n");
        lists.push(text);
    }
    let mut text = "[env]\npass = [".to_owned();
    (0..100_000).for_each(|n| text.push_str(&format!("\"A{n}\",")));
    lists.push(text + "]\n");
    for text in lists {
        bounded(&&text[..100], bounds, || (target.feed)(text.as_bytes()));
    }
}

#[test]
fn a_configuration_that_is_too_large_costs_no_more_than_its_limit() {
    let text = format!("[env]\npass = [{}]\n", "\"A\",".repeat(2 << 20));
    let bounds = Bounds { memory: 4 << 20, ..BOUNDS };
    bounded(&&text[..100], bounds, || (Target::named("configuration").feed)(text.as_bytes()));
}
