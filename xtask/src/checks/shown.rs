//! Running programs whose output is shown as it comes.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::error::Error;
use crate::workspace;

/// What `cargo run` sets for this program and would change how the programs below it behave.
const NOT_HANDED_ON: [&str; 2] = ["CARGO", "LD_LIBRARY_PATH"];

/// A program, started in the workspace's directory: the pinned one of `ci/tools.sh` if there is one, otherwise that of `PATH`.
pub(super) fn program(name: &str) -> Command {
    let own = workspace::root().join("target/tools/bin").join(name);
    let mut command = Command::new(if own.is_file() { own } else { PathBuf::from(name) });
    for variable in NOT_HANDED_ON {
        command.env_remove(variable);
    }
    command.current_dir(workspace::root()).stdin(Stdio::null());
    command
}

/// Cargo.
pub(super) fn cargo() -> Command {
    program("cargo")
}

/// Whether a program can be started at all.
pub(super) fn exists(name: &str) -> bool {
    let probe = program(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    probe.is_ok()
}

/// Runs a program to its end.
pub(super) fn run(mut command: Command) -> Result<(), Error> {
    let status = command.status().map_err(missing(&command))?;
    if status.success() {
        return Ok(());
    }
    Err(Error::Failed { command: line(&command), status, said: "see above".to_owned() })
}

/// What a program prints. Its standard error is shown if it fails.
pub(super) fn output(mut command: Command) -> Result<String, Error> {
    let output = command.output().map_err(missing(&command))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(Error::Failed { command: line(&command), status: output.status, said })
}

fn missing(command: &Command) -> impl FnOnce(std::io::Error) -> Error {
    let program = command.get_program().to_string_lossy().into_owned();
    move |source| Error::Missing { program, source, advice: "install it, or run `bash ci/tools.sh`" }
}

/// As a person would type it.
fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}
