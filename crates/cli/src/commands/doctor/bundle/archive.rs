//! The file: a `tar.gz` that is there as a whole or not at all, and that only its owner can read.

use std::io;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, Header};
use tempfile::NamedTempFile;

/// The directory that everything in it is below.
const ROOT: &str = "oneworker-bundle";

/// A file of it.
pub(super) struct ArchiveEntry {
    pub(super) name: String,
    pub(super) text: String,
}

/// Writes it. What is there already stays.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] if there is such a file; else, if it can't be written.
pub(super) fn write(path: &Path, entries: &[ArchiveEntry]) -> io::Result<()> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Beside it, so that it gets its name in one step; with no rights for others, as every temporary file.
    let file = NamedTempFile::with_prefix_in(".oneworker-bundle.", dir)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let mut archive = Builder::new(GzEncoder::new(file, Compression::default()));
    for entry in entries {
        let mut header = Header::new_gnu();
        header.set_size(entry.text.len() as u64);
        header.set_mode(0o600);
        header.set_mtime(now);
        archive.append_data(&mut header, format!("{ROOT}/{}", entry.name), entry.text.as_bytes())?;
    }
    let file = archive.into_inner()?.finish()?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, text: &str) -> ArchiveEntry {
        ArchiveEntry { name: name.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn what_is_written_can_be_read_and_what_is_there_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.tar.gz");
        let long = "x/".repeat(150) + "end";
        write(&path, &[entry("a.json", "{}"), entry(&long, &"é".repeat(9000))]).unwrap();
        let mut archive =
            tar::Archive::new(flate2::read::GzDecoder::new(std::fs::File::open(&path).unwrap()));
        let read: Vec<(String, u64)> = archive
            .entries()
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                (entry.path().unwrap().to_string_lossy().into_owned(), entry.size())
            })
            .collect();
        assert_eq!(read, [(format!("{ROOT}/a.json"), 2), (format!("{ROOT}/{long}"), 18000)]);
        let before = std::fs::read(&path).unwrap();
        let error = write(&path, &[entry("b", "")]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&path).unwrap(), before);
        assert!(write(&dir.path().join("none/a.tar.gz"), &[]).is_err());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left of what failed");
    }

    #[cfg(unix)]
    #[test]
    fn others_have_no_rights_to_it() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.tar.gz");
        write(&path, &[]).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
