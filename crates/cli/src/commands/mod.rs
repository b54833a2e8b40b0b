//! The commands, one file or folder for each.

mod condition;
mod config_show;
mod consent;
mod copies;
mod dispatch;
mod doctor;
mod ensure;
mod generated;
mod history;
mod hook;
mod last_bytes;
mod logs;
mod processes;
mod purge;
mod put;
mod question;
mod restart;
mod search;
mod serve;
mod service;
mod session;
mod status;
mod stop;
mod storm;

pub(crate) use dispatch::run;
