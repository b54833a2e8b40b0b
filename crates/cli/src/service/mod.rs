//! The worker as a service of the system: what each service manager reads, and where from.
//!
//! Such a worker takes office by the same lock as every other, and one that loses stands by (systemd) or ends with success (elsewhere). A
//! session that has to start one asks systemd to do it, if a unit of the identity is enabled; see [`coordinator::system::systemd`].

mod launchd;
mod scheduler;
mod systemd;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use coordinator::Port;

use crate::config::{Key, Settings, Source};

/// A service manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// systemd's user manager
    Systemd,
    /// launchd, as an agent
    Launchd,
    /// The task scheduler of Windows
    Schtasks,
}

impl Kind {
    /// This system's own.
    pub(crate) fn here() -> Self {
        match std::env::consts::OS {
            "macos" => Self::Launchd,
            "windows" => Self::Schtasks,
            _ => Self::Systemd,
        }
    }
}

/// A worker that a service manager starts.
#[derive(Debug)]
pub(crate) struct Service {
    /// The identity's name.
    name: String,
    /// The program and its arguments.
    words: Vec<String>,
}

impl Service {
    /// What is started.
    pub(crate) fn starts(&self) -> &Path {
        Path::new(&self.words[0])
    }

    /// The worker of these settings. What flags and variables say is written down, since a service has neither; what the configuration
    /// file says is read when the worker starts. It stays when nobody needs it, unless somebody said otherwise.
    ///
    /// # Errors
    /// In words, if a path is not UTF-8, which no service manager takes.
    pub(crate) fn new(program: &Path, settings: &Settings, no_config: bool) -> Result<Self, String> {
        let mut words: Vec<OsString> = vec![program.into(), "serve".into(), "--foreground".into()];
        match &settings.file {
            _ if no_config => words.push("--no-config".into()),
            Some((located, _)) if located.named_by.is_some() => {
                words.push(flag(
                    "--config",
                    std::path::absolute(&located.path).unwrap_or_else(|_| located.path.clone()),
                ));
            }
            _ => {}
        }
        for entry in settings.entries() {
            let identity = matches!(entry.key, Key::Name | Key::StateDir);
            let said = matches!(entry.source, Source::Flag { .. } | Source::Environment { .. });
            // What a worker passes on is decided by its environment.
            if entry.key != Key::EnvPass && (identity || said) {
                words.push(flag(entry.key.flag(), entry.text));
            } else if entry.key == Key::IdleTimeout && *entry.source == Source::Default {
                words.push(flag(entry.key.flag(), "0"));
            }
        }
        let text = |word: OsString| {
            word.into_string()
                .map_err(|word| format!("{} is not UTF-8, which a service can't have", word.display()))
        };
        let words = words.into_iter().map(text).collect::<Result<_, _>>()?;
        Ok(Self { name: settings.name.value.as_str().to_owned(), words })
    }

    /// What the manager reads.
    pub(crate) fn text(&self, kind: Kind) -> String {
        match kind {
            Kind::Systemd => systemd::text(self),
            Kind::Launchd => launchd::text(self),
            Kind::Schtasks => scheduler::text(self),
        }
    }

    /// The file that it reads it from; `None` if the environment names no home.
    pub(crate) fn path(&self, kind: Kind, environment: &dyn Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
        let set = |variable: &str| environment(variable).map(PathBuf::from).filter(|path| path.is_absolute());
        match kind {
            Kind::Systemd => coordinator::system::systemd::unit_path(&self.name, environment),
            Kind::Launchd => launchd::path(self, &set),
            Kind::Schtasks => scheduler::path(self, &set),
        }
    }

    /// What systemd reads of the socket that it opens at this port in the worker's place, and where from. No other manager has the like.
    pub(crate) fn socket_text(&self, port: Port) -> String {
        systemd::socket_text(self, port)
    }

    /// The file that it reads that from.
    pub(crate) fn socket_path(&self, environment: &dyn Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
        systemd::socket_path(self, environment)
    }

    /// Whether systemd starts the unit at this path, or listens for it.
    pub(crate) fn is_enabled(&self, path: &Path) -> bool {
        coordinator::system::systemd::is_enabled(&self.name, path)
    }

    /// The program that an installed file names, if it is understood.
    pub(crate) fn program(kind: Kind, text: &str) -> Option<PathBuf> {
        match kind {
            Kind::Systemd => {
                coordinator::system::systemd::command_words(text)?.into_iter().next().map(PathBuf::from)
            }
            Kind::Launchd => between(text, "<array>", "</array>").and_then(|words| element(words, "string")),
            Kind::Schtasks => element(text, "Command"),
        }
    }

    /// The service of this name, as far as a file that is there is concerned.
    pub(crate) fn named(name: &str) -> Self {
        Self { name: name.to_owned(), words: Vec::new() }
    }

    /// The command that makes the manager start it, now and from then on.
    pub(crate) fn enable(&self, kind: Kind, path: &Path, by_socket: bool) -> String {
        match kind {
            Kind::Systemd => systemd::enable(self, by_socket),
            Kind::Launchd => launchd::enable(path),
            Kind::Schtasks => scheduler::enable(self, path),
        }
    }

    /// The command that makes it forget the service.
    pub(crate) fn disable(&self, kind: Kind, by_socket: bool) -> String {
        match kind {
            Kind::Systemd => systemd::disable(self, by_socket),
            Kind::Launchd => launchd::disable(self),
            Kind::Schtasks => scheduler::disable(self),
        }
    }
}

fn flag(name: &str, value: impl Into<OsString>) -> OsString {
    let mut word = OsString::from(name);
    word.push("=");
    word.push(value.into());
    word
}

fn between<'t>(text: &'t str, open: &str, close: &str) -> Option<&'t str> {
    Some(text.split_once(open)?.1.split_once(close)?.0)
}

/// The text of the first element of this name, as a path.
fn element(text: &str, name: &str) -> Option<PathBuf> {
    let found = between(text, &format!("<{name}>"), &format!("</{name}>"))?;
    let plain = found.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
    Some(plain.into())
}

/// Text as XML has it.
fn xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests;
