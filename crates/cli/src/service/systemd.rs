//! A user unit: `systemd.service(5)`, `systemd.syntax(7)`.

use std::ffi::OsString;
use std::fmt::Write;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use coordinator::Port;
use coordinator::system::systemd::{service_unit, socket_unit, unit_path};

use super::definition::Service;

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

pub(super) fn socket_path(
    service: &Service,
    environment: &dyn Fn(&str) -> Option<OsString>,
) -> Option<PathBuf> {
    Some(unit_path(&service.name, environment)?.with_file_name(socket_unit(&service.name)))
}

pub(super) fn enable(service: &Service, by_socket: bool) -> String {
    let unit = if by_socket { socket_unit(&service.name) } else { service_unit(&service.name) };
    format!("systemctl --user daemon-reload && systemctl --user enable --now {unit}")
}

pub(super) fn disable(service: &Service, by_socket: bool) -> String {
    let socket = if by_socket { format!("{} ", socket_unit(&service.name)) } else { String::new() };
    format!("systemctl --user disable --now {socket}{}", service_unit(&service.name))
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
