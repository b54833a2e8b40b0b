//! The settings of one call, each with its source.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use coordinator::{Backoff, Name, PortChoice, UpgradeLimits, UpgradePolicy, WorkerSpec};
use worker::{ChildSpec, LogLevel, Plan, ServeOptions};

use super::value::{self, Wrong};
use super::{
    ConfigError, ConfigFile, Environment, FileChoice, Key, Located, Setting, Source, Strays, locate, set,
};

/// Everything that can be set.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) name: Setting<Name>,
    pub(crate) port: Setting<PortChoice>,
    pub(crate) state_dir: Setting<PathBuf>,
    pub(crate) deadline: Setting<Duration>,
    pub(crate) hang_limit: Setting<Duration>,
    pub(crate) backoff_free: Setting<u32>,
    pub(crate) backoff_base: Setting<Duration>,
    pub(crate) backoff_max: Setting<Duration>,
    pub(crate) backoff_stable_after: Setting<Duration>,
    pub(crate) upgrade: Setting<UpgradePolicy>,
    pub(crate) upgrade_per_hour: Setting<u32>,
    pub(crate) upgrade_probation: Setting<Duration>,
    pub(crate) upgrade_failures: Setting<u32>,
    pub(crate) drain: Setting<Duration>,
    pub(crate) watchdog: Setting<Duration>,
    pub(crate) idle_timeout: Setting<Duration>,
    pub(crate) database: Setting<PathBuf>,
    pub(crate) keep_for: Setting<Duration>,
    pub(crate) keep_bytes: Setting<u64>,
    /// Whether a commit waits for the disk.
    pub(crate) synchronous: Setting<bool>,
    pub(crate) log_max_bytes: Setting<u64>,
    pub(crate) log_keep: Setting<u32>,
    pub(crate) log_level: Setting<LogLevel>,
    /// Variables that the worker gets, besides those that it always gets: those of all sources.
    pub(crate) env_pass: Vec<Setting<String>>,
    /// What is started in the worker's place and beside it.
    pub(crate) plan: Setting<Plan>,
    /// Which processes look like the worker's program.
    pub(crate) strays: Setting<Strays>,
    /// The file that was looked for, and whether there was one.
    pub(crate) file: Option<(Located, bool)>,
}

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
        let (backoff, upgrades, serve) =
            (Backoff::default(), UpgradeLimits::default(), ServeOptions::default());
        let name = layers.pick(Key::Name, value::name, Name::default())?;
        let state_dir = match layers.given(Key::StateDir, value::directory)? {
            Some(dir) => dir,
            None => Setting { value: coordinator::default_state_dir(&name.value)?, source: Source::Default },
        };
        let hang_limit = layers.pick(Key::HangLimit, value::duration, WorkerSpec::DEFAULT_HANG_LIMIT)?;
        // A worker that is stuck for so long would be replaced anyway, but only if a session comes.
        let watchdog = layers.pick(Key::Watchdog, value::positive, hang_limit.value)?;
        let database = state_dir.value.join(coordinator::layout::WORKER_DB);
        let database = layers.pick(Key::Database, value::file, database)?;
        let env_pass = layers.env_pass()?;
        let mut plan = layers.plan()?;
        if let Some(command) = &mut plan.value.command {
            // What a session passes on is for what serves it; helpers get what they name themselves.
            let named = |name: &String| !command.env.pass.contains(name);
            let more: Vec<_> = env_pass.iter().map(|item| item.value.clone()).filter(named).collect();
            command.env.pass.extend(more);
        }
        // Whoever asks a command for something does so without the worker's knowledge: it can't tell whether anybody needs it.
        let idle_timeout = if plan.value.command.is_some() { Duration::ZERO } else { serve.idle_timeout };
        Ok(Self {
            name,
            state_dir,
            database,
            plan,
            idle_timeout: layers.pick(Key::IdleTimeout, value::idle_timeout, idle_timeout)?,
            keep_for: layers.pick(Key::KeepFor, value::duration, serve.keep_for)?,
            keep_bytes: layers.pick(Key::KeepBytes, value::bytes, serve.keep_bytes)?,
            synchronous: layers.pick(Key::Synchronous, value::synchronous, serve.synced)?,
            hang_limit,
            watchdog,
            port: layers.pick(Key::Port, value::port, PortChoice::default())?,
            deadline: layers.pick(Key::Deadline, value::duration, WorkerSpec::DEFAULT_DEADLINE)?,
            backoff_free: layers.pick(Key::BackoffFree, value::count, backoff.free)?,
            backoff_base: layers.pick(Key::BackoffBase, value::duration, backoff.base)?,
            backoff_max: layers.pick(Key::BackoffMax, value::duration, backoff.max)?,
            backoff_stable_after: layers.pick(
                Key::BackoffStableAfter,
                value::duration,
                backoff.stable_after,
            )?,
            upgrade: layers.pick(Key::Upgrade, value::upgrade, UpgradePolicy::default())?,
            upgrade_per_hour: layers.pick(Key::UpgradePerHour, value::count, upgrades.per_hour)?,
            upgrade_probation: layers.pick(Key::UpgradeProbation, value::duration, upgrades.probation)?,
            upgrade_failures: layers.pick(Key::UpgradeFailures, value::count, upgrades.failures)?,
            drain: layers.pick(Key::Drain, value::duration, serve.drain)?,
            log_max_bytes: layers.pick(Key::LogMaxBytes, value::bytes, serve.log_max_bytes)?,
            log_keep: layers.pick(Key::LogKeep, value::count, serve.log_keep)?,
            log_level: layers.pick(Key::LogLevel, value::log_level, LogLevel::default())?,
            env_pass,
            strays: layers.pick(Key::Strays, value::strays, Strays::default())?,
            file: located.map(|located| (located, file.is_some())),
        })
    }

    /// The settings one by one, a list as one entry for each item.
    pub(crate) fn entries(&self) -> Vec<Entry<'_>> {
        fn entry<'a, T>(key: Key, setting: &'a Setting<T>, text: impl Into<OsString>) -> Entry<'a> {
            Entry { key, text: text.into(), source: &setting.source }
        }
        fn time(key: Key, setting: &Setting<Duration>) -> Entry<'_> {
            entry(key, setting, humantime::format_duration(setting.value).to_string())
        }
        let mut entries = vec![
            entry(Key::Name, &self.name, self.name.value.as_str()),
            entry(Key::Port, &self.port, self.port.value.to_string()),
            entry(Key::StateDir, &self.state_dir, self.state_dir.value.as_os_str()),
            time(Key::Deadline, &self.deadline),
            time(Key::HangLimit, &self.hang_limit),
            entry(Key::BackoffFree, &self.backoff_free, self.backoff_free.value.to_string()),
            time(Key::BackoffBase, &self.backoff_base),
            time(Key::BackoffMax, &self.backoff_max),
            time(Key::BackoffStableAfter, &self.backoff_stable_after),
            entry(Key::Upgrade, &self.upgrade, self.upgrade.value.as_str()),
            entry(Key::UpgradePerHour, &self.upgrade_per_hour, self.upgrade_per_hour.value.to_string()),
            time(Key::UpgradeProbation, &self.upgrade_probation),
            entry(Key::UpgradeFailures, &self.upgrade_failures, self.upgrade_failures.value.to_string()),
            time(Key::Drain, &self.drain),
            time(Key::Watchdog, &self.watchdog),
            time(Key::IdleTimeout, &self.idle_timeout),
            entry(Key::Database, &self.database, self.database.value.as_os_str()),
            time(Key::KeepFor, &self.keep_for),
            entry(Key::KeepBytes, &self.keep_bytes, self.keep_bytes.value.to_string()),
            entry(
                Key::Synchronous,
                &self.synchronous,
                if self.synchronous.value { "full" } else { "normal" },
            ),
            entry(Key::LogMaxBytes, &self.log_max_bytes, self.log_max_bytes.value.to_string()),
            entry(Key::LogKeep, &self.log_keep, self.log_keep.value.to_string()),
            entry(Key::LogLevel, &self.log_level, self.log_level.value.as_str()),
        ];
        if !self.plan.value.is_empty() {
            // It came from text, so it becomes text again.
            let text = serde_json::to_string(&self.plan.value).unwrap_or_default();
            entries.push(entry(Key::Plan, &self.plan, text));
        }
        if self.strays.value != Strays::default() {
            let text = serde_json::to_string(&self.strays.value).unwrap_or_default();
            entries.push(entry(Key::Strays, &self.strays, text));
        }
        entries.extend(self.env_pass.iter().map(|item| entry(Key::EnvPass, item, item.value.as_str())));
        entries
    }
}

