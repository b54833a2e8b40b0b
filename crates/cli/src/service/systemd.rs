//! A user unit: `systemd.service(5)`, `systemd.syntax(7)`.

use std::fmt::Write;
use std::path::PathBuf;

use super::Service;

fn unit(service: &Service) -> String {
    format!("oneworker-{}.service", service.name)
}

/// The worker says when it is ready, from whichever of its processes; one that stops because it was told to is left alone.
pub(super) fn text(service: &Service) -> String {
    let command: Vec<String> = service.words.iter().map(|word| quoted(word)).collect();
    format!(
        "\
[Unit]
Description=The one worker {:?} of this user

[Service]
Type=notify
NotifyAccess=all
ExecStart={}
Restart=on-failure
RestartSec=1

[Install]
WantedBy=default.target
",
        service.name,
        command.join(" ")
    )
}

pub(super) fn path(service: &Service, set: &dyn Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let config = set("XDG_CONFIG_HOME").or_else(|| Some(set("HOME")?.join(".config")))?;
    Some(config.join("systemd").join("user").join(unit(service)))
}

pub(super) fn enable(service: &Service) -> String {
    format!("systemctl --user daemon-reload && systemctl --user enable --now {}", unit(service))
}

pub(super) fn disable(service: &Service) -> String {
    format!("systemctl --user disable --now {}", unit(service))
}

/// One word of a command line, in which neither specifiers nor variables are replaced.
fn quoted(word: &str) -> String {
    let mut quoted = String::from("\"");
    for c in word.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '%' | '$' => quoted.extend([c, c]),
            // Writing to a string can't fail.
            c if c.is_ascii_control() => _ = write!(quoted, "\\x{:02x}", u32::from(c)),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// The first word of `ExecStart=`, if it is one that [`quoted`] could have written or needs no quoting.
pub(super) fn program(text: &str) -> Option<PathBuf> {
    let line = text.lines().find_map(|line| line.trim_start().strip_prefix("ExecStart="))?.trim_start();
    let Some(rest) = line.strip_prefix('"') else {
        return line.split_whitespace().next().map(PathBuf::from);
    };
    let (mut word, mut chars) = (String::new(), rest.chars());
    loop {
        match chars.next()? {
            '"' => return Some(word.into()),
            '\\' => word.push(chars.next().filter(|c| matches!(c, '"' | '\\'))?),
            c @ ('%' | '$') => word.push(chars.next().filter(|next| *next == c)?),
            c => word.push(c),
        }
    }
}
