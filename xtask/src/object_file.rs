//! Whether a file is what it is given as: a wrong one would be noticed by users only.

use std::path::Path;

use object::{Architecture, BinaryFormat, Object as _};

use crate::error::Error;
use crate::target::Target;

/// Checks format and processor; on Linux, also that it needs nobody else's libraries, which its wheel and its archive promise.
pub(crate) fn check(bytes: &[u8], path: &Path, target: Target) -> Result<(), Error> {
    let foreign = |found: String| Error::Foreign { path: path.to_owned(), target, found };
    let file = object::File::parse(bytes).map_err(|error| foreign(format!("it can't be read ({error})")))?;
    let format = match target.system() {
        "windows" => BinaryFormat::Pe,
        "macos" => BinaryFormat::MachO,
        _ => BinaryFormat::Elf,
    };
    let architecture = match target.architecture() {
        "aarch64" => Architecture::Aarch64,
        _ => Architecture::X86_64,
    };
    if (file.format(), file.architecture()) != (format, architecture) {
        return Err(foreign(format!("it is {:?} for {:?}", file.format(), file.architecture())));
    }
    // The section names the dynamic loader.
    if format == BinaryFormat::Elf && file.section_by_name(".interp").is_some() {
        return Err(foreign("it is linked dynamically, and would not run everywhere".to_owned()));
    }
    Ok(())
}