/// Where values come from.
struct Layers<'a> {
    flags: &'a [(Key, OsString)],
    environment: Environment<'a>,
    file: Option<&'a ConfigFile>,
}

impl Layers<'_> {
    fn pick<T>(
        &self,
        key: Key,
        parse: fn(&OsStr) -> Result<T, Wrong>,
        default: T,
    ) -> Result<Setting<T>, ConfigError> {
        Ok(self.given(key, parse)?.unwrap_or(Setting { value: default, source: Source::Default }))
    }

    /// The strongest value that was given.
    fn given<T>(
        &self,
        key: Key,
        parse: fn(&OsStr) -> Result<T, Wrong>,
    ) -> Result<Option<Setting<T>>, ConfigError> {
        self.flags(key)
            .next()
            .or_else(|| self.variable(key))
            .or_else(|| self.file.and_then(|file| file.values(key).next().cloned()))
            .map(|raw| typed(key, raw, parse))
            .transpose()
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

    /// The plan; the words after `--` take the place of its command's.
    fn plan(&self) -> Result<Setting<Plan>, ConfigError> {
        let mut plan = self.pick(Key::Plan, value::plan, Plan::default())?;
        let words: Result<Vec<_>, _> =
            self.flags(Key::Command).map(|word| typed(Key::Command, word, value::word)).collect();
        let words = words?;
        if let Some(first) = words.first() {
            plan.source = first.source.clone();
            let command = words.into_iter().map(|word| word.value).collect();
            plan.value.command = Some(match plan.value.command.take() {
                Some(given) => ChildSpec { command, ..given },
                None => ChildSpec::of_command(command),
            });
        }
        match plan.value.check() {
            Ok(()) => Ok(plan),
            Err(wrong) => {
                Err(ConfigError::BadValue { key: Key::Plan.path().to_owned(), origin: plan.source, wrong })
            }
        }
    }

    /// The variables to pass on are needed by whoever named them, so the sources add up instead of replacing each other.
    fn env_pass(&self) -> Result<Vec<Setting<String>>, ConfigError> {
        let key = Key::EnvPass;
        let mut raw: Vec<Setting<OsString>> = self.flags(key).collect();
        if let Some(list) = self.variable(key) {
            let text = list.value.to_string_lossy();
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            raw.extend(items.map(|item| Setting { value: item.into(), source: list.source.clone() }));
        }
        raw.extend(self.file.into_iter().flat_map(|file| file.values(key).cloned()));
        let mut known = HashSet::new();
        let mut names = Vec::new();
        for item in raw {
            let item = typed(key, item, value::variable)?;
            if known.insert(item.value.clone()) {
                names.push(item);
            }
        }
        Ok(names)
    }
}

fn typed<T>(
    key: Key,
    raw: Setting<OsString>,
    parse: fn(&OsStr) -> Result<T, Wrong>,
) -> Result<Setting<T>, ConfigError> {
    match parse(&raw.value) {
        Ok(value) => Ok(Setting { value, source: raw.source }),
        Err(wrong) => Err(ConfigError::BadValue { key: key.path().to_owned(), origin: raw.source, wrong }),
    }
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
