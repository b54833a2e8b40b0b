//! `oneworker logs`: the end of the worker's log, and what comes after it.
//!
//! The log is read by its path, not asked from the worker: it is wanted most when no worker answers.

mod follow;
mod tail;

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};

use follow::Follower;

use super::{Done, Request};
use crate::args::LogsArgs;
use crate::exit;
use crate::failure::Failure;
use crate::output;

pub(super) fn run(args: &LogsArgs) -> Done {
    let request = Request::new(&args.common.flags(), &args.common.file(), false)?;
    let path = request.spec.log_file();
    let mut stdout = io::stdout().lock();
    let failed =
        |error: io::Error| Failure::io(&format!("the log {} can't be printed", path.display()), &error);

    let opened = match File::open(&path) {
        Ok(file) => Some(file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            output::note(&format!("there is no log yet: {}", path.display()));
            None
        }
        Err(error) => return Err(failed(error)),
    };
    let position = match opened {
        Some(file) => match print_tail(file, args.lines, &mut stdout) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(exit::OK),
            printed => Some(printed.map_err(failed)?),
        },
        None => None,
    };
    if args.follow {
        match Follower::new(path.clone(), position).run(&mut stdout) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            ended => ended.map_err(failed)?,
        }
    }
    Ok(exit::OK)
}

/// Prints the last lines, and gives the file back with the position behind what was printed.
fn print_tail(mut file: File, lines: u64, out: &mut dyn Write) -> io::Result<(File, u64)> {
    let end = file.metadata()?.len();
    let start = tail::start(&mut file, end, lines)?;
    file.seek(SeekFrom::Start(start))?;
    let copied = io::copy(&mut io::Read::take(&mut file, end - start), out)?;
    out.flush()?;
    Ok((file, start + copied))
}
