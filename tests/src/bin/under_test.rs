//! `oneworker`, with failpoints and sabotages.

use std::process::ExitCode;

fn main() -> ExitCode {
    oneworker_tests::failpoints::install();
    oneworker_tests::sabotages::install();
    oneworker::main()
}
