//! The `oneworker` program; everything is in the library, so that a test's own binary can be the same program.

fn main() -> std::process::ExitCode {
    oneworker::main()
}
