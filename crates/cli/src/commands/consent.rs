//! Asking before a file of the user's is written: the one place where a command asks anything.

use std::io::{self, BufRead, IsTerminal, Write};

use crate::args::Consent;
use crate::failure::Failure;
use crate::output::{self, Mode};

/// Shows what would change, and returns if it may.
///
/// # Errors
/// If the user says no, or can't be asked.
pub(super) fn obtain(consent: &Consent, mode: Mode, change: &str) -> Result<(), Failure> {
    if mode == Mode::Human {
        output::result(mode, &output::printable(change.trim_end()), &())?;
    }
    if consent.yes {
        return Ok(());
    }
    let (stdin, mut stderr) = (io::stdin(), io::stderr());
    if mode != Mode::Human || !stdin.is_terminal() || !stderr.is_terminal() {
        let message = "nothing was written: nobody can be asked; add --yes to write it, --dry-run to see it";
        return Err(Failure::usage(message.to_owned()));
    }
    let mut answer = String::new();
    let asked = write!(stderr, "Write this? [y/N] ").and_then(|()| stderr.flush());
    asked
        .and_then(|()| stdin.lock().read_line(&mut answer))
        .map_err(|error| Failure::io("the answer can't be read", &error))?;
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Failure::usage("nothing was written".to_owned())),
    }
}
