//! The command: writes the bundle, and says what is in it.

use std::io;
use std::path::Path;

use coordinator::system;
use serde::Serialize;

use super::archive;
use super::gather::gather;
use super::known_secrets::known_secrets;
use crate::exit;
use crate::failure::Failure;
use crate::output::{self, Mode, SCHEMA, printable};
use crate::request::{Done, Request};

/// Writes it, and says what is in it.
pub(in super::super) fn run(path: &Path, mode: Mode, request: &Request) -> Done {
    if path.symlink_metadata().is_ok() {
        return Err(taken(path));
    }
    let machine = system::machine();
    let secrets = known_secrets(request);
    let entries = gather(&machine, request, &secrets);
    archive::write(path, &entries).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => taken(path),
        _ => Failure::io(&format!("{} can't be written", path.display()), &error),
    })?;
    let answer = BundleOutput {
        schema: SCHEMA,
        outcome: "written",
        path: &path.to_string_lossy(),
        removed: secrets.removed(),
        files: entries
            .iter()
            .map(|entry| ListedFile { name: &entry.name, bytes: entry.text.len() })
            .collect(),
    };
    output::result(mode, &printable(&answer.words()), &answer)?;
    Ok(exit::OK)
}

fn taken(path: &Path) -> Failure {
    let message = format!("there is a file {} already, and it stays as it is", path.display());
    Failure::plain("not_written", message, "Name another file, or move that one away.".to_owned())
}

/// The shape of the answer.
#[derive(Serialize)]
struct BundleOutput<'a> {
    schema: u32,
    outcome: &'static str,
    path: &'a str,
    /// How many secrets were taken out, or what looked like one.
    removed: usize,
    files: Vec<ListedFile<'a>>,
}

#[derive(Serialize)]
struct ListedFile<'a> {
    name: &'a str,
    bytes: usize,
}

impl BundleOutput<'_> {
    fn words(&self) -> String {
        let mut lines: Vec<String> =
            self.files.iter().map(|file| format!("{:>9}  {}", file.bytes, file.name)).collect();
        lines.push(format!(
            "These are in {}. {} that are secrets, or look like one, were taken out.",
            self.path,
            match self.removed {
                1 => "1 text".to_owned(),
                removed => format!("{removed} texts"),
            }
        ));
        lines
            .push("No search finds every secret: look at it before you send it, with `tar -xzf`.".to_owned());
        lines.join("\n")
    }
}
