//! `cargo xtask dist`

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use crate::bundle::bundle;
use crate::content::{Content, Kind};
use crate::error::Error;
use crate::gzip::tar_gz;
use crate::moment::moment;
use crate::target::Target;
use crate::wheel::wheel;
use crate::workspace::{self, VERSION};
use crate::zip_file::zip;
use crate::{building, checksums, npm, object_file};

/// `dist`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A system to package for; all by default
    #[arg(long = "target", value_name = "TARGET")]
    targets: Vec<Target>,
    /// Where to write (default: target/dist)
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Package this program for a target, instead of building it
    #[arg(long = "binary", value_name = "TARGET=PATH", value_parser = binary)]
    binaries: Vec<(Target, PathBuf)>,
    /// Cargo's profile for what is built, in which a panic aborts
    #[arg(long, default_value = "release")]
    profile: String,
    /// The program that writes completions and manual pages (default: that of this machine's target, if it is packaged, or else a debug build)
    #[arg(long, value_name = "PATH")]
    documented_by: Option<PathBuf>,
    /// The time that all files bear, in seconds since 1970 (default: the last commit's)
    #[arg(long, env = "SOURCE_DATE_EPOCH", value_name = "SECONDS")]
    moment: Option<String>,
}

fn binary(text: &str) -> Result<(Target, PathBuf), String> {
    let (target, path) = text.split_once('=').ok_or("a target, `=` and a path are wanted")?;
    Ok((target.parse()?, PathBuf::from(path)))
}

/// What was made.
#[derive(Debug, Default)]
pub struct Packages {
    /// The directory.
    pub out: PathBuf,
    /// The files in it, by their paths from there.
    pub files: Vec<String>,
}

/// The program for one target.
struct Binary {
    target: Target,
    path: PathBuf,
    bytes: Vec<u8>,
}

pub(crate) fn dist(args: &Args) -> Result<Packages, Error> {
    let moment = moment(args.moment.as_deref())?;
    let out = args.out.clone().unwrap_or_else(|| workspace::root().join("target/dist"));
    let binaries: Vec<_> =
        targets(args).into_iter().map(|target| obtain(target, args)).collect::<Result<_, _>>()?;
    let documents = bundle(&documenting(&binaries, args)?)?;

    let mut made = BTreeMap::new();
    for binary in &binaries {
        let (name, bytes) = archive(binary, &documents, moment)?;
        made.insert(name, bytes);
        let (name, bytes) = npm::platform(binary.target, &binary.bytes, moment)?;
        made.insert(format!("npm/{name}"), bytes);
        let (name, bytes) = wheel(binary.target, &binary.bytes, moment)?;
        made.insert(format!("pypi/{name}"), bytes);
    }
    let (name, bytes) = npm::launcher(moment)?;
    made.insert(format!("npm/{name}"), bytes);
    let sums: String = made.iter().map(|(path, bytes)| checksums::line(path, bytes)).collect();
    made.insert(checksums::NAME.to_owned(), sums.into_bytes());

    for (path, bytes) in &made {
        write(&out.join(path), bytes)?;
    }
    Ok(Packages { out, files: made.into_keys().collect() })
}

fn targets(args: &Args) -> Vec<Target> {
    let mut targets = if args.targets.is_empty() { Target::ALL.to_vec() } else { args.targets.clone() };
    targets.sort();
    targets.dedup();
    targets
}

/// The program that was given, or else built.
fn obtain(target: Target, args: &Args) -> Result<Binary, Error> {
    let given = args.binaries.iter().find(|(of, _)| *of == target).map(|(_, path)| path.clone());
    let built = given.is_none();
    let path = match given {
        Some(path) => path,
        None => building::build(target, &args.profile)?,
    };
    let bytes = fs::read(&path).map_err(Error::read(&path))?;
    if built {
        building::check_paths(&bytes, &path)?;
    }
    object_file::check(&bytes, &path, target)?;
    Ok(Binary { target, path, bytes })
}

/// A program that runs here.
fn documenting(binaries: &[Binary], args: &Args) -> Result<PathBuf, Error> {
    let native = Target::of_this_machine();
    let packaged = || binaries.iter().find(|binary| Some(binary.target) == native);
    match (&args.documented_by, packaged()) {
        (Some(path), _) => Ok(path.clone()),
        (None, Some(binary)) => Ok(binary.path.clone()),
        (None, None) => building::build_for_this_machine(),
    }
}

fn archive(binary: &Binary, documents: &Content, moment: OffsetDateTime) -> Result<(String, Vec<u8>), Error> {
    let target = binary.target;
    let name = format!("oneworker-{VERSION}-{target}");
    let mut content = documents.clone();
    content.add(target.program(), Kind::Program, binary.bytes.as_slice());
    let content = content.below(&name);
    let (file, packed) = match target.system() {
        "windows" => (format!("{name}.zip"), zip(&content, moment)),
        _ => (format!("{name}.tar.gz"), tar_gz(&content, moment)),
    };
    let bytes = packed.map_err(Error::written(&file))?;
    Ok((file, bytes))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let dir = path.parent().unwrap_or(path);
    fs::create_dir_all(dir).map_err(Error::written(dir))?;
    fs::write(path, bytes).map_err(Error::written(path))
}
