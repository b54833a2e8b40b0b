//! Asking before something is done that can't be undone. Only on a terminal: nobody else can answer.

use std::io::{BufRead, IsTerminal, Write};

use crate::output::Mode;

/// Whether somebody is there who reads what is shown and can answer.
pub(super) fn can_be_asked(mode: Mode) -> bool {
    mode == Mode::Human && std::io::stdin().is_terminal() && std::io::stdout().is_terminal()
}

/// Whether the answer is yes. Anything else is no.
pub(super) fn consent(question: &str) -> bool {
    let mut stderr = std::io::stderr().lock();
    // Who closes standard error sees no question, and may still answer.
    let _ = write!(stderr, "{question} [y/N] ");
    let _ = stderr.flush();
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
}
