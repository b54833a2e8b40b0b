//! The one module that writes: results to standard output, everything else to standard error.
//!
//! A caller that reads one line and goes away is no failure: the work was done, so a closed pipe is passed over. Whatever comes
//! from other programs (their names, their logs) is made printable first, so that it can't command the terminal.

use std::fmt::Write as _;
use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Map, Value};

use crate::failure::Failure;

/// How the result is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// For people and shells.
    Human,
    /// One JSON object.
    Json,
    /// Not at all.
    Quiet,
}

/// The version of every JSON object that this program prints. Fields are added under the same number.
pub(crate) const SCHEMA: u32 = 1;

/// Writes a result, with a line end: `json` or `human` as the mode says.
///
/// # Errors
/// If it can't be written, for another reason than that nobody reads it.
pub(crate) fn result(mode: Mode, human: &str, json: &impl Serialize) -> Result<(), Failure> {
    let text = match mode {
        Mode::Quiet => return Ok(()),
        Mode::Human => format!("{human}\n"),
        // Maps with keys other than text are all that can't be JSON; there are none.
        Mode::Json => serde_json::to_string(json).unwrap_or_default() + "\n",
    };
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::io("the result can't be written to standard output", &error))
        }
        _ => Ok(()),
    }
}

/// Whether somebody may still read the results: so that a command that goes on for ever ends with its reader.
pub(crate) fn is_read() -> bool {
    !matches!(io::stdout().lock().flush(), Err(error) if error.kind() == io::ErrorKind::BrokenPipe)
        && !reader_has_gone()
}

/// A pipe whose reader has gone is in error, without a byte being written (`poll(2)`).
#[cfg(unix)]
fn reader_has_gone() -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let stdout = io::stdout();
    let mut watched = [PollFd::new(&stdout, PollFlags::empty())];
    let none = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut watched, Some(&none)).is_ok()
        && watched[0].revents().intersects(PollFlags::ERR | PollFlags::HUP)
}

#[cfg(not(unix))]
fn reader_has_gone() -> bool {
    false
}

/// Says something beside the result.
pub(crate) fn note(text: &str) {
    // Who closes standard error does not want to know.
    let _ = writeln!(io::stderr().lock(), "oneworker: {}", printable(text));
}

/// Warns.
pub(crate) fn warnings(warnings: &[String]) {
    for warning in warnings {
        note(&format!("warning: {warning}"));
    }
}

/// Says why a command failed: in words on standard error, with `--json` also as an object on standard output.
pub(crate) fn failure(mode: Mode, failure: &Failure) {
    let _ = io::stderr().lock().write_all(failure_text(failure).as_bytes());
    if mode == Mode::Json {
        failure_object(failure);
    }
}

/// What `--json` prints of this, for those who put it somewhere else.
pub(crate) fn value(json: &impl Serialize) -> Value {
    // As above: there is nothing here that can't be JSON.
    serde_json::to_value(json).unwrap_or_default()
}

/// The object of a failure.
pub(crate) fn failure_value(failure: &Failure) -> Value {
    value(&FailureObject::new(failure))
}

/// The object alone.
pub(crate) fn failure_object(failure: &Failure) {
    // There is nothing left to be done about a failure that nobody can be told of.
    let _ = result(Mode::Json, "", &FailureObject::new(failure));
}

fn failure_text(failure: &Failure) -> String {
    let mut text = format!(
        "oneworker: {}\n  {} [{}]\n",
        printable(&failure.message),
        printable(&failure.help),
        failure.code
    );
    if let Some(tail) = &failure.log_tail {
        text.push_str("  The end of the worker's log:\n");
        for line in tail.lines() {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "    {}", printable(line));
        }
    }
    text
}

/// The shape of a failure in JSON.
#[derive(Serialize)]
struct FailureObject<'a> {
    schema: u32,
    error: ErrorObject<'a>,
}

#[derive(Serialize)]
struct ErrorObject<'a> {
    code: &'a str,
    message: &'a str,
    help: &'a str,
    #[serde(flatten)]
    fields: &'a Map<String, Value>,
}

impl<'a> FailureObject<'a> {
    fn new(failure: &'a Failure) -> Self {
        let Failure { code, message, help, fields, .. } = failure;
        Self { schema: SCHEMA, error: ErrorObject { code, message, help, fields } }
    }
}

/// The text without what commands a terminal; tabs and line ends stay.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && !matches!(c, '\t' | '\n') { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sample() -> Failure {
        let mut failure =
            Failure::plain("port_taken", "port 1 is held by a\u{1b}[2J".into(), "Stop it.".into());
        failure.fields.insert("port".into(), json!(1));
        failure.log_tail = Some("one\ntwo\u{7}\n".into());
        failure
    }

    #[test]
    fn a_failure_in_words_ends_with_its_code_and_the_log_and_commands_no_terminal() {
        assert_eq!(
            failure_text(&sample()),
            "oneworker: port 1 is held by a\u{fffd}[2J\n  Stop it. [port_taken]\n  The end of the worker's log:\n    one\n    two\u{fffd}\n"
        );
    }

    #[test]
    fn a_failure_in_json_has_code_message_help_and_its_fields() {
        let object = serde_json::to_string(&FailureObject::new(&sample())).unwrap();
        assert_eq!(
            object,
            r#"{"schema":1,"error":{"code":"port_taken","message":"port 1 is held by a\u001b[2J","help":"Stop it.","port":1}}"#
        );
    }

    #[test]
    fn every_error_of_the_coordinator_makes_a_whole_object() {
        for error in crate::fields::samples() {
            let fields = crate::fields::of(&error);
            let failure =
                Failure { fields, ..Failure::plain(error.code(), error.to_string(), "Help.".into()) };
            let object = serde_json::to_value(FailureObject::new(&failure)).unwrap();
            assert_eq!(object["schema"], 1);
            assert_eq!(object["error"]["code"], error.code());
            for name in ["message", "help"] {
                assert!(
                    object["error"][name].as_str().is_some_and(|text| !text.is_empty()),
                    "{}",
                    error.code()
                );
            }
        }
    }
}
