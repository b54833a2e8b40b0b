//! Taking secrets out of what is to be sent to others: those that are known, and whatever looks like one.
//!
//! In doubt something is taken out: a report with a word too few can still be read, and a secret that was sent can't be called back. What is
//! looked for, in any text: values beside names such as `token`, `--password` or `API_KEY`; `Bearer …`; what stands before the `@` of an
//! address; keys in PEM; long words that no person writes.

mod names;
mod removed;
mod words;

use std::cell::Cell;

pub(super) use names::is_secret as is_secret_name;
use serde_json::Value;

use removed::REMOVED;

/// A known secret that is shorter than this would be found in words that are none.
const SHORTEST: usize = 6;

/// Takes them out, and counts.
#[derive(Debug, Default)]
pub(super) struct Secrets {
    known: Vec<String>,
    homes: Vec<String>,
    removed: Cell<usize>,
}

impl Secrets {
    /// This text is one, wherever it stands.
    pub(super) fn know(&mut self, secret: &str) {
        let secret = secret.trim();
        if secret.len() >= SHORTEST && !self.known.iter().any(|known| known == secret) {
            self.known.push(secret.to_owned());
            // One that has another in it goes first, and whole.
            self.known.sort_by_key(|known| std::cmp::Reverse(known.len()));
        }
    }

    /// A home directory, whose path becomes `~`.
    pub(super) fn at_home_in(&mut self, home: &str) {
        let home = home.trim_end_matches(['/', '\\']);
        if !home.is_empty() && !self.homes.iter().any(|known| known == home) {
            self.homes.push(home.to_owned());
            self.homes.sort_by_key(|home| std::cmp::Reverse(home.len()));
        }
    }

    /// How many were taken out.
    pub(super) fn removed(&self) -> usize {
        self.removed.get()
    }

    fn gone(&self) -> &'static str {
        self.removed.set(self.removed.get() + 1);
        REMOVED
    }

    /// The text without them.
    pub(super) fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for known in &self.known {
            let found = text.matches(known.as_str()).count();
            if found > 0 {
                self.removed.set(self.removed.get() + found);
                text = text.replace(known.as_str(), REMOVED);
            }
        }
        for home in &self.homes {
            text = without_home(&text, home);
        }
        let mut clean = String::with_capacity(text.len());
        let mut in_key = false;
        for line in text.split_inclusive('\n') {
            let end = line.len() - line.trim_end_matches(['\n', '\r']).len();
            let (line, end) = line.split_at(line.len() - end);
            let begins = line.contains("-----BEGIN ") && line.contains("PRIVATE KEY");
            if begins && !in_key {
                clean.push_str(self.gone());
                clean.push_str(end);
            }
            if in_key || begins {
                in_key = !line.contains("-----END ");
                continue;
            }
            clean.push_str(&self.line(line));
            clean.push_str(end);
        }
        clean
    }

    fn line(&self, line: &str) -> String {
        let gone = || self.gone();
        words::without_long_words(&names::without_named(&words::without_user_info(line, gone), gone), gone)
    }

    /// The value without them: a whole value where its name says that it is one, and the next word of a command line where a flag does.
    pub(super) fn value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.nested(text)),
            Value::Array(items) => Value::Array(self.items(items)),
            Value::Object(map) => Value::Object(
                map.iter().map(|(name, value)| (self.text(name), self.member(name, value))).collect(),
            ),
            other => other.clone(),
        }
    }

    fn items(&self, items: &[Value]) -> Vec<Value> {
        let mut after_flag = false;
        let item = |item: &Value| {
            let text = item.as_str().unwrap_or_default();
            let is_flag = names::is_secret_flag(text);
            if std::mem::replace(&mut after_flag, is_flag) && !text.starts_with('-') {
                self.emptied(item)
            } else {
                self.value(item)
            }
        };
        items.iter().map(item).collect()
    }

    fn member(&self, name: &str, value: &Value) -> Value {
        match name {
            // Names of variables, and not their values.
            "env.pass" => self.value(value),
            // Which boot something was noted in is no secret, and often what it is about.
            "boot_id" if value.as_str().is_some_and(is_uuid) => value.clone(),
            // Variables with their values.
            "env" | "environment" | "set" if value.is_object() => self.variables(value),
            name if names::is_secret(name) => self.emptied(value),
            _ => self.value(value),
        }
    }

    /// Names stay; what they stand for goes.
    fn variables(&self, value: &Value) -> Value {
        let Value::Object(map) = value else { return self.emptied(value) };
        let variable = |(name, value): (&String, &Value)| {
            let clean = match (name.as_str(), value) {
                ("pass", Value::Array(_)) => self.value(value),
                ("set", Value::Object(_)) => self.variables(value),
                _ => self.emptied(value),
            };
            (self.text(name), clean)
        };
        Value::Object(map.iter().map(variable).collect())
    }

    fn emptied(&self, value: &Value) -> Value {
        match value {
            Value::Null | Value::Bool(_) => value.clone(),
            Value::String(_) | Value::Number(_) => Value::String(self.gone().to_owned()),
            Value::Array(items) => Value::Array(items.iter().map(|item| self.emptied(item)).collect()),
            Value::Object(map) => Value::Object(
                map.iter().map(|(name, value)| (self.text(name), self.emptied(value))).collect(),
            ),
        }
    }

    /// A text that is JSON itself is cleaned as such.
    fn nested(&self, text: &str) -> String {
        match serde_json::from_str::<Value>(text) {
            Ok(inner @ (Value::Object(_) | Value::Array(_))) => self.value(&inner).to_string(),
            _ => self.text(text),
        }
    }
}

