//! `oneworker purge`: removes an identity with all its data, and nothing else.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use coordinator::record::Record;
use coordinator::{Claim, Name, Tenure, layout, system};
use serde::Serialize;

use super::{question, stop};
use crate::args::PurgeArgs;
use crate::errors;
use crate::exit;
use crate::failure::Failure;
use crate::output::{self, Mode, SCHEMA, printable};
use crate::request::{Done, Request};

pub(super) fn run(args: &PurgeArgs) -> Done {
    let request = Request::new(&args.common.flags(), &args.common.file(), false)?;
    let dir = request.ensure.id().state_dir();
    let mode = args.output.mode();
    let Some(content) = StateDirContent::of(dir, &request.settings.name.value)? else {
        let answer = PurgeOutput { outcome: "nothing_there", ..PurgeOutput::new(dir, &[], false) };
        output::result(mode, &format!("there is nothing at {}", dir.display()), &answer)?;
        return Ok(exit::OK);
    };
    if !content.strange.is_empty() && !args.everything {
        let strange: Vec<String> = content.strange.iter().map(|path| path.display().to_string()).collect();
        let message = format!("{} has files that are no worker's: {}", dir.display(), strange.join(", "));
        let help = "Move them away, or give --everything to remove them too.";
        return Err(Failure::plain("not_an_identity", message, help.to_owned()));
    }
    if !args.yes {
        let asked = question::can_be_asked(mode);
        output::result(mode, &content.words(dir), &PurgeOutput::new(dir, &content.entries, false))?;
        if !asked || !question::consent(&format!("Remove {}?", dir.display())) {
            if !asked {
                output::note("nothing was removed: --yes removes it");
            }
            return Ok(errors::exit_of("unconfirmed"));
        }
    } else if mode == Mode::Human {
        output::result(mode, &content.words(dir), &PurgeOutput::new(dir, &content.entries, false))?;
    }
    request.block_on(stop::stop(&request.ensure, "oneworker purge", false))?;
    remove(&request)?;
    let outside = outside(&request);
    if let Some(database) = outside {
        output::note(&format!(
            "the database {} is not in the state directory, and stays",
            database.display()
        ));
    }
    output::result(
        mode,
        &format!("{} is gone", dir.display()),
        &PurgeOutput::new(dir, &content.entries, true),
    )?;
    Ok(exit::OK)
}

/// Takes office, so that no worker is in it, moves the directory away in one step, and deletes it.
fn remove(request: &Request) -> Result<(), Failure> {
    let dir = request.ensure.id().state_dir();
    let away = away(dir)?;
    let renamed = |error: io::Error| Failure::io(&format!("{} can't be moved away", dir.display()), &error);
    request.block_on(async {
        let tenure =
            match Tenure::claim(&system::machine(), request.ensure.id(), None, system::readiness()).await {
                Ok(Claim::Won(tenure)) => tenure,
                Ok(Claim::Lost(holder)) => {
                    let who = holder.pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default();
                    let help = "A session has started it meanwhile: end the sessions, and try again.";
                    let message = format!("another worker{who} is in office");
                    return Ok(Err(Failure::plain("already_running", message, help.to_owned())));
                }
                Err(error) => return Ok(Err(Failure::serve(&error.into(), &request.words))),
            };
        // Windows moves no directory in which a file is held open.
        let held = (!cfg!(windows)).then_some(tenure);
        let moved = fs::rename(dir, &away).map_err(renamed);
        drop(held);
        Ok(moved)
    })??;
    fs::remove_dir_all(&away)
        .map_err(|error| Failure::io(&format!("{} can't be deleted", away.display()), &error))
}

/// A name beside it that nobody has.
fn away(dir: &Path) -> Result<PathBuf, Failure> {
    let name = dir.file_name().unwrap_or_default().to_string_lossy();
    let free = (0..100)
        .map(|n| dir.with_file_name(format!(".{name}.purged.{}.{n}", std::process::id())))
        .find(|path| path.symlink_metadata().is_err());
    free.ok_or_else(|| {
        let error = io::Error::from(io::ErrorKind::AlreadyExists);
        Failure::io(&format!("there is no name to move {} to", dir.display()), &error)
    })
}

/// The database, if it is elsewhere.
fn outside(request: &Request) -> Option<&Path> {
    let database = request.settings.database.value.as_path();
    (!database.starts_with(request.ensure.id().state_dir()) && database.exists()).then_some(database)
}

/// What is in the directory.
struct StateDirContent {
    entries: Vec<PurgedEntry>,
    strange: Vec<PathBuf>,
}

