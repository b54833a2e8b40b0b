//! `oneworker`, as it is shipped.

use std::process::ExitCode;

fn main() -> ExitCode {
    oneworker::main()
}
