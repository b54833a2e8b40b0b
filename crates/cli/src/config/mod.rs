//! What was set, and where: flags over environment over file over defaults.
//!
//! Two sessions with different settings can be two identities, and so two workers. So every value knows its [`Source`], and
//! `oneworker config show` prints it. The file is found by `--config`, by `ONEWORKER_CONFIG`, or in the user's configuration
//! directory, and never by the working directory: hooks run in different ones.

mod definition;
mod definitions;
mod environment;
mod error;
mod file;
mod key;
mod kind;
mod layers;
mod locate;
mod plan;
mod positions;
mod settings;
mod source;
mod strays;
mod suggest;
mod table;
pub(crate) mod value;

#[cfg(test)]
pub(crate) use definition::Scope;
pub(crate) use definition::{Definition, Form, Group, Heading};
pub(crate) use definitions::DEFINITIONS;
pub(crate) use error::ConfigError;
#[cfg(test)]
pub(crate) use file::ConfigFile;
pub(crate) use key::Key;
pub(crate) use locate::FileChoice;
pub(crate) use settings::{Entry, Settings};
pub(crate) use source::{Setting, Source};

pub(crate) use crate::census::Strays;
