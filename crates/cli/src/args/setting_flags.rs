//! The flags of settings, made from the table of settings.

use std::ffi::OsString;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches, value_parser};

use crate::config::{DEFINITIONS, Definition, Form, Group, Key};

/// The values that were given.
pub(crate) type Flags = Vec<(Key, OsString)>;

/// A default that is longer is left to `--help`.
const SHORT_DEFAULT: usize = 12;

/// The flags of one group of settings, with the values that were given.
#[derive(Clone, Debug, Default)]
pub(crate) struct SettingFlags<const GROUP: u8>(Flags);

/// How a worker serves, and what is held against one that fails.
pub(crate) type Tuning = SettingFlags<{ Group::Serving as u8 }>;
/// What is wanted of a worker in another version.
pub(crate) type Upgrade = SettingFlags<{ Group::Upgrading as u8 }>;
/// What a started worker gets of this process.
pub(crate) type Passed = SettingFlags<{ Group::Passing as u8 }>;
/// What strays look like.
pub(crate) type Patterns = SettingFlags<{ Group::Strays as u8 }>;
/// Which identity, and how patiently.
pub(super) type Identity = SettingFlags<{ Group::Common as u8 }>;

impl<const GROUP: u8> SettingFlags<GROUP> {
    /// Adds the values of these flags.
    pub(crate) fn add_to(&self, flags: &mut Flags) {
        flags.extend(self.0.iter().cloned());
    }

    fn definitions() -> impl Iterator<Item = &'static Definition> {
        DEFINITIONS.iter().filter(|definition| definition.group as u8 == GROUP)
    }
}

impl<const GROUP: u8> Args for SettingFlags<GROUP> {
    fn augment_args(command: Command) -> Command {
        Self::definitions().fold(command, |command, definition| command.arg(flag(definition)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<const GROUP: u8> FromArgMatches for SettingFlags<GROUP> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut flags = Self::default();
        flags.update_from_arg_matches(matches)?;
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        for definition in Self::definitions() {
            let values = matches.get_many::<OsString>(id(definition)).into_iter().flatten();
            self.0.extend(values.map(|value| (definition.key, value.clone())));
        }
        Ok(())
    }
}

/// A flag without its dashes.
fn id(definition: &Definition) -> &'static str {
    definition.flag.trim_start_matches('-')
}

fn flag(definition: &Definition) -> Arg {
    let id = id(definition);
    let repeatable = definition.form == Form::List;
    Arg::new(id)
        .long(id)
        .value_name(definition.placeholder)
        .value_parser(value_parser!(OsString))
        .action(if repeatable { ArgAction::Append } else { ArgAction::Set })
        .help_heading(definition.heading.as_str())
        .hide(definition.hidden)
}

/// Adds the help that the table has, if the flag has none yet. `ensure` and `hook` are parsed without
/// it, since sessions wait for them.
pub(super) fn with_help(flag: Arg) -> Arg {
    let of_flag = |definition: &&Definition| flag.get_id() == id(definition);
    match DEFINITIONS.iter().find(of_flag) {
        Some(definition) if flag.get_help().is_none() => {
            flag.help(short_help(definition.help, &(definition.default)())).long_help(long_help(definition))
        }
        _ => flag,
    }
}

fn short_help(help: &str, default: &str) -> String {
    let fits = (1..=SHORT_DEFAULT).contains(&default.len());
    if fits { format!("{help} [default: {default}]") } else { help.to_owned() }
}

fn long_help(definition: &Definition) -> String {
    let Definition { help, more, variable, path, .. } = definition;
    let mut text = (*help).to_owned();
    if !more.is_empty() {
        text.push_str("\n\n");
        text.push_str(more);
    }
    let default = (definition.default)();
    text.push_str("\n\n");
    if !default.is_empty() {
        text.push_str(&format!("[default: {default}]\n"));
    }
    text.push_str(&format!("[variable: {variable}] [file: {path}]"));
    text
}
