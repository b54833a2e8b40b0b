//! A launch agent: `launchd.plist(5)`.

use std::path::{Path, PathBuf};

use super::definition::Service;
use super::xml::xml;

fn label(service: &Service) -> String {
    format!("oneworker.{}", service.name)
}

/// Started at login, and again when it failed; not when it stopped because it was told to.
pub(super) fn text(service: &Service) -> String {
    let words: String =
        service.words.iter().map(|word| format!("\n        <string>{}</string>", xml(word))).collect();
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
    <key>Label</key>
    <string>{}</string>
    <key>ProgramArguments</key>
    <array>{words}
    </array>
    <key>RunAtLoad</key>
    <true/>
    <key>KeepAlive</key>
    <dict>
        <key>SuccessfulExit</key>
        <false/>
    </dict>
</dict>
</plist>
"#,
        xml(&label(service))
    )
}

pub(super) fn path(service: &Service, set: &dyn Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    Some(set("HOME")?.join("Library/LaunchAgents").join(format!("{}.plist", label(service))))
}

pub(super) fn enable(path: &Path) -> String {
    format!("launchctl bootstrap gui/$(id -u) '{}'", path.display().to_string().replace('\'', r"'\''"))
}

pub(super) fn disable(service: &Service) -> String {
    format!("launchctl bootout gui/$(id -u)/{}", label(service))
}
