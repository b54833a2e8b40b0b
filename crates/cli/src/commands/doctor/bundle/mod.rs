//! `oneworker doctor --bundle FILE`: what a report of a bug needs, in one file, without secrets.
//!
//! What is taken is what the other commands print, the small files of the state directory, and the ends of the logs. Never `proof.key`, the token
//! or what is in a database; and no value of a variable. Each part is gathered by itself: that one can't be had is a part of the report.

mod about;
mod archive;
mod secrets;

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::Path;

use coordinator::machine::Machine;
use coordinator::{default_state_dir, layout, system};
use serde::Serialize;
use serde_json::Value;

use super::super::last_bytes::last_bytes;
use super::super::{config_show, history, processes, status};
use crate::exit;
use crate::failure::Failure;
use crate::output::{self, Mode, SCHEMA, failure_value, printable};
use crate::request::{Done, Request};
use archive::Entry;
use secrets::Secrets;

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

/// Writes it, and says what is in it.
pub(super) fn run(path: &Path, mode: Mode, request: &Request) -> Done {
    if path.symlink_metadata().is_ok() {
        return Err(taken(path));
    }
    let machine = system::machine();
    let secrets = secrets_of(request);
    let entries = gather(&machine, request, &secrets);
    archive::write(path, &entries).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => taken(path),
        _ => Failure::io(&format!("{} can't be written", path.display()), &error),
    })?;
    let answer = Answer {
        schema: SCHEMA,
        outcome: "written",
        path: &path.to_string_lossy(),
        removed: secrets.removed(),
        files: entries.iter().map(|entry| Taken { name: &entry.name, bytes: entry.text.len() }).collect(),
    };
    output::result(mode, &printable(&answer.words()), &answer)?;
    Ok(exit::OK)
}

fn taken(path: &Path) -> Failure {
    let message = format!("there is a file {} already, and it stays as it is", path.display());
    Failure::plain("not_written", message, "Name another file, or move that one away.".to_owned())
}

/// The shape of the answer.
#[derive(Serialize)]
struct Answer<'a> {
    schema: u32,
    outcome: &'static str,
    path: &'a str,
    /// How many secrets were taken out, or what looked like one.
    removed: usize,
    files: Vec<Taken<'a>>,
}

#[derive(Serialize)]
struct Taken<'a> {
    name: &'a str,
    bytes: usize,
}

impl Answer<'_> {
    fn words(&self) -> String {
        let mut lines: Vec<String> =
            self.files.iter().map(|file| format!("{:>9}  {}", file.bytes, file.name)).collect();
        lines.push(format!(
            "These are in {}. {} that are secrets, or look like one, were taken out.",
            self.path,
            match self.removed {
                1 => "1 text".to_owned(),
                removed => format!("{removed} texts"),
            }
        ));
        lines
            .push("No search finds every secret: look at it before you send it, with `tar -xzf`.".to_owned());
        lines.join("\n")
    }
}

/// Those that are known: keys of this identity, and values of variables that have a secret's name or are handed on.
fn secrets_of(request: &Request) -> Secrets {
    let mut secrets = Secrets::default();
    let dir = request.spec.state_dir();
    for name in [layout::TOKEN, layout::PROOF_KEY] {
        let Ok(text) = end_of(&dir.join(name)) else { continue };
        if let Ok(value) = serde_json::from_str::<Value>(&text) {
            texts(&value, &mut |text| secrets.know(text));
        }
        text.lines().for_each(|line| secrets.know(line));
    }
    let passed: Vec<&str> = request.settings.env_pass.iter().map(|name| name.value.as_str()).collect();
    let plan = &request.settings.plan.value;
    let parts = || plan.command.iter().chain(&plan.helpers);
    for (name, value) in std::env::vars_os() {
        let name = name.to_string_lossy();
        let handed_on =
            passed.contains(&&*name) || parts().any(|part| part.env.pass.iter().any(|known| *known == *name));
        if handed_on || secrets::is_secret_name(&name) {
            secrets.know(&value.to_string_lossy());
        }
    }
    parts().flat_map(|part| part.env.set.values()).for_each(|value| secrets.know(value));
    let homes =
        [std::env::var_os("HOME").map(Into::into), std::env::home_dir(), home_of_the_default(request)];
    homes.into_iter().flatten().for_each(|home| secrets.at_home_in(&home.to_string_lossy()));
    secrets
}

/// The home that the password database names, by where a state directory is without anything said.
fn home_of_the_default(request: &Request) -> Option<std::path::PathBuf> {
    let default = default_state_dir(&request.settings.name.value).ok()?;
    let below = [".local", "state", "oneworker", request.settings.name.value.as_str()];
    default
        .ends_with(below.iter().collect::<std::path::PathBuf>())
        .then(|| default.ancestors().nth(4).map(Path::to_owned))?
}

fn texts(value: &Value, know: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => know(text),
        Value::Array(items) => items.iter().for_each(|item| texts(item, know)),
        Value::Object(map) => map.values().for_each(|value| texts(value, know)),
        _ => {}
    }
}

fn gather(machine: &Machine, request: &Request, secrets: &Secrets) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut take = |name: &str, text: String| entries.push(Entry { name: name.to_owned(), text });
    let clean =
        |value: &Value| serde_json::to_string_pretty(&secrets.value(value)).unwrap_or_default() + "\n";
    let told = |told: Result<Value, Failure>| clean(&told.unwrap_or_else(|failure| failure_value(&failure)));
    take("doctor.json", told(super::report(machine, request)));
    take("status.json", told(status::report(machine, request)));
    take("ps.json", told(processes::report(machine, request)));
    take("config.json", clean(&config_show::report(&request.settings)));
    let events = history::report(request).unwrap_or_else(|failure| vec![failure_value(&failure)]);
    let lines: String = events.iter().map(|event| secrets.value(event).to_string() + "\n").collect();
    take("events.jsonl", lines);

    let mut left_out = Vec::new();
    let dir = request.spec.state_dir();
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
fn end_of(path: &Path) -> io::Result<String> {
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
