//! What a configuration needs to say for the same program to be supervised.

use serde_json::Value;

use super::old_daemon::OldDaemon;

/// The table, to stand behind whatever the file says already, with what can't be seen from outside as comments.
pub(super) fn config(daemon: &OldDaemon) -> String {
    let program = std::iter::once(daemon.row.program.clone());
    let words = program.chain(daemon.arguments.iter().map(|argument| with_port(argument, daemon.port)));
    let command = words.map(quoted).collect::<Vec<_>>().join(", ");
    let mut text = format!(
        "# As process {} runs. It has to stay in the foreground, and to listen on {{port}}: port = {} belongs at the top of the file.\n[worker]\ncommand = [{command}]\n",
        daemon.row.pid, daemon.port
    );
    if let Some(directory) = &daemon.directory {
        text.push_str(&format!("directory = {}\n", quoted(directory.clone())));
    }
    if daemon.status.is_some_and(|status| (200..300).contains(&status)) {
        text.push_str("ready = { http = \"/health\" }      # any status from 200 to 299\nalive = { http = \"/health\" }\n");
    }
    text.push_str("\n# Of its variables nothing is copied. Those that it needs, and the program's own name of the port:\n# [worker.env]\n# pass = [\"NAME\"]\n# set = { PORT = \"{port}\" }\n");
    text
}

/// A string of TOML: one of JSON is that too, where the one character is escaped that JSON has no need to.
fn quoted(text: String) -> String {
    Value::String(text).to_string().replace('\u{7f}', "\\u007f")
}

/// `{port}` where an argument is the port, or ends with it after a `=` or `:`.
fn with_port(argument: &str, port: u16) -> String {
    let port = port.to_string();
    match argument.strip_suffix(port.as_str()) {
        Some(before) if before.is_empty() || before.ends_with(['=', ':']) => format!("{before}{{port}}"),
        _ => argument.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_read_back() {
        for text in ["", "a b", "\"\\'", "\u{0}\t\n\u{1b}\u{7f}é\u{1f600}", "C:\\x\u{2028}"] {
            let read: toml::Table = format!("a = {}", quoted(text.to_owned())).parse().unwrap();
            assert_eq!(read["a"].as_str(), Some(text));
        }
    }

    #[test]
    fn the_port_of_an_argument_is_left_open() {
        for (argument, expected) in [
            ("4000", "{port}"),
            ("--port=4000", "--port={port}"),
            ("http://127.0.0.1:4000", "http://127.0.0.1:{port}"),
            ("14000", "14000"),
            ("4000x", "4000x"),
            ("", ""),
        ] {
            assert_eq!(with_port(argument, 4000), expected);
        }
    }
}