/// A file or folder in it.
#[derive(Debug, Serialize)]
struct PurgedEntry {
    path: PathBuf,
    bytes: u64,
}

impl StateDirContent {
    /// `None` if there is nothing. Fails if it is not this identity's.
    fn of(dir: &Path, name: &Name) -> Result<Option<Self>, Failure> {
        let unreadable =
            |error: &io::Error| Failure::io(&format!("{} can't be looked at", dir.display()), error);
        let not_ours = |what: String| {
            let help = "Name the identity with --name, or its directory with --state-dir.".to_owned();
            Failure::plain("not_an_identity", format!("{} {what}", dir.display()), help)
        };
        match dir.symlink_metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(&error)),
            Ok(found) if !found.is_dir() => return Err(not_ours("is no directory".to_owned())),
            Ok(_) => {}
        }
        if !dir.join(layout::WORKER_LOCK).symlink_metadata().is_ok_and(|lock| lock.is_file()) {
            return Err(not_ours(format!(
                "has no {}: no worker was ever in office there",
                layout::WORKER_LOCK
            )));
        }
        let record = fs::read(dir.join(layout::RECORD))
            .ok()
            .and_then(|bytes| serde_json::from_slice::<Record>(&bytes).ok());
        if let Some(other) = record.filter(|record| record.name != *name) {
            return Err(not_ours(format!(
                "is that of {:?}, and not of {:?}",
                other.name.as_str(),
                name.as_str()
            )));
        }
        let mut content = Self { entries: Vec::new(), strange: Vec::new() };
        for entry in fs::read_dir(dir).map_err(|error| unreadable(&error))? {
            let entry = entry.map_err(|error| unreadable(&error))?;
            let path = entry.path();
            if !is_known(&entry.file_name().to_string_lossy()) {
                content.strange.push(path.clone());
            }
            content.entries.push(PurgedEntry { bytes: size(&path), path });
        }
        content.entries.sort_by(|a, b| a.path.cmp(&b.path));
        content.strange.sort();
        Ok(Some(content))
    }

    fn words(&self, dir: &Path) -> String {
        let total: u64 = self.entries.iter().map(|entry| entry.bytes).sum();
        let mut lines = vec![format!("To remove: {} ({total} bytes)", dir.display())];
        lines.extend(self.entries.iter().map(|entry| {
            let name = entry.path.file_name().unwrap_or_default().to_string_lossy();
            format!("  {:>12}  {name}", entry.bytes)
        }));
        printable(&lines.join("\n"))
    }
}

/// Whether a worker or a session makes files of this name.
fn is_known(name: &str) -> bool {
    const KNOWN: [&str; 14] = [
        layout::WORKER_LOCK,
        layout::RECORD,
        layout::PID_FILE,
        layout::EPOCH,
        layout::TOKEN,
        layout::PROOF_KEY,
        layout::SUSPECT,
        layout::WATCHED,
        layout::LAUNCH,
        layout::WORKER_DB,
        layout::LIFECYCLE_DB,
        layout::CHILDREN,
        layout::LOG_DIR,
        "spawn.lock",
    ];
    // What SQLite has beside a database, temporary files of an atomic rename, further elections, and the sockets of children.
    let database = [layout::WORKER_DB, layout::LIFECYCLE_DB].iter().any(|database| {
        name.strip_prefix(database).is_some_and(|rest| ["-wal", "-shm", "-journal"].contains(&rest))
    });
    let election = name.starts_with("spawn.") && name.ends_with(".lock");
    KNOWN.contains(&name) || database || election || name.starts_with("notify.") || name.starts_with(".tmp-")
}

/// Of all that is in it. Links are not followed.
fn size(path: &Path) -> u64 {
    match path.symlink_metadata() {
        Ok(found) if found.is_dir() => {
            fs::read_dir(path).into_iter().flatten().flatten().map(|entry| size(&entry.path())).sum()
        }
        Ok(found) => found.len(),
        Err(_) => 0,
    }
}

/// The shape of the answer.
#[derive(Serialize)]
struct PurgeOutput<'a> {
    schema: u32,
    outcome: &'static str,
    state_dir: &'a Path,
    entries: &'a [PurgedEntry],
}

impl<'a> PurgeOutput<'a> {
    fn new(state_dir: &'a Path, entries: &'a [PurgedEntry], removed: bool) -> Self {
        let outcome = if removed { "removed" } else { "shown" };
        Self { schema: SCHEMA, outcome, state_dir, entries }
    }
}
