//! The command: which log, and what to say if there is none.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use coordinator::{Name, layout};

use super::follow::Follower;
use super::printable::Printable;
use super::range::{self, LogRange};
use crate::args::LogsArgs;
use crate::exit;
use crate::failure::Failure;
use crate::output;
use crate::request::{Done, Request};

/// So many lines, if nothing else is said.
const LINES: u64 = 50;

pub(in super::super) fn run(args: &LogsArgs) -> Done {
    let request = Request::new(&args.common.flags(), &args.common.file(), false)?;
    let path = path(&request, args.child.as_ref());
    let stdout = io::stdout().lock();
    let mut out: Box<dyn Write> =
        if stdout.is_terminal() { Box::new(Printable::new(stdout)) } else { Box::new(stdout) };
    match print(args, &path, &mut out) {
        Ok(()) => Ok(exit::OK),
        Err(PrintError::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(exit::OK),
        Err(PrintError::Io(error)) => {
            Err(Failure::io(&format!("the log {} can't be printed", path.display()), &error))
        }
        Err(PrintError::NoLog(child)) => Err(no_log(child, &path)),
    }
}

/// Why a log is not printed to its end.
enum PrintError<'a> {
    Io(io::Error),
    NoLog(&'a Name),
}

impl From<io::Error> for PrintError<'_> {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

fn print<'a>(args: &'a LogsArgs, path: &Path, out: &mut dyn Write) -> Result<(), PrintError<'a>> {
    let range = LogRange {
        lines: args.lines.or(args.since.is_none().then_some(LINES)),
        since: args.since.map(|since| since.0),
    };
    let parts = range.open(path)?;
    if parts.is_empty() {
        if let Some(child) = &args.child {
            return Err(PrintError::NoLog(child));
        }
        output::note(&format!("there is no log yet: {}", path.display()));
    }
    let end = range::print(parts, out)?;
    if args.follow {
        Follower::new(path.to_owned(), end).run(out)?;
    }
    Ok(())
}

fn path(request: &Request, child: Option<&Name>) -> PathBuf {
    match child {
        Some(child) => request.ensure.id().state_dir().join(layout::child_log(child.as_str())),
        None => request.ensure.id().log_file(),
    }
}

/// The child may be misspelt, so those that there are are named.
fn no_log(child: &Name, path: &Path) -> Failure {
    let dir = path.parent().unwrap_or(path);
    let help = match children(dir).as_slice() {
        [] => "No child of this worker has written one yet. ".to_owned(),
        children => format!("There are logs of {}. ", children.join(", ")),
    } + "Without a name, `oneworker logs` prints the worker's own.";
    Failure::plain("no_log", format!("there is no log of {:?} in {}", child.as_str(), dir.display()), help)
}

/// The children that have logs in this directory.
fn children(dir: &Path) -> Vec<String> {
    let own = Path::new(layout::LOG_FILE).file_name().unwrap_or_default();
    let files = std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.file_name());
    let name = |file: &std::ffi::OsString| file.to_str()?.strip_suffix(".log")?.parse::<Name>().ok();
    let mut children: Vec<_> = files
        .filter(|file| file != own)
        .filter_map(|file| name(&file))
        .map(|name| name.as_str().to_owned())
        .collect();
    children.sort();
    children
}