/// `~` in the place of the home directory, where its path ends there.
fn without_home(text: &str, home: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(home) {
        let (before, after) = (&rest[..at], &rest[at + home.len()..]);
        let goes_on = |c: char| c.is_alphanumeric() || "-_.".contains(c);
        let whole = !after.starts_with(goes_on) && !before.ends_with(|c: char| goes_on(c) || c == '/');
        clean.push_str(before);
        clean.push_str(if whole { "~" } else { home });
        rest = after;
    }
    clean + rest
}

fn is_uuid(text: &str) -> bool {
    let parts: Vec<usize> = text.split('-').map(str::len).collect();
    parts == [8, 4, 4, 4, 12] && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn secrets() -> Secrets {
        let mut secrets = Secrets::default();
        secrets.know("hunter2!");
        secrets.at_home_in("/home/ada/");
        secrets
    }

    #[test]
    fn known_secrets_are_gone_everywhere_and_a_home_is_a_tilde() {
        let secrets = secrets();
        assert_eq!(secrets.text("xhunter2!y hunter2!"), "x[removed]y [removed]");
        assert_eq!(secrets.removed(), 2);
        assert_eq!(
            secrets.text("/home/ada/x /home/ada \"/home/ada\" /home/adam /mnt/home/ada/x /home/ada.old"),
            "~/x ~ \"~\" /home/adam /mnt/home/ada/x /home/ada.old"
        );
        let mut shadowed = Secrets::default();
        shadowed.know("abcdef");
        shadowed.know("abcdefghij");
        shadowed.know("ab");
        assert_eq!(shadowed.text("abcdefghij abcdef ab"), "[removed] [removed] ab");
    }

    #[test]
    fn a_private_key_goes_as_a_whole() {
        let text =
            "before\n-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc\n-----END RSA PRIVATE KEY-----\nafter\n";
        assert_eq!(Secrets::default().text(text), "before\n[removed]\nafter\n");
        let cut = "-----BEGIN PRIVATE KEY-----\r\nMIIE";
        assert_eq!(Secrets::default().text(cut), "[removed]\r\n");
    }

    #[test]
    fn values_go_by_their_names_and_words_by_their_flags() {
        let secrets = secrets();
        let value = json!({
            "api_key": "a", "nested": {"Password": ["b", {"x": 7}]}, "state": "ready", "none": null, "token": null,
            "command": ["node", "--auth-token", "c", "--port", "1", "--password=d", "--token", "--verbose"],
            "plan": "{\"command\":{\"env\":{\"pass\":[\"LANG\"],\"set\":{\"MODE\":\"e\"}}}}",
            "env.pass": [{"value": "LANG"}], "environment": {"A": "f"},
            "boot_id": "01234567-89ab-cdef-0123-456789abcdef", "session": "01234567-89ab-cdef-0123-456789abcdef",
        });
        assert_eq!(
            secrets.value(&value),
            json!({
                "api_key": "[removed]", "nested": {"Password": ["[removed]", {"x": "[removed]"}]}, "state": "ready", "none": null, "token": null,
                "command": ["node", "--auth-token", "[removed]", "--port", "1", "--password=[removed]", "--token", "--verbose"],
                "plan": "{\"command\":{\"env\":{\"pass\":[\"LANG\"],\"set\":{\"MODE\":\"[removed]\"}}}}",
                "env.pass": [{"value": "LANG"}], "environment": {"A": "[removed]"},
                "boot_id": "01234567-89ab-cdef-0123-456789abcdef", "session": "[removed]",
            })
        );
        assert_eq!(
            secrets.value(&json!({"boot_id": "hunter2! and more"})),
            json!({"boot_id": "[removed] and more"})
        );
    }

    #[test]
    fn what_a_worker_logs_stays_as_it_is() {
        for line in [
            "2026-11-27T02:15:31.123456Z  INFO in office for 3.2 s, epoch=7 pid=4711 port=37777 version=0.1.0",
            "started /usr/local/bin/oneworker serve --no-config --name default --state-dir /var/lib/oneworker/default",
            "error at src/main.rs:10:5: No such file or directory (os error 2)",
            "x86_64-unknown-linux-gnu oneworker-under-test listening on http://127.0.0.1:37777/health?x=1",
            "epoch: 7, keys of the table: 3",
        ] {
            assert_eq!(Secrets::default().text(line), line);
        }
    }
}
