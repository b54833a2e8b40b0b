//! Tasks of this workspace.
//!
//! - `cargo xtask check` is the fast path of a change: format, lints, unit tests.
//! - `cargo xtask ci` is everything that must hold before a change lands. See `CONTRIBUTING.md`.
//! - `cargo xtask dist` makes what is released, described in `docs/packaging.md`. The same binary gives the same bytes, wherever and
//!   whenever it is packaged: entries are sorted, owners and modes are fixed, and every time is that of the commit.

#![forbid(unsafe_code)]

mod building;
mod bundle;
mod checks;
mod checksums;
mod content;
mod dist;
mod error;
mod gzip;
mod moment;
mod npm;
mod object_file;
mod target;
mod toolchain;
mod wheel;
mod workspace;
mod zip_file;

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use dist::Packages;
pub use error::Error;
pub use target::Target;

/// Tasks of this workspace.
#[derive(Parser)]
#[command(name = "cargo xtask", version)]
struct Xtask {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Check a change in a minute or two: format, lints, unit tests
    Check(checks::CheckArgs),
    /// Check everything that must hold before a change lands
    Ci(checks::CiArgs),
    /// Make archives, npm packages and wheels
    Dist(dist::Args),
}

/// Does what the arguments say, the program's name first. Returns what was packaged; the other tasks package nothing.
///
/// # Errors
/// What kept it from being done; nothing that was already written is taken away.
pub fn run(args: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> Result<Packages, Error> {
    match Xtask::try_parse_from(args)?.task {
        Task::Check(args) => checks::check(&args).map(|()| Packages::default()),
        Task::Ci(args) => checks::ci(&args).map(|()| Packages::default()),
        Task::Dist(args) => dist::dist(&args),
    }
}

/// The program.
pub fn main() -> ExitCode {
    match run(std::env::args_os()) {
        Ok(packages) => {
            let listed: String = packages
                .files
                .iter()
                .map(|file| format!("{}\n", packages.out.join(file).display()))
                .collect();
            // A reader that has gone has seen enough.
            let _ = std::io::stdout().write_all(listed.as_bytes());
            ExitCode::SUCCESS
        }
        Err(Error::Arguments(error)) => error.exit(),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}
