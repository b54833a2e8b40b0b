//! What is in a bundle.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::Path;

use coordinator::layout;
use coordinator::machine::Machine;
use serde_json::Value;

use super::super::diagnosis;
use super::about;
use super::archive::ArchiveEntry;
use super::secrets::Secrets;
use crate::commands::last_bytes::last_bytes;
use crate::commands::{config_show, history, processes, status};
use crate::failure::Failure;
use crate::output::failure_value;
use crate::request::Request;

/// The small files. What they are is in [`layout`]; neither key nor token nor database is among them.
const FILES: [&str; 8] = [
    layout::RECORD,
    layout::PID_FILE,
    layout::EPOCH,
    layout::LAUNCH,
    layout::SUSPECT,
    layout::WATCHED,
    layout::UPGRADES,
    layout::SUCCESSOR,
];
/// So much of the end of each file.
const MOST: u64 = 256 * 1024;
/// So many logs: a worker with helpers without number has logs without number.
const LOGS: usize = 40;

/// Gathers all files of the bundle, without secrets.
pub(super) fn gather(machine: &Machine, request: &Request, secrets: &Secrets) -> Vec<ArchiveEntry> {
    let mut entries = Vec::new();
    let mut take = |name: &str, text: String| entries.push(ArchiveEntry { name: name.to_owned(), text });
    let clean =
        |value: &Value| serde_json::to_string_pretty(&secrets.value(value)).unwrap_or_default() + "\n";
    let told = |told: Result<Value, Failure>| clean(&told.unwrap_or_else(|failure| failure_value(&failure)));
    take("doctor.json", told(diagnosis::report(machine, request)));
    take("status.json", told(status::report(machine, request)));
    take("ps.json", told(processes::report(machine, request)));
    take("config.json", clean(&config_show::report(&request.settings)));
    let events = history::report(request).unwrap_or_else(|failure| vec![failure_value(&failure)]);
    let lines: String = events.iter().map(|event| secrets.value(event).to_string() + "\n").collect();
    take("events.jsonl", lines);

    let mut left_out = Vec::new();
    let dir = request.ensure.id().state_dir();
    for name in FILES {
        match end_of(&dir.join(name)) {
            Ok(text) => take(
                &format!("state/{name}"),
                match serde_json::from_str::<Value>(&text) {
                    Ok(value) => clean(&value),
                    Err(_) => secrets.text(&text),
                },
            ),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => left_out.push((name.to_owned(), error.to_string())),
        }
    }
    for name in logs(&dir.join(layout::LOG_DIR)) {
        let name = format!("{}/{name}", layout::LOG_DIR);
        match end_of(&dir.join(&name)) {
            Ok(text) => take(&secrets.text(&name), secrets.text(&text)),
            Err(error) => left_out.push((name, error.to_string())),
        }
    }
    take("about.json", clean(&about::about(dir, &left_out)));
    entries
}

/// The end of a file that lies there itself: a link could name any file of the user's.
pub(super) fn end_of(path: &Path) -> io::Result<String> {
    if path.symlink_metadata()?.is_symlink() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a link"));
    }
    last_bytes(path, MOST)
}

/// The logs, the newest first.
fn logs(dir: &Path) -> Vec<String> {
    let is_log = |name: &OsStr| {
        let name = name.to_string_lossy();
        name.ends_with(".log")
            || name.rsplit_once(".log.").is_some_and(|(_, number)| number.parse::<u32>().is_ok())
    };
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut found: Vec<_> = entries
        .filter(|entry| is_log(&entry.file_name()))
        .map(|entry| {
            let changed = entry.metadata().and_then(|about| about.modified()).ok();
            (std::cmp::Reverse(changed), entry.file_name().to_string_lossy().into_owned())
        })
        .collect();
    found.sort();
    found.truncate(LOGS);
    found.into_iter().map(|(_, name)| name).collect()
}
