//! The variables of the environment.

use std::ffi::OsString;

/// The variable that names the configuration file.
pub(crate) const CONFIG_VARIABLE: &str = "ONEWORKER_CONFIG";

/// The environment, as far as it is asked for: a test has one of its own.
pub(crate) type Environment<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// A variable's value. An empty one counts as not set, as scripts clear variables that way.
pub(super) fn set(environment: Environment<'_>, variable: &str) -> Option<OsString> {
    environment(variable).filter(|value| !value.is_empty())
}
