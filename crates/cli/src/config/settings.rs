//! The settings of one call, made from the rows of [`table`](super::table).

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use coordinator::{Backoff, EnsureRequest, Name, PortChoice, UpgradeLimits, UpgradePolicy};
use worker::{LogLevel, Plan, ServeOptions};

use super::environment::Environment;
use super::error::ConfigError;
use super::key::Key;
use super::kind::{self, Kind};
use super::layers::Layers;
use super::locate::{FileChoice, Located, locate};
use super::source::{Setting, Source};
use super::table::with_rows;
use crate::census::Strays;

macro_rules! settings {
    ($layers:ident; $(
        $(#[$doc:meta])*
        $key:ident $field:ident: $type:ty = $method:ident($kind:ident, $default:expr $(, $words:literal)?)
        { $($rest:tt)* }
    )*) => {
        /// Everything that can be set.
        #[derive(Clone, Debug)]
        pub(crate) struct Settings {
            $($(#[$doc])* pub(crate) $field: $type,)*
            /// The file that was looked for, and whether there was one.
            pub(crate) file: Option<(Located, bool)>,
        }

        impl Settings {
            fn of($layers: &Layers<'_>, file: Option<(Located, bool)>) -> Result<Self, ConfigError> {
                $(let $field = $layers.$method(Key::$key, &kind::$kind, || Ok($default))?;)*
                Ok(Self { $($field,)* file })
            }

            /// The settings one by one, a list as one entry for each item.
            pub(crate) fn entries(&self) -> Vec<Entry<'_>> {
                let mut entries = Vec::new();
                $(show(&mut entries, Key::$key, &kind::$kind, self.$field.as_ref());)*
                entries
            }
        }
    };
}

with_rows!(settings);

/// A setting as it is shown and passed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    /// Which one.
    pub(crate) key: Key,
    /// Its value, as a flag would give it.
    pub(crate) text: OsString,
    /// Where it comes from.
    pub(crate) source: &'a Source,
}

impl Settings {
    /// Puts the sources in their order of precedence.
    ///
    /// # Errors
    /// If a value does not fit, the file can't be read, or no state directory can be derived.
    pub(crate) fn resolve(
        flags: &[(Key, OsString)],
        choice: &FileChoice,
        environment: Environment<'_>,
    ) -> Result<Self, ConfigError> {
        let located = locate(choice, environment)?;
        let file = located.as_ref().map(Located::read).transpose()?.flatten();
        let layers = Layers { flags, environment, file: file.as_ref() };
        Self::of(&layers, located.map(|located| (located, file.is_some())))
    }
}

fn show<'a, T>(entries: &mut Vec<Entry<'a>>, key: Key, kind: &Kind<T>, settings: &'a [Setting<T>]) {
    let shown = settings.iter().map(|setting| (&setting.source, (kind.print)(&setting.value)));
    // A value that says nothing is not shown.
    let shown = shown.filter(|(_, text)| !text.is_empty());
    entries.extend(shown.map(|(source, text)| Entry { key, text, source }));
}

#[cfg(test)]
mod tests;
