//! A user unit: `systemd.service(5)`, `systemd.syntax(7)`.

use std::fmt::Write;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use coordinator::Port;

use super::definition::Service;

pub(super) fn unit(service: &Service) -> String {
    format!("oneworker-{}.service", service.name)
}

fn socket(service: &Service) -> String {
    format!("oneworker-{}.socket", service.name)
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

/// The socket that systemd opens in the worker's place, and starts it for when somebody connects: `systemd.socket(5)`. It goes to the service
/// of the same name.
pub(super) fn socket_text(service: &Service, port: Port) -> String {
    format!(
        "\
[Unit]
Description=The port of the one worker {:?} of this user

[Socket]
ListenStream={}:{port}

[Install]
WantedBy=sockets.target
",
        service.name,
        Ipv4Addr::LOCALHOST
    )
}

pub(super) fn socket_path(service: &Service, set: &dyn Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    Some(path(service, set)?.with_file_name(socket(service)))
}

/// Whether systemd has its link to the service or the socket, as `systemctl enable` makes it.
pub(super) fn is_enabled(service: &Service, path: &Path) -> bool {
    let links = [("default.target.wants", unit(service)), ("sockets.target.wants", socket(service))];
    let is_link =
        |(target, name): (&str, String)| path.with_file_name(target).join(name).symlink_metadata().is_ok();
    links.into_iter().any(is_link)
}

pub(super) fn path(service: &Service, set: &dyn Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let config = set("XDG_CONFIG_HOME").or_else(|| Some(set("HOME")?.join(".config")))?;
    Some(config.join("systemd").join("user").join(unit(service)))
}

pub(super) fn enable(service: &Service, by_socket: bool) -> String {
    let unit = if by_socket { socket(service) } else { unit(service) };
    format!("systemctl --user daemon-reload && systemctl --user enable --now {unit}")
}

pub(super) fn disable(service: &Service, by_socket: bool) -> String {
    let socket = if by_socket { format!("{} ", socket(service)) } else { String::new() };
    format!("systemctl --user disable --now {socket}{}", unit(service))
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

/// The words of `ExecStart=`, as far as they are such as [`quoted`] could have written or need no quoting.
pub(super) fn words(text: &str) -> Option<Vec<String>> {
    let mut rest = text.lines().find_map(|line| line.trim_start().strip_prefix("ExecStart="))?.trim();
    let mut words = Vec::new();
    while !rest.is_empty() {
        let (word, after) = match rest.strip_prefix('"') {
            Some(quoted) => unquoted(quoted)?,
            None => {
                let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
                (word.to_owned(), after)
            }
        };
        words.push(word);
        rest = after.trim_start();
    }
    Some(words)
}

/// A word whose quotes have been opened, and what follows it.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let (mut word, mut chars) = (String::new(), text.chars());
    loop {
        match chars.next()? {
            '"' => return Some((word, chars.as_str())),
            '\\' => word.push(chars.next().filter(|c| matches!(c, '"' | '\\'))?),
            c @ ('%' | '$') => word.push(chars.next().filter(|next| *next == c)?),
            c => word.push(c),
        }
    }
}
