//! `.zip` for Windows, and `.whl` for Python.

use std::io::{self, Cursor, Write as _};

use time::{OffsetDateTime, PrimitiveDateTime};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, System, ZipWriter};

use crate::content::Content;

pub(crate) fn zip(content: &Content, moment: OffsetDateTime) -> io::Result<Vec<u8>> {
    let modified = PrimitiveDateTime::new(moment.date(), moment.time());
    let modified = DateTime::try_from(modified).map_err(io::Error::other)?;
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (path, kind, bytes) in content.files() {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .compression_level(Some(9))
            .last_modified_time(modified)
            .system(System::Unix)
            .unix_permissions(kind.mode());
        archive.start_file(path, options)?;
        archive.write_all(bytes)?;
    }
    Ok(archive.finish()?.into_inner())
}
