use std::collections::HashSet;

use super::*;
use crate::exit::OTHER;

#[test]
fn codes_and_numbers_are_unique_and_below_those_of_shells() {
    let codes: HashSet<_> = TABLE.iter().map(|kind| kind.code).collect();
    let numbers: HashSet<_> = TABLE.iter().map(|kind| kind.exit.0).collect();
    assert_eq!((codes.len(), numbers.len()), (TABLE.len(), TABLE.len()));
    assert!(numbers.iter().all(|number| (2..126).contains(number)));
    assert!(TABLE.is_sorted_by_key(|kind| kind.exit.0));
}

#[test]
fn every_error_of_the_coordinator_is_in_the_table() {
    for error in crate::fields::samples() {
        assert_ne!(exit_of(error.code()), OTHER, "{}", error.code());
    }
}

#[test]
fn every_error_knows_the_facts_that_are_its_fields() {
    for error in crate::fields::samples() {
        let facts = crate::fields::facts(&error);
        for field in of(error.code()).unwrap().fields {
            assert!(facts.contains_key(*field), "{}: {field}", error.code());
        }
    }
}

#[test]
fn causes_are_named_once() {
    for kind in TABLE {
        let causes: HashSet<_> = kind.help.iter().map(|(cause, _)| cause).collect();
        assert_eq!(causes.len(), kind.help.len(), "{}", kind.code);
    }
}

#[test]
fn an_unknown_code_still_fails() {
    assert_eq!(exit_of("something_new"), exit::OTHER);
}

#[test]
fn the_numbers_with_names_are_those_of_the_table() {
    assert_eq!((exit_of("usage"), exit_of("not_running")), (exit::USAGE, exit::NOT_RUNNING));
}
