//! Wheels for PyPI: the binary becomes a command of the environment that it is installed into, with no Python around it.
//! <https://packaging.python.org/en/latest/specifications/binary-distribution-format/>

use semver::{Prerelease, Version};
use time::OffsetDateTime;

use crate::checksums::hash;
use crate::content::{Content, Kind};
use crate::error::Error;
use crate::target::Target;
use crate::workspace::{self, VERSION};
use crate::zip_file::zip;

/// File name and bytes.
pub(crate) fn wheel(
    target: Target,
    binary: &[u8],
    moment: OffsetDateTime,
) -> Result<(String, Vec<u8>), Error> {
    let version = version(VERSION).ok_or_else(|| Error::Value {
        what: "the workspace's version".to_owned(),
        found: VERSION.to_owned(),
        wanted: "PyPI knows X.Y.Z, and X.Y.Z-alpha.N, -beta.N and -rc.N",
    })?;
    let tags = target.wheel_tags();
    let info = format!("oneworker-{version}.dist-info");
    let mut content = Content::default();
    content.add(format!("oneworker-{version}.data/scripts/{}", target.program()), Kind::Program, binary);
    content.add(format!("{info}/METADATA"), Kind::Data, metadata(&version)?);
    content.add(format!("{info}/WHEEL"), Kind::Data, description(tags));
    for licence in ["LICENSE-APACHE", "LICENSE-MIT"] {
        content.add(format!("{info}/licenses/{licence}"), Kind::Data, workspace::text(licence)?);
    }
    let record = record(&content, &format!("{info}/RECORD"));
    content.add(format!("{info}/RECORD"), Kind::Data, record);

    let name = format!("oneworker-{version}-py3-none-{}.whl", tags.join("."));
    let bytes = zip(&content, moment).map_err(Error::written(&name))?;
    Ok((name, bytes))
}

/// A version as Python writes it. <https://packaging.python.org/en/latest/specifications/version-specifiers/>
fn version(version: &str) -> Option<String> {
    let Version { major, minor, patch, pre, build } = Version::parse(version).ok()?;
    if !build.is_empty() {
        return None;
    }
    let pre = if pre == Prerelease::EMPTY {
        String::new()
    } else {
        let (stage, number) = pre.split_once('.')?;
        let stage = match stage {
            "alpha" => "a",
            "beta" => "b",
            "rc" => "rc",
            _ => return None,
        };
        format!("{stage}{}", number.parse::<u32>().ok()?)
    };
    Some(format!("{major}.{minor}.{patch}{pre}"))
}

/// What is about the project stands in a file; the version is added here.
fn metadata(version: &str) -> Result<String, Error> {
    let fields = workspace::text("packaging/pypi/METADATA")?;
    let readme = workspace::text("packaging/pypi/README.md")?;
    Ok(format!(
        "Metadata-Version: 2.4\nName: oneworker\nVersion: {version}\n{}\n\n{readme}",
        fields.trim_end()
    ))
}

fn description(tags: &[&str]) -> String {
    let tags: String = tags.iter().map(|tag| format!("Tag: py3-none-{tag}\n")).collect();
    format!("Wheel-Version: 1.0\nGenerator: oneworker xtask ({VERSION})\nRoot-Is-Purelib: false\n{tags}")
}

/// Path, hash and size of each file; of the list itself, the path only.
fn record(content: &Content, own_path: &str) -> String {
    let line = |(path, _, bytes): (&str, Kind, &[u8])| {
        format!("{path},sha256={},{}\n", base64(&hash(bytes)), bytes.len())
    };
    content.files().map(line).chain([format!("{own_path},,\n")]).collect()
}

/// For URLs, and without padding: RFC 4648, section 5.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits =
            group.iter().fold(0, |bits, byte| bits << 8 | usize::from(*byte)) << (8 * (3 - group.len()));
        text.extend((0..=group.len()).map(|digit| char::from(ALPHABET[bits >> (18 - 6 * digit) & 63])));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_written_as_python_does() {
        assert_eq!(version("1.2.3").as_deref(), Some("1.2.3"));
        assert_eq!(version("1.2.3-alpha.4").as_deref(), Some("1.2.3a4"));
        assert_eq!(version("1.2.3-beta.0").as_deref(), Some("1.2.3b0"));
        assert_eq!(version("1.2.3-rc.1").as_deref(), Some("1.2.3rc1"));
        for unknown in ["1.2.3-nightly.1", "1.2.3-rc", "1.2.3-rc.x", "1.2.3+build", "1.2"] {
            assert_eq!(version(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn base64_is_that_of_the_standard() {
        // The vectors of RFC 4648, section 10, without padding, and one with both letters that differ for URLs.
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg"),
            ("fo", "Zm8"),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
        assert_eq!(base64(&[0xfb, 0xff]), "-_8");
    }
}
