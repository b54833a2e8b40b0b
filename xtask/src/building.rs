//! Building the binary for a target: without the paths of this machine in it, so that the same commit gives the same binary elsewhere.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::Error;
use crate::target::{Linker, Target};
use crate::toolchain::{Toolchain, output, run};
use crate::workspace;

/// Builds it, and says where it is.
pub(crate) fn build(target: Target, profile: &str) -> Result<PathBuf, Error> {
    let toolchain = Toolchain::for_target(target)?;
    let built = build_dir();
    let flags = flags(target, &paths(&toolchain));
    let (program, subcommand, advice) = match target.linker() {
        Linker::Zig => (
            "cargo-zigbuild",
            "zigbuild",
            "`pip install cargo-zigbuild ziglang`, or run ci/dist.sh, which does so in an environment of its own",
        ),
        Linker::Mingw => ("cargo", "build", "install Rust, see https://rustup.rs"),
    };
    let mut command: Command = toolchain.command(program);
    command
        .arg(subcommand)
        .args(["--locked", "--package", "oneworker", "--bin", "oneworker"])
        .args(["--profile", profile, "--target", target.triple()])
        .args(["--config", &format!("target.{}.rustflags={}", target.triple(), serde_json::json!(flags))])
        .env("CARGO_TARGET_DIR", &built)
        .current_dir(workspace::root());
    if target.system() == "linux" {
        let variable = format!("CFLAGS_{}", target.triple().replace('-', "_"));
        command.env(variable, "-fno-asynchronous-unwind-tables -fno-unwind-tables");
    }
    if toolchain.builds_std {
        // Without what makes backtraces: the names for them are stripped.
        command.args(["-Zbuild-std=std,panic_abort", "-Zbuild-std-features="]).env("RUSTC_BOOTSTRAP", "1");
    }
    run(command, advice)?;
    let profile_dir = if profile == "dev" { "debug" } else { profile };
    Ok(built.join(target.triple()).join(profile_dir).join(target.program()))
}

/// Builds it for this machine, to ask it for its documentation.
pub(crate) fn build_for_this_machine() -> Result<PathBuf, Error> {
    const ADVICE: &str = "install Rust, see https://rustup.rs";
    let mut rustc = Command::new("rustc");
    rustc.args(["--print", "host-tuple"]);
    let host = output(rustc, ADVICE)?;
    let mut cargo = Command::new("cargo");
    cargo
        .args(["build", "--locked", "--package", "oneworker", "--bin", "oneworker", "--target", host.trim()])
        .env("CARGO_TARGET_DIR", build_dir())
        .current_dir(workspace::root());
    run(cargo, ADVICE)?;
    let program = format!("oneworker{}", std::env::consts::EXE_SUFFIX);
    Ok(build_dir().join(host.trim()).join("debug").join(program))
}

/// Apart from the other builds, which have other flags and another compiler.
fn build_dir() -> PathBuf {
    workspace::root().join("target/dist-build")
}

/// Where sources lie on this machine, and what the binary calls those places.
fn paths(toolchain: &Toolchain) -> Vec<(PathBuf, &'static str)> {
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(std::env::home_dir()?.join(".cargo")));
    let sources = toolchain.sysroot.join("lib/rustlib/src/rust");
    let mut paths = vec![(workspace::root(), "/oneworker")];
    paths.extend(home.map(|home| (home, "/cargo")));
    // Debian has a link there.
    paths.extend(sources.canonicalize().ok().map(|real| (real, "/rust")));
    paths.push((sources, "/rust"));
    paths
}

fn flags(target: Target, paths: &[(PathBuf, &'static str)]) -> Vec<String> {
    let remap = |(from, to): &(PathBuf, &str)| format!("--remap-path-prefix={}={to}", from.display());
    let mut flags: Vec<_> = paths.iter().map(remap).collect();
    if target.system() == "linux" {
        // zig brings the start-up files, and twice is once too often. It takes addresses for fixed unless it is told.
        flags.extend(["-Clink-self-contained=no", "-Clink-arg=-pie"].map(str::to_owned));
        // Nothing unwinds where a panic aborts, and the names for a backtrace are stripped.
        flags.push("-Cforce-unwind-tables=no".to_owned());
    }
    if target.system() == "macos" {
        // zig knows the system's C library; of its frameworks, these files name what is used.
        flags.push(format!("-Clink-arg=-F{}", workspace::root().join("packaging/macos").display()));
    }
    flags
}

/// Refuses a binary that names this machine's directories.
pub(crate) fn check_paths(binary: &[u8], path: &Path) -> Result<(), Error> {
    let root = workspace::root();
    let needle = root.as_os_str().as_encoded_bytes();
    if binary.windows(needle.len()).any(|window| window == needle) {
        return Err(Error::NamesItsPlace { binary: path.to_owned(), place: root });
    }
    Ok(())
}
