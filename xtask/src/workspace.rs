//! The files that are packaged as they are.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Error;

/// All members share this one.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// A text file of the workspace, by its path in there.
pub(crate) fn text(path: &str) -> Result<String, Error> {
    let path = root().join(path);
    fs::read_to_string(&path).map_err(Error::read(path))
}
