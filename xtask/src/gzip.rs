//! `.tar.gz`, and `.tgz` for npm.

use std::io;

use flate2::{Compression, GzBuilder};
use time::OffsetDateTime;

use crate::content::Content;

pub(crate) fn tar_gz(content: &Content, moment: OffsetDateTime) -> io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(GzBuilder::new().write(Vec::new(), Compression::best()));
    for (path, kind, bytes) in content.files() {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_mode(kind.mode());
        header.set_size(bytes.len() as u64);
        header.set_mtime(moment.unix_timestamp().unsigned_abs());
        header.set_uid(0);
        header.set_gid(0);
        archive.append_data(&mut header, path, bytes)?;
    }
    archive.into_inner()?.finish()
}
