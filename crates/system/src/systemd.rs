//! The units of systemd's user manager that start a worker: their names, their places, and the command in them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The unit that starts the worker of this name.
pub fn service_unit(name: &str) -> String {
    format!("oneworker-{name}.service")
}

/// The unit of the socket that the manager opens in that worker's place.
pub fn socket_unit(name: &str) -> String {
    format!("oneworker-{name}.socket")
}

/// The file of [`service_unit`]; `None` if the environment names no home. The socket's lies beside it.
pub fn unit_path(name: &str, environment: &dyn Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let set = |variable: &str| environment(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    let config = set("XDG_CONFIG_HOME").or_else(|| Some(set("HOME")?.join(".config")))?;
    Some(config.join("systemd").join("user").join(service_unit(name)))
}

/// Whether systemd starts the unit at this path, or listens for it: it has a link to the service or the socket, as `systemctl enable` makes it.
pub fn is_enabled(name: &str, path: &Path) -> bool {
    let links = [("default.target.wants", service_unit(name)), ("sockets.target.wants", socket_unit(name))];
    let is_link =
        |(target, unit): (&str, String)| path.with_file_name(target).join(unit).symlink_metadata().is_ok();
    links.into_iter().any(is_link)
}

/// The words of `ExecStart=` in a unit, as far as each needs no quoting or is quoted as `oneworker service` does it; `None` otherwise.
pub fn command_words(unit: &str) -> Option<Vec<String>> {
    let mut rest = unit.lines().find_map(|line| line.trim_start().strip_prefix("ExecStart="))?.trim();
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
