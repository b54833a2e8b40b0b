#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| oneworker_fuzz::feed("readiness_message", bytes));
