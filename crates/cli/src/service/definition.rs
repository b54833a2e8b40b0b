//! A service: its name, and the command line that it runs.

use std::ffi::OsString;
use std::path::Path;

use crate::config::{Key, Settings, Source};

/// A worker that a service manager starts.
#[derive(Debug)]
pub(crate) struct Service {
    /// The identity's name.
    pub(super) name: String,
    /// The program and its arguments.
    pub(super) words: Vec<String>,
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

    /// The service of this name, as far as a file that is there is concerned.
    pub(crate) fn named(name: &str) -> Self {
        Self { name: name.to_owned(), words: Vec::new() }
    }
}

fn flag(name: &str, value: impl Into<OsString>) -> OsString {
    let mut word = OsString::from(name);
    word.push("=");
    word.push(value.into());
    word
}

#[cfg(test)]
pub(super) mod samples {
    use super::*;
    use crate::config::FileChoice;

    /// The service of these flags.
    pub(in super::super) fn service(flags: &[(Key, &str)]) -> Service {
        let dir = std::env::temp_dir().join("oneworker service test");
        let mut flags: Vec<_> = flags.iter().map(|(key, text)| (*key, OsString::from(text))).collect();
        flags.push((Key::StateDir, dir.into()));
        let settings = Settings::resolve(&flags, &FileChoice::None, &|_| None).unwrap();
        Service::new(Path::new("/opt/a b/oneworker"), &settings, true).unwrap()
    }
}

#[cfg(test)]
mod tests;
