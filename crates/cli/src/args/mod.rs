//! The command line.
//!
//! Values of settings stay text here: flags, environment and file write them alike, so `config` reads
//! them all.
//!
//! | file | subject |
//! | --- | --- |
//! | `command` | the table of commands |
//! | `shared` | flags that several commands have |
//! | `setting_flags` | flags made from the table of settings |
//! | `layout` | how the help is arranged |
//! | `help` | what `--help` says below the flags |
//! | `parse` | from words to a command, or to help and mistakes |
//! | the others | the flags of one command each, or of a few that are alike |

mod command;
mod config;
mod data;
mod doctor;
mod ensure;
mod generated;
mod help;
mod history;
mod hook;
mod layout;
mod logs;
mod parse;
mod processes;
mod purge;
mod restart;
mod serve;
mod service;
mod session;
mod setting_flags;
mod shared;
mod since;
mod status;
mod stop;
mod storm;
#[cfg(test)]
mod tests;

pub(crate) use command::{Command, definition};
pub(crate) use config::{ConfigCommand, ShowArgs};
pub(crate) use data::{CopyArgs, PutArgs, SearchArgs, TailArgs};
pub(crate) use doctor::DoctorArgs;
pub(crate) use ensure::EnsureArgs;
pub(crate) use generated::{CompletionsArgs, ManArgs};
pub(crate) use history::{EventsArgs, ExplainArgs};
pub(crate) use hook::{Consent, FireArgs, HookCommand, InstallArgs};
pub(crate) use logs::LogsArgs;
pub(crate) use parse::parse;
pub(crate) use processes::{AdoptArgs, PsArgs, ReapArgs};
pub(crate) use purge::PurgeArgs;
pub(crate) use restart::RestartArgs;
pub(crate) use serve::ServeArgs;
pub(crate) use service::{ServiceArgs, ServiceChange, ServiceCommand};
pub(crate) use session::{Lease, SessionAction, SessionArgs};
pub(crate) use setting_flags::Flags;
pub(crate) use since::Since;
pub(crate) use status::QueryArgs;
pub(crate) use stop::StopArgs;
pub(crate) use storm::StormArgs;
