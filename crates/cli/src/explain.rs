//! What to do about each failure: the help of the table of errors, with its words filled in.

use coordinator::machine::{Activity, LaunchError};
use coordinator::{EnsureError, TenureError, WorkerId};
use serde_json::Value;
use worker::ServeError;

use crate::config::{ConfigError, Settings, Source};
use crate::errors::{self, USUAL};
use crate::fields::{self, Facts};

/// Commands that the reader can copy: they carry the flags that name the identity, if this call had them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Words {
    identity: String,
}

impl Words {
    /// Words for a call with these settings.
    pub(crate) fn new(settings: &Settings) -> Self {
        let mut identity = String::new();
        for (source, value) in [
            (&settings.name.source, settings.name.value.to_string()),
            (&settings.state_dir.source, settings.state_dir.value.to_string_lossy().into_owned()),
        ] {
            if let Source::Flag { flag } = source {
                identity.push_str(&format!(" {flag} {}", quoted(&value)));
            }
        }
        if let Some((located, true)) = &settings.file
            && located.named_by == Some("--config")
        {
            identity.push_str(&format!(" --config {}", quoted(&located.path.to_string_lossy())));
        }
        Self { identity }
    }

    /// A command of this program for the same identity, in backquotes.
    pub(crate) fn command(&self, command: &str) -> String {
        format!("`oneworker {command}{}`", self.identity)
    }
}

/// As a shell takes it in one piece.
pub(crate) fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,\\".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

/// What to do when there is no worker.
pub(crate) fn ensure(error: &EnsureError, words: &Words, id: &WorkerId) -> String {
    let mut facts = fields::facts(error);
    facts.insert("log".to_owned(), id.log_file().to_string_lossy().into());
    facts.insert("elsewhere".to_owned(), words.command("ensure --port auto").into());
    let (code, cause) = match error {
        EnsureError::Unresponsive { activity: Activity::Stopped, .. } => (error.code(), "stopped"),
        EnsureError::LockLeaked { pids, .. } if pids.is_empty() => (error.code(), "unseen"),
        EnsureError::PortTaken { program, .. } => (error.code(), holder(program.as_deref())),
        EnsureError::CannotLaunch(LaunchError::Program { .. }) => (error.code(), "program"),
        EnsureError::CannotLaunch(LaunchError::NoProcess { .. }) => (error.code(), "no_process"),
        EnsureError::CannotLaunch(LaunchError::Log { .. }) => (error.code(), "log"),
        EnsureError::WorkerFailed { worker_code, .. } if worker_code.starts_with("database_") => {
            return data(worker_code, words);
        }
        _ => (error.code(), USUAL),
    };
    help(code, cause, &facts, words).unwrap_or_else(|| {
        format!("{} and {} may tell more.", words.command("status"), words.command("logs"))
    })
}

/// What to do when this process can't be the worker.
pub(crate) fn serve(error: &ServeError, words: &Words) -> String {
    let mut facts = fields::facts_of_serve(error);
    facts.insert("elsewhere".to_owned(), words.command("serve --port auto").into());
    let cause = match error {
        ServeError::Tenure(TenureError::Unusable { code, .. }) => return data(code, words),
        ServeError::Tenure(TenureError::LockLeaked { pids, .. }) if pids.is_empty() => "unseen",
        ServeError::Tenure(TenureError::PortTaken { program, .. }) => holder(program.as_deref()),
        _ => USUAL,
    };
    help(error.code(), cause, &facts, words).unwrap_or_else(|| errors::LIMITS.to_owned())
}

/// A socket unit holds the port in the name of systemd.
fn holder(program: Option<&str>) -> &'static str {
    if program == Some("systemd") { "systemd" } else { USUAL }
}

/// What to do about data that was not written or found.
pub(crate) fn data(code: &str, words: &Words) -> String {
    let cause = if code == "io" { "copy" } else { USUAL };
    help(code, cause, &Facts::new(), words)
        .unwrap_or_else(|| format!("{} may tell more.", words.command("logs")))
}

/// What to do about settings that make no sense.
pub(crate) fn config(error: &ConfigError) -> &'static str {
    plain(
        "usage",
        match error {
            ConfigError::UnknownKey { .. } | ConfigError::Syntax { .. } => "text",
            ConfigError::BadValue { .. } | ConfigError::Request(_) => "value",
            ConfigError::Unreadable { .. } | ConfigError::TooLarge { .. } | ConfigError::Missing { .. } => {
                "file"
            }
            ConfigError::RelativeFile(_) => "relative_file",
            ConfigError::NoStateDir(_) => "no_state_dir",
            ConfigError::Program(_) => "program",
        },
    )
}

/// The help of an error, where it names no facts and no commands.
pub(crate) fn plain(code: &str, cause: &str) -> &'static str {
    errors::of(code).and_then(|kind| kind.help_for(cause)).unwrap_or_default()
}

/// The help of the table, with the facts and commands that it names filled in. `None` if there is
/// none, or if it names a fact that is not known.
fn help(code: &str, cause: &str, facts: &Facts, words: &Words) -> Option<String> {
    let mut rest = errors::of(code)?.help_for(cause)?;
    let mut text = String::new();
    while let Some((before, from)) = rest.split_once('{') {
        let (name, after) = from.split_once('}')?;
        text.push_str(before);
        match name.strip_prefix("oneworker ") {
            Some(command) => text.push_str(&words.command(command)),
            None => text.push_str(&in_words(facts.get(name)?)),
        }
        rest = after;
    }
    text.push_str(rest);
    Some(text)
}

fn in_words(fact: &Value) -> String {
    match fact {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(in_words).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_names_a_command_or_an_action() {
        let id = WorkerId::builder().state_dir(std::env::temp_dir()).build().unwrap();
        for error in crate::fields::samples() {
            let help = ensure(&error, &Words::default(), &id);
            assert!(help.ends_with('.') && help.len() > 20, "{}: {help}", error.code());
            assert!(!help.contains("may tell more"), "{} has no text of its own", error.code());
        }
    }

    #[test]
    fn commands_carry_the_identity_in_a_form_that_a_shell_takes() {
        let words = Words { identity: format!(" --name a --state-dir {}", quoted("/it's here")) };
        assert_eq!(words.command("stop"), "`oneworker stop --name a --state-dir '/it'\\''s here'`");
    }
}
