//! The sources of values, in their order of precedence: flags, environment, file.

use std::collections::HashSet;
use std::ffi::OsString;
use std::time::Duration;

use worker::{ChildSpec, Plan, ServeOptions};

use super::environment::{Environment, set};
use super::error::ConfigError;
use super::file::ConfigFile;
use super::key::Key;
use super::kind::{self, Kind};
use super::source::{Setting, Source};

/// Where values come from.
pub(crate) struct Layers<'a> {
    pub(super) flags: &'a [(Key, OsString)],
    pub(super) environment: Environment<'a>,
    pub(super) file: Option<&'a ConfigFile>,
}

impl Layers<'_> {
    /// The value of the strongest source, or else the default.
    pub(super) fn pick<T>(
        &self,
        key: Key,
        kind: &Kind<T>,
        default: impl FnOnce() -> Result<T, ConfigError>,
    ) -> Result<Setting<T>, ConfigError> {
        let given = self
            .flags(key)
            .next()
            .or_else(|| self.variable(key))
            .or_else(|| self.file.and_then(|file| file.values(key).next().cloned()));
        match given {
            Some(raw) => typed(key, kind, raw),
            None => Ok(Setting { value: default()?, source: Source::Default }),
        }
    }

    /// The values of all sources, each once: no source replaces what another names.
    pub(super) fn all(
        &self,
        key: Key,
        kind: &Kind<String>,
        default: impl FnOnce() -> Result<Vec<String>, ConfigError>,
    ) -> Result<Vec<Setting<String>>, ConfigError> {
        let mut raw: Vec<Setting<OsString>> = self.flags(key).collect();
        if let Some(list) = self.variable(key) {
            let text = list.value.to_string_lossy();
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            raw.extend(items.map(|item| Setting { value: item.into(), source: list.source.clone() }));
        }
        raw.extend(self.file.into_iter().flat_map(|file| file.values(key).cloned()));
        let mut known = HashSet::new();
        let mut items = Vec::new();
        for item in raw {
            let item = typed(key, kind, item)?;
            if known.insert(item.value.clone()) {
                items.push(item);
            }
        }
        let default = if items.is_empty() { default()? } else { Vec::new() };
        items.extend(default.into_iter().map(|value| Setting { value, source: Source::Default }));
        Ok(items)
    }

    /// The plan. The words after `--` take the place of its command's, and the command gets the
    /// variables that the session passes on.
    pub(super) fn plan(
        &self,
        key: Key,
        kind: &Kind<Plan>,
        default: impl FnOnce() -> Result<Plan, ConfigError>,
    ) -> Result<Setting<Plan>, ConfigError> {
        let mut plan = self.pick(key, kind, default)?;
        let words: Result<Vec<_>, _> =
            self.flags(Key::Command).map(|word| typed(Key::Command, &kind::WORD, word)).collect();
        let words = words?;
        if let Some(first) = words.first() {
            plan.source = first.source.clone();
            let command = words.into_iter().map(|word| word.value).collect();
            plan.value.command = Some(match plan.value.command.take() {
                Some(part) => ChildSpec { command, ..part },
                None => ChildSpec::of_command(command),
            });
        }
        if let Err(wrong) = plan.value.check() {
            return Err(ConfigError::BadValue { key: key.path().to_owned(), origin: plan.source, wrong });
        }
        if let Some(command) = &mut plan.value.command {
            // What a session passes on is for what serves it; helpers get what they name themselves.
            let passed = self.all(Key::EnvPass, &kind::VARIABLE, || Ok(Vec::new()))?;
            let named = |name: &String| !command.env.pass.contains(name);
            let more: Vec<_> = passed.into_iter().map(|item| item.value).filter(named).collect();
            command.env.pass.extend(more);
        }
        Ok(plan)
    }

    /// A command is used without the worker's knowledge, so the worker cannot tell whether it is
    /// still needed.
    pub(super) fn idle_timeout(&self) -> Result<Duration, ConfigError> {
        let plan = self.plan(Key::Plan, &kind::PLAN, || Ok(Plan::default()))?;
        let supervises = plan.value.command.is_some();
        Ok(if supervises { Duration::ZERO } else { ServeOptions::default().idle_timeout })
    }

    fn flags(&self, key: Key) -> impl Iterator<Item = Setting<OsString>> {
        self.flags
            .iter()
            .filter(move |(of, _)| *of == key)
            .map(move |(_, raw)| Setting { value: raw.clone(), source: Source::Flag { flag: key.flag() } })
    }

    fn variable(&self, key: Key) -> Option<Setting<OsString>> {
        let variable = key.variable();
        set(self.environment, variable)
            .map(|value| Setting { value, source: Source::Environment { variable } })
    }
}

fn typed<T>(key: Key, kind: &Kind<T>, raw: Setting<OsString>) -> Result<Setting<T>, ConfigError> {
    match (kind.parse)(&raw.value) {
        Ok(value) => Ok(Setting { value, source: raw.source }),
        Err(wrong) => Err(ConfigError::BadValue { key: key.path().to_owned(), origin: raw.source, wrong }),
    }
}
