//! npm packages: one for each system, with its binary, and one that starts the right one of them.
//!
//! No script runs at install, and nothing is downloaded then: npm itself leaves out those of the optional dependencies that are for other systems.

use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::content::{Content, Kind};
use crate::error::Error;
use crate::gzip::tar_gz;
use crate::target::Target;
use crate::workspace::{self, VERSION};

const LAUNCHER: &str = "packaging/npm/launcher";

/// File name and bytes.
pub(crate) type Package = (String, Vec<u8>);

fn name(target: Target) -> String {
    let (system, processor) = target.node();
    format!("@oneworker/{system}-{processor}")
}

/// The one that is installed by its name.
pub(crate) fn launcher(moment: OffsetDateTime) -> Result<Package, Error> {
    let mut manifest = manifest()?;
    let platforms: serde_json::Map<_, _> =
        Target::ALL.into_iter().map(|target| (name(target), json!(VERSION))).collect();
    manifest["version"] = json!(VERSION);
    manifest["optionalDependencies"] = Value::Object(platforms);
    let script = "bin/oneworker.js";
    let mut content = common(&manifest)?;
    content.add(script, Kind::Program, workspace::text(&format!("{LAUNCHER}/{script}"))?);
    content.add("README.md", Kind::Data, workspace::text(&format!("{LAUNCHER}/README.md"))?);
    pack(&format!("oneworker-{VERSION}.tgz"), content, moment)
}

/// The one with a target's binary.
pub(crate) fn platform(target: Target, binary: &[u8], moment: OffsetDateTime) -> Result<Package, Error> {
    let (system, processor) = target.node();
    let program = format!("bin/{}", target.program());
    let launcher = manifest()?;
    let mut manifest = json!({
        "name": name(target),
        "version": VERSION,
        "description": format!("The binary of oneworker for {system} on {processor}."),
        "os": [system],
        "cpu": [processor],
        "bin": { "oneworker": program },
        "preferUnplugged": true,
    });
    for same in ["license", "repository", "homepage"] {
        if let Some(value) = launcher.get(same) {
            manifest[same] = value.clone();
        }
    }
    let mut content = common(&manifest)?;
    content.add(program, Kind::Program, binary);
    content.add("README.md", Kind::Data, platform_readme(target));
    pack(&format!("oneworker-{system}-{processor}-{VERSION}.tgz"), content, moment)
}

fn platform_readme(target: Target) -> String {
    format!(
        "# {}\n\nThe binary of `oneworker` for {target}, without the launcher that the package `oneworker` has: what hooks should run.\n",
        name(target)
    )
}

fn manifest() -> Result<Value, Error> {
    let path = format!("{LAUNCHER}/package.json");
    serde_json::from_str(&workspace::text(&path)?).map_err(|error| Error::Value {
        what: path,
        found: error.to_string(),
        wanted: "a package.json is a JSON object",
    })
}

fn common(manifest: &Value) -> Result<Content, Error> {
    let mut content = Content::default();
    content.add("package.json", Kind::Data, format!("{manifest:#}\n"));
    for licence in ["LICENSE-APACHE", "LICENSE-MIT"] {
        content.add(licence, Kind::Data, workspace::text(licence)?);
    }
    Ok(content)
}

/// As `npm pack` would: everything below `package/`.
fn pack(file: &str, content: Content, moment: OffsetDateTime) -> Result<Package, Error> {
    let bytes = tar_gz(&content.below("package"), moment).map_err(Error::written(file))?;
    Ok((file.to_owned(), bytes))
}
