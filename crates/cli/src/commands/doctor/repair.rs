//! What `--repair` does: only what harms nobody, whoever runs meanwhile.
//!
//! Rights and settings are their user's, and are mended as they are. Everything else in a state directory has a writer, and is touched under the
//! lock that makes this process that writer: what the elected write under the election's lock, what the worker in office writes under the
//! tenure's, which nobody gets while a worker is in office. And under the lock it is looked at once more: what has changed since it was found
//! is left alone.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use coordinator::Epoch;
use coordinator::machine::{ClaimAttempt, Durability, ElectionGuard, Machine, TenureGuard};
use coordinator::notes::Writer;
use coordinator::record::READ_LIMIT;
use oneworker_agents::settings::{FileError, WrittenFile};

/// How often a lock is tried that sessions hold for an instant, and the pause between.
const TRIES: u32 = 40;
const PAUSE: Duration = Duration::from_millis(25);

/// What can be mended without harm to anybody.
#[derive(Debug)]
pub(super) enum Repair {
    /// Gives a file or directory these rights, and no others.
    #[cfg_attr(not(unix), allow(dead_code, reason = "there are no such rights there"))]
    Rights { path: PathBuf, mode: u32 },
    /// Removes a small file of the state directory, if it is still what was found.
    Note { name: &'static str, found: Vec<u8>, writer: Writer },
    /// Removes what a dead process has left, which nobody else has a use for.
    Leftover(PathBuf),
    /// Writes the last epoch down that is known of.
    Epoch { known: Epoch, shown: String },
    /// Keeps the end of a log that nobody writes to.
    Log { path: PathBuf, keep: u64 },
    /// Replaces a file of an agent's settings.
    Settings { path: PathBuf, before: String, after: String, shown: [String; 2] },
}

/// What was mended: how it was, and how it is.
#[derive(Debug)]
pub(super) struct Mended {
    pub(super) before: String,
    pub(super) after: String,
}

impl Mended {
    fn new(before: impl Into<String>, after: impl Into<String>) -> Self {
        Self { before: before.into(), after: after.into() }
    }
}

impl Repair {
    /// Mends it, in this state directory.
    ///
    /// # Errors
    /// If that is not possible, or not safe just now.
    pub(super) async fn apply(self, machine: &Machine, dir: &Path) -> io::Result<Mended> {
        match self {
            Self::Rights { path, mode } => set_rights(&path, mode),
            Self::Note { name, found, writer: Writer::Elected } => {
                let _elected = elect(machine, dir).await?;
                if machine.files.read(dir, name, READ_LIMIT).await?.as_deref() != Some(&found) {
                    return Err(changed());
                }
                machine.files.remove(dir, name).await?;
                Ok(Mended::new(format!("{} bytes", found.len()), "removed"))
            }
            Self::Note { name, found, writer: Writer::InOffice } => {
                let (_elected, office) = take_office(machine, dir).await?;
                if office.directory().read(name, READ_LIMIT).await?.as_deref() != Some(&found) {
                    return Err(changed());
                }
                office.directory().remove(name).await?;
                Ok(Mended::new(format!("{} bytes", found.len()), "removed"))
            }
            Self::Leftover(path) => {
                let bytes = path.symlink_metadata()?.len();
                fs::remove_file(path)?;
                Ok(Mended::new(format!("{bytes} bytes"), "removed"))
            }
            Self::Epoch { known, shown } => {
                let (_elected, office) = take_office(machine, dir).await?;
                let text = format!("{known}\n");
                office
                    .directory()
                    .replace(coordinator::layout::EPOCH, text.as_bytes(), Durability::Synced)
                    .await?;
                Ok(Mended::new(shown, known.to_string()))
            }
            Self::Log { path, keep } => {
                // Whoever writes to it is in office, or is launched by the elected.
                let _office = take_office(machine, dir).await?;
                keep_end(&path, keep)
            }
            Self::Settings { path, before, after, shown: [from, to] } => {
                let file = WrittenFile::read(&path).map_err(refused)?;
                if file.text() != Some(&before) {
                    return Err(changed());
                }
                file.write(&after).map_err(refused)?;
                Ok(Mended::new(from, to))
            }
        }
    }
}

fn refused(error: FileError) -> io::Error {
    io::Error::other(error.to_string())
}

fn changed() -> io::Error {
    io::Error::other("it has changed meanwhile; look again")
}

#[cfg(unix)]
fn set_rights(path: &Path, mode: u32) -> io::Result<Mended> {
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};

    // Not another file that somebody puts there meanwhile. One that can't be opened for want of rights is its owner's all the same.
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).map_err(io::Error::other)?;
    let rights = fs::Permissions::from_mode(mode);
    match fs::OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => {
            let before = file.metadata()?.permissions().mode() & 0o7777;
            file.set_permissions(rights)?;
            Ok(Mended::new(format!("mode {before:o}"), format!("mode {mode:o}")))
        }
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let found = path.symlink_metadata()?;
            if found.is_symlink() {
                return Err(error);
            }
            fs::set_permissions(path, rights)?;
            let before = found.permissions().mode() & 0o7777;
            Ok(Mended::new(format!("mode {before:o}"), format!("mode {mode:o}")))
        }
        Err(error) => Err(error),
    }
}

#[cfg(not(unix))]
fn set_rights(_: &Path, _: u32) -> io::Result<Mended> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Is elected, so that no session launches or notes anything.
async fn elect(machine: &Machine, dir: &Path) -> io::Result<Box<dyn ElectionGuard>> {
    for _ in 0..TRIES {
        if let Some(elected) = machine.locks.try_elect(dir, 0).await? {
            return Ok(elected);
        }
        machine.clock.sleep(PAUSE).await;
    }
    Err(io::Error::other("a session is about to start a worker; try again when it has"))
}

/// Has office for the moment, so that no worker is in it. Sessions wait meanwhile, as for anybody else who is elected.
async fn take_office(
    machine: &Machine,
    dir: &Path,
) -> io::Result<(Box<dyn ElectionGuard>, Box<dyn TenureGuard>)> {
    let elected = elect(machine, dir).await?;
    for _ in 0..TRIES {
        match machine.locks.try_claim(dir).await? {
            ClaimAttempt::Won(office) => return Ok((elected, office)),
            ClaimAttempt::Held { .. } => {
                return Err(io::Error::other("a worker is in office, which sees to it itself"));
            }
            ClaimAttempt::DirectoryBusy(_) => machine.clock.sleep(PAUSE).await,
        }
    }
    Err(io::Error::other("the state directory is locked by somebody"))
}

/// Replaces a log by its end, from the beginning of a line on.
fn keep_end(path: &Path, keep: u64) -> io::Result<Mended> {
    let mut log = File::open(path)?;
    let size = log.metadata()?.len();
    log.seek(SeekFrom::Start(size.saturating_sub(keep)))?;
    let mut end = Vec::new();
    log.take(keep).read_to_end(&mut end)?;
    let line = end.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let dir = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    // Made with the rights that a log has: its owner's.
    let mut kept = tempfile::Builder::new().prefix(".tmp-log-").tempfile_in(dir)?;
    kept.write_all(&end[line..])?;
    kept.persist(path).map_err(|error| error.error)?;
    Ok(Mended::new(format!("{size} bytes"), format!("its last {} bytes", end.len() - line)))
}
