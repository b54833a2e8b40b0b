//! What is known of each setting, by key.

use std::ffi::OsStr;

use coordinator::{Backoff, EnsureRequest, Name, PortChoice, UpgradeLimits, UpgradePolicy};
use worker::{LogLevel, Plan, ServeOptions};

use super::definition::{Definition, Form, Group, Heading, Scope};
use super::key::{COUNT, Key};
use super::kind;
use super::table::with_rows;
use super::value::Wrong;
use crate::census::Strays;

/// What most rows have in common.
const IDENTITY: Definition = Definition {
    key: Key::Command,
    path: "",
    variable: "",
    flag: "",
    group: Group::Common,
    hidden: false,
    scope: Scope::Both,
    heading: Heading::Worker,
    help: "",
    more: "",
    form: kind::WORD.form,
    placeholder: kind::WORD.placeholder,
    check: |raw| (kind::WORD.parse)(raw).map(drop),
    default: String::new,
};
const PATIENCE: Definition = Definition { heading: Heading::Timing, ..IDENTITY };
const SERVING: Definition = Definition { group: Group::Serving, scope: Scope::Worker, ..IDENTITY };
const SERVING_TIME: Definition = Definition { heading: Heading::Timing, ..SERVING };
const DATA: Definition = Definition { heading: Heading::Data, ..SERVING };
const LOG: Definition = Definition { heading: Heading::Log, hidden: true, ..SERVING };
const BACKOFF: Definition =
    Definition { heading: Heading::Starting, hidden: true, scope: Scope::Both, ..SERVING };
const UPGRADE: Definition = Definition {
    heading: Heading::Upgrade,
    group: Group::Upgrading,
    // A worker never chooses what comes after it.
    scope: Scope::Session,
    ..IDENTITY
};
const UPGRADE_LIMIT: Definition = Definition { hidden: true, ..UPGRADE };

/// The words after `--`.
const COMMAND: Definition = Definition {
    path: "worker.command",
    flag: "--",
    group: Group::Words,
    help: "Supervise this command as the worker",
    ..IDENTITY
};

/// The default in words.
macro_rules! words {
    ($kind:ident, $default:expr) => {
        (kind::$kind.print)(&$default).to_string_lossy().into_owned()
    };
    ($kind:ident, $default:expr, $words:literal) => {
        $words.to_owned()
    };
}

macro_rules! definitions {
    ($layers:ident; $(
        $(#[$doc:meta])*
        $key:ident $field:ident: $type:ty = $method:ident($kind:ident, $default:expr $(, $words:literal)?)
        { $($rest:tt)* }
    )*) => {
        /// The rows, in the order of the keys.
        pub(crate) static DEFINITIONS: [Definition; COUNT + 1] = [
            $(Definition {
                key: Key::$key,
                form: kind::$kind.form,
                placeholder: kind::$kind.placeholder,
                check: |raw| (kind::$kind.parse)(raw).map(drop),
                default: || words!($kind, $default $(, $words)?),
                $($rest)*
            },)*
            COMMAND,
        ];
    };
}

with_rows!(definitions);

impl Key {
    /// Its row in the table.
    pub(crate) const fn definition(self) -> &'static Definition {
        // Keys and rows come from one list, in one order.
        &DEFINITIONS[self as usize]
    }

    /// The name in the file, with its table: `backoff.base`.
    pub(crate) const fn path(self) -> &'static str {
        self.definition().path
    }

    /// The environment variable.
    pub(crate) const fn variable(self) -> &'static str {
        self.definition().variable
    }

    /// The flag, with its dashes.
    pub(crate) const fn flag(self) -> &'static str {
        self.definition().flag
    }

    /// How it looks in the file.
    pub(crate) const fn form(self) -> Form {
        self.definition().form
    }

    /// Whether it is for sessions alone: a worker is not told.
    pub(crate) fn is_of_sessions(self) -> bool {
        self.definition().scope == Scope::Session
    }

    /// The table that it is in (empty for the top) and its name there.
    pub(crate) fn table_and_leaf(self) -> (&'static str, &'static str) {
        self.path().split_once('.').unwrap_or(("", self.path()))
    }

    /// Checks a value without keeping it.
    pub(crate) fn check(self, raw: &OsStr) -> Result<(), Wrong> {
        (self.definition().check)(raw)
    }
}
