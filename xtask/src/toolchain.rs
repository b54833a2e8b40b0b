//! Which compiler builds for a target, and running programs.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::error::Error;
use crate::target::Target;

/// Where Debian has its compiler, with the source of `std` if `rust-web-src` is installed. `ci/dist.sh` installs both.
const DEBIAN: &str = "/usr/bin";

/// What a toolchain sets for its own programs and must not reach another one's, and flags that would take the place of ours.
const NOT_HANDED_ON: [&str; 7] = [
    "CARGO",
    "CARGO_ENCODED_RUSTFLAGS",
    "LD_LIBRARY_PATH",
    "RUSTC",
    "RUSTDOC",
    "RUSTFLAGS",
    "RUSTUP_TOOLCHAIN",
];

/// A cargo with its compiler, and how it comes to the target's `std`.
#[derive(Debug)]
pub(crate) struct Toolchain {
    /// Its directory; `None` for the one in `PATH`.
    dir: Option<PathBuf>,
    /// Where it lies.
    pub(crate) sysroot: PathBuf,
    /// Whether it builds `std`, too.
    pub(crate) builds_std: bool,
}

impl Toolchain {
    /// The first with the target's `std`; else the first with its source.
    pub(crate) fn for_target(target: Target) -> Result<Self, Error> {
        let toolchains: Vec<_> =
            [None, Some(PathBuf::from(DEBIAN))].into_iter().filter_map(Self::in_dir).collect();
        let (mut ready, mut sources) = (None, None);
        for toolchain in toolchains {
            if toolchain.sysroot.join("lib/rustlib").join(target.triple()).join("lib").is_dir() {
                ready = ready.or(Some(toolchain));
            } else if toolchain.sysroot.join("lib/rustlib/src/rust/library/std").is_dir() {
                sources = sources.or(Some(Self { builds_std: true, ..toolchain }));
            }
        }
        ready.or(sources).ok_or(Error::NoStandardLibrary(target))
    }

    /// The one in this directory, if there is one.
    fn in_dir(dir: Option<PathBuf>) -> Option<Self> {
        let unknown = Self { dir, sysroot: PathBuf::new(), builds_std: false };
        let mut rustc = unknown.command("rustc");
        rustc.args(["--print", "sysroot"]);
        let sysroot = output(rustc, "install Rust").ok()?;
        Some(Self { sysroot: PathBuf::from(sysroot.trim()), ..unknown })
    }

    /// A program that is to find this toolchain, and is this toolchain's own if it has one of that name.
    pub(crate) fn command(&self, program: &str) -> Command {
        let own = self.dir.as_ref().map(|dir| dir.join(program)).filter(|own| own.is_file());
        let mut command = Command::new(own.unwrap_or_else(|| PathBuf::from(program)));
        if let Some(dir) = &self.dir {
            let others = std::env::var_os("PATH").unwrap_or_default();
            let path =
                std::env::join_paths(std::iter::once(dir.clone()).chain(std::env::split_paths(&others)));
            // What can't be joined was no path before.
            command.env("PATH", path.unwrap_or(others));
        }
        for variable in NOT_HANDED_ON {
            // The toolchain of `PATH` may be one that rustup was told to take.
            if self.dir.is_some() || variable != "RUSTUP_TOOLCHAIN" {
                command.env_remove(variable);
            }
        }
        command
    }
}

/// Runs a program, which shows what it does.
pub(crate) fn run(mut command: Command, advice: &'static str) -> Result<(), Error> {
    // Standard output is the list of what was made.
    let status =
        command.stdin(Stdio::null()).stdout(Stdio::null()).status().map_err(missing(&command, advice))?;
    if status.success() {
        return Ok(());
    }
    Err(Error::Failed { command: format!("{command:?}"), status, said: "see above".to_owned() })
}

/// What a program prints.
pub(crate) fn output(mut command: Command, advice: &'static str) -> Result<String, Error> {
    let output = command.stdin(Stdio::null()).output().map_err(missing(&command, advice))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(Error::Failed { command: format!("{command:?}"), status: output.status, said })
}

fn missing(command: &Command, advice: &'static str) -> impl FnOnce(std::io::Error) -> Error {
    let program = command.get_program().to_string_lossy().into_owned();
    move |source| Error::Missing { program, source, advice }
}
