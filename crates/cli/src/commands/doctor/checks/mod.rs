//! The checks, one file each.

mod clock;
mod config;
mod database;
mod directory;
mod epoch;
mod file_system;
mod files;
mod hooks;
mod launches;
mod leftovers;
mod list;
pub(super) mod locks;
mod logs;
mod namesakes;
mod notes;
mod orphans;
mod port;
mod record;
mod sandbox;
mod service;
mod space;
mod surroundings;
mod versions;

use super::case::Case;
use super::finding::Finding;
pub(super) use list::{CHECKS, CONFIG};
