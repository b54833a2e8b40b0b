//! `oneworker`, with failpoints compiled in.

use std::process::ExitCode;

fn main() -> ExitCode {
    oneworker_tests::failpoints::install();
    oneworker::main()
}
