//! `SHA256SUMS`, as `sha256sum --check` reads it.

use sha2::{Digest as _, Sha256};

pub(crate) const NAME: &str = "SHA256SUMS";

pub(crate) fn hash(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// One line: the hash, and a file's path beside the list.
pub(crate) fn line(path: &str, bytes: &[u8]) -> String {
    let digits: String = hash(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{digits}  {path}\n")
}
