#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| oneworker_fuzz::feed("observations", bytes));
