//! What is in every archive, besides the binary.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::content::{Content, Kind};
use crate::error::Error;
use crate::toolchain::output;
use crate::workspace;

/// The shells, and what the files of their completions are called where they look for them.
const SHELLS: [(&str, &str); 4] = [
    ("bash", "oneworker.bash"),
    ("fish", "oneworker.fish"),
    ("powershell", "_oneworker.ps1"),
    ("zsh", "_oneworker"),
];

/// From the workspace.
const DOCUMENTS: [&str; 4] = ["CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT", "README.md"];

/// Documents, completions and manual pages; the last two as `oneworker` itself, a program for this machine, has them.
pub(crate) fn bundle(oneworker: &Path) -> Result<Content, Error> {
    const ADVICE: &str = "give a program for this machine with --documented-by";
    let mut content = Content::default();
    for name in DOCUMENTS {
        content.add(name, Kind::Data, workspace::text(name)?);
    }
    for (shell, name) in SHELLS {
        let mut command = Command::new(oneworker);
        command.args(["completions", shell]);
        content.add(format!("completions/{name}"), Kind::Data, output(command, ADVICE)?);
    }
    let pages = tempfile::tempdir().map_err(Error::written("a temporary directory"))?;
    let mut command = Command::new(oneworker);
    command.arg("man").arg(pages.path());
    output(command, ADVICE)?;
    for page in fs::read_dir(pages.path()).map_err(Error::read(pages.path()))? {
        let page = page.map_err(Error::read(pages.path()))?;
        let text = fs::read(page.path()).map_err(Error::read(page.path()))?;
        content.add(format!("man/{}", page.file_name().to_string_lossy()), Kind::Data, text);
    }
    Ok(content)
}
