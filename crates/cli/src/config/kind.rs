//! The kinds of values: how each is written in the file, read, and printed again.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use coordinator::{Name, PortChoice, UpgradePolicy};
use humantime::format_duration;
use worker::{LogLevel, Plan};

use super::Strays;
use super::definition::Form;
use super::value::{self, Wrong};

/// A kind of values that become a `T`.
pub(crate) struct Kind<T> {
    /// How it looks in the file.
    pub(crate) form: Form,
    /// What stands for it in the help.
    pub(crate) placeholder: &'static str,
    /// Reads it.
    pub(crate) parse: fn(&OsStr) -> Result<T, Wrong>,
    /// Writes it as a flag would give it. An empty text stands for a value that says nothing.
    pub(crate) print: fn(&T) -> OsString,
}

pub(crate) const NAME: Kind<Name> =
    Kind { form: Form::Text, placeholder: "NAME", parse: value::name, print: |name| name.as_str().into() };

pub(crate) const PORT: Kind<PortChoice> = Kind {
    form: Form::TextOrNumber,
    placeholder: "N|auto",
    parse: value::port,
    print: |port| port.to_string().into(),
};

pub(crate) const DIRECTORY: Kind<PathBuf> =
    Kind { form: Form::Text, placeholder: "DIR", parse: value::directory, print: |path| path.into() };

pub(crate) const FILE: Kind<PathBuf> = Kind { placeholder: "FILE", parse: value::file, ..DIRECTORY };

pub(crate) const TIME: Kind<Duration> = Kind {
    form: Form::Text,
    placeholder: "TIME",
    parse: value::duration,
    print: |time| format_duration(*time).to_string().into(),
};

pub(crate) const POSITIVE: Kind<Duration> = Kind { parse: value::positive, ..TIME };

pub(crate) const IDLE: Kind<Duration> = Kind { parse: value::idle_timeout, ..TIME };

pub(crate) const COUNT: Kind<u32> = Kind {
    form: Form::Number,
    placeholder: "N",
    parse: value::count,
    print: |count| count.to_string().into(),
};

pub(crate) const BYTES: Kind<u64> = Kind {
    form: Form::TextOrNumber,
    placeholder: "BYTES",
    parse: value::bytes,
    print: |bytes| bytes.to_string().into(),
};

pub(crate) const SYNCHRONOUS: Kind<bool> = Kind {
    form: Form::Text,
    placeholder: "full|normal",
    parse: value::synchronous,
    print: |full| if *full { "full" } else { "normal" }.into(),
};

pub(crate) const POLICY: Kind<UpgradePolicy> = Kind {
    form: Form::Text,
    placeholder: "reuse|newest|exact",
    parse: value::upgrade,
    print: |policy| policy.as_str().into(),
};

pub(crate) const LEVEL: Kind<LogLevel> = Kind {
    form: Form::Text,
    placeholder: "LEVEL",
    parse: value::log_level,
    print: |level| level.as_str().into(),
};

pub(crate) const VARIABLE: Kind<String> =
    Kind { form: Form::List, placeholder: "NAME", parse: value::variable, print: |name| name.into() };

/// A word of a command.
pub(crate) const WORD: Kind<String> =
    Kind { form: Form::List, placeholder: "COMMAND", parse: value::word, print: |word| word.into() };

/// In the file these are tables; only programs write them as JSON.
pub(crate) const PLAN: Kind<Plan> = Kind {
    form: Form::Text,
    placeholder: "JSON",
    parse: value::plan,
    print: |plan| if plan.is_empty() { OsString::new() } else { value::json(plan) },
};

/// In the file this is a table.
pub(crate) const STRAYS: Kind<Strays> = Kind {
    form: Form::Text,
    placeholder: "JSON",
    parse: value::strays,
    print: |strays| if *strays == Strays::default() { OsString::new() } else { value::json(strays) },
};
