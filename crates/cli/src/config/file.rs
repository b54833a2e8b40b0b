//! `oneworker.toml`: read whole, checked whole.
//!
//! A key with a typing error that is passed over in silence means a second identity, and so a second worker. So every key that
//! is not known is refused, with its place and the nearest name that is, and so is every value that does not fit, even where a
//! flag overrides it: one file gives the same answer to every session.

use std::ffi::OsString;
use std::io::Read;
use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::definition::Form;
use super::error::ConfigError;
use super::key::Key;
use super::plan;
use super::positions::Positions;
use super::source::Setting;
use super::strays;
use super::suggest::suggest;

/// The most that is read of a configuration file, in bytes.
pub(crate) const READ_LIMIT: u64 = 1 << 20;
/// The most opening brackets that a file may have. `toml_parser` goes one call deeper for each that is not closed, and its own limit of the
/// depth is undone by a bracket that closes what was never opened: `a = { b =.c = []` on every line overflowed the stack.
const MOST_BRACKETS: usize = 512;

/// What a file says: its values as text, each with its place, in the file's order.
#[derive(Debug, Default)]
pub(crate) struct ConfigFile {
    values: Vec<(Key, Setting<OsString>)>,
}

impl ConfigFile {
    /// What the file says of this key; more than one value only for a list.
    pub(crate) fn values(&self, key: Key) -> impl Iterator<Item = &Setting<OsString>> {
        self.values.iter().filter(move |(of, _)| *of == key).map(|(_, value)| value)
    }

    /// Reads and checks a file; `None` if it does not exist.
    ///
    /// # Errors
    /// If it can't be read, is no TOML, or has a key or a value that is not known.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>, ConfigError> {
        match contents(path) {
            Ok(Some(text)) => Self::parse(path, &text).map(Some),
            Ok(None) => Err(ConfigError::TooLarge { path: path.to_owned(), limit: READ_LIMIT }),
            Err(error)
                if matches!(
                    error.kind(),
                    std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
                ) =>
            {
                Ok(None)
            }
            Err(source) => Err(ConfigError::Unreadable { path: path.to_owned(), source }),
        }
    }

    /// Checks the text of a file that is called `path`.
    ///
    /// # Errors
    /// As [`ConfigFile::read`].
    pub(crate) fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let positions = Positions::new(path, text);
        if let Some((at, _)) = text.match_indices(['{', '[']).nth(MOST_BRACKETS) {
            let (line, column) = positions.line_and_column(at..at);
            let message = format!("more than {MOST_BRACKETS} brackets are opened");
            return Err(ConfigError::Syntax { path: path.to_owned(), line, column, message });
        }
        let document = DeTable::parse(text).map_err(|error| {
            let (line, column) = positions.line_and_column(error.span().unwrap_or_default());
            ConfigError::Syntax { path: path.to_owned(), line, column, message: error.message().to_owned() }
        })?;
        let mut file = Self::default();
        file.table(&positions, "", document.get_ref())?;
        file.values.extend(plan::read(&positions, document.get_ref())?.map(|plan| (Key::Plan, plan)));
        file.values.extend(strays::read(&positions, document.get_ref())?.map(|strays| (Key::Strays, strays)));
        Ok(file)
    }

    fn table(
        &mut self,
        positions: &Positions<'_>,
        table: &str,
        entries: &DeTable<'_>,
    ) -> Result<(), ConfigError> {
        for (name, value) in entries {
            if table.is_empty() && matches!(name.get_ref().as_ref(), "worker" | "helper" | "strays") {
                continue;
            }
            let known = |key: &Key| key.table_and_leaf() == (table, name.get_ref().as_ref());
            let is_table =
                table.is_empty() && Key::ALL.iter().any(|key| key.table_and_leaf().0 == name.get_ref());
            match (Key::ALL.into_iter().find(known), value.get_ref()) {
                (Some(key), _) => self.value(positions, key, value)?,
                (None, DeValue::Table(inner)) if is_table => self.table(positions, name.get_ref(), inner)?,
                (None, _) if is_table => {
                    let wrong =
                        format!("is a table: write [{name}] on a line of its own", name = name.get_ref());
                    return Err(positions.bad_value(name.get_ref(), value.span(), wrong));
                }
                (None, _) => {
                    let (line, column) = positions.line_and_column(name.span());
                    return Err(ConfigError::UnknownKey {
                        path: positions.path().to_owned(),
                        line,
                        column,
                        key: name.get_ref().to_string(),
                        hint: suggest(table, name.get_ref()),
                    });
                }
            }
        }
        Ok(())
    }

    fn value(
        &mut self,
        positions: &Positions<'_>,
        key: Key,
        value: &Spanned<DeValue<'_>>,
    ) -> Result<(), ConfigError> {
        let bad = |span, wrong| positions.bad_value(key.path(), span, wrong);
        match (key.form(), value.get_ref()) {
            (Form::List, DeValue::Array(items)) => {
                for item in items.iter() {
                    let Some(text) = item.get_ref().as_str() else {
                        return Err(bad(item.span(), expected(Form::Text, item.get_ref())));
                    };
                    self.text(positions, key, text.to_owned(), item.span())?;
                }
                Ok(())
            }
            (Form::Text | Form::TextOrNumber, DeValue::String(text)) => {
                self.text(positions, key, text.to_string(), value.span())
            }
            (Form::Number | Form::TextOrNumber, DeValue::Integer(number)) => {
                let number = i64::from_str_radix(number.as_str(), number.radix())
                    .map_err(|_| bad(value.span(), format!("{} is too large", number.as_str())))?;
                self.text(positions, key, number.to_string(), value.span())
            }
            (form, other) => Err(bad(value.span(), expected(form, other))),
        }
    }

    fn text(
        &mut self,
        positions: &Positions<'_>,
        key: Key,
        text: String,
        span: Range<usize>,
    ) -> Result<(), ConfigError> {
        let raw = OsString::from(text);
        key.check(&raw).map_err(|wrong| positions.bad_value(key.path(), span.clone(), wrong))?;
        self.values.push((key, Setting { value: raw, source: positions.source(span) }));
        Ok(())
    }
}

/// The bytes of a regular file: anything else could block for ever. `None` if there are too many.
fn contents(path: &Path) -> std::io::Result<Option<String>> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    let mut text = String::new();
    std::fs::File::open(path)?.take(READ_LIMIT + 1).read_to_string(&mut text)?;
    Ok((text.len() as u64 <= READ_LIMIT).then_some(text))
}

fn expected(form: Form, found: &DeValue<'_>) -> String {
    let wanted = match form {
        Form::Text => "text in quotation marks",
        Form::Number => "a whole number",
        Form::TextOrNumber => "a whole number, or text in quotation marks",
        Form::List => "a list of texts in square brackets",
    };
    format!("must be {wanted}, not of type {}", found.type_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        ConfigFile::parse(Path::new("oneworker.toml"), text).unwrap_err().to_string()
    }

    #[test]
    fn every_key_is_read_with_its_place() {
        let text = "name = \"a\"\nport = 4000\n[backoff]\n  free = 3\n[env]\npass = [\"A\", \"B\"]\n";
        let file = ConfigFile::parse(Path::new("oneworker.toml"), text).unwrap();
        let free = file.values(Key::BackoffFree).next().unwrap();
        assert_eq!(free.value, "3");
        assert_eq!(free.source.to_string(), "oneworker.toml:4:10");
        assert_eq!(file.values(Key::EnvPass).map(|item| item.value.clone()).collect::<Vec<_>>(), ["A", "B"]);
        assert_eq!(file.values(Key::Port).next().unwrap().value, "4000");
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line_and_the_nearest_name() {
        assert_eq!(
            refusal("# mine\nname = \"a\"\nprot = 1\n"),
            "oneworker.toml:3:1: unknown key \"prot\" — did you mean \"port\"?"
        );
        assert_eq!(
            refusal("[serve]\ndrian = \"1s\"\n"),
            "oneworker.toml:2:1: unknown key \"drian\" — did you mean \"drain\"?"
        );
        assert_eq!(
            refusal("drain = \"1s\"\n"),
            "oneworker.toml:1:1: unknown key \"drain\" — did you mean \"drain\" in [serve]?"
        );
        assert!(refusal("[backof]\nfree = 1\n").ends_with("did you mean \"backoff\"?"));
        assert!(refusal("state-dir = \"/x\"\n").ends_with("did you mean \"state_dir\"?"));
        assert!(refusal("[env]\nzzzzzzzz = 1\n").ends_with("known here: pass"));
    }

    #[test]
    fn a_bad_value_is_refused_with_its_line_and_column() {
        assert!(refusal("port = 0\n").starts_with("oneworker.toml:1:8: port: "));
        assert!(refusal("port = true\n").contains("must be a whole number, or text"));
        assert!(refusal("deadline = 5\n").contains("must be text in quotation marks"));
        assert!(
            refusal("\ndeadline = \"5\"\n")
                .starts_with("oneworker.toml:2:12: deadline: \"5\" is not a duration")
        );
        assert!(refusal("[env]\npass = [\"A\", 3]\n").starts_with("oneworker.toml:2:14: env.pass: "));
        assert!(refusal("[backoff]\nfree = -1\n").contains("is not a whole number"));
        assert!(refusal("serve = 3\n").contains("is a table"));
        assert!(refusal("state_dir = \"state\"\n").contains("not an absolute path"));
    }

    #[test]
    fn what_is_no_toml_is_refused_with_its_place() {
        assert!(
            refusal("name = \"a\"\nport =\n").starts_with("oneworker.toml:2:"),
            "{}",
            refusal("name = \"a\"\nport =\n")
        );
        assert!(refusal("name = \"a\"\nname = \"b\"\n").starts_with("oneworker.toml:2:"));
    }

    #[test]
    fn columns_are_counted_in_characters() {
        assert!(refusal("[env]\npass = [\"é\", 3]\n").starts_with("oneworker.toml:2:14:"));
    }

    #[test]
    fn a_list_as_long_as_a_file_may_be_is_read_at_once() {
        let text = format!("[env]\npass = [{}]\n", "\"A\",".repeat(260_000));
        let begun = std::time::Instant::now();
        let file = ConfigFile::parse(Path::new("oneworker.toml"), &text).unwrap();
        assert_eq!(file.values(Key::EnvPass).count(), 260_000);
        // Milliseconds, where counting from the beginning takes many minutes.
        assert!(begun.elapsed() < std::time::Duration::from_secs(120), "{:?}", begun.elapsed());
    }

    #[test]
    fn tables_never_closed_do_not_exhaust_the_stack() {
        let text = "serve = { drain =.pass = []\n".repeat(36_000);
        assert!((text.len() as u64) <= READ_LIMIT, "as much as is read");
        assert_eq!(
            refusal(&text),
            "oneworker.toml:257:9: more than 512 brackets are opened",
            "two of them on each line"
        );
    }

    #[test]
    fn a_file_that_is_too_large_or_no_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("oneworker.toml");
        assert!(ConfigFile::read(&path).unwrap().is_none());
        std::fs::write(&path, vec![b'\n'; 1 << 20]).unwrap();
        assert!(ConfigFile::read(&path).unwrap().is_some());
        std::fs::write(&path, vec![b'\n'; (1 << 20) + 1]).unwrap();
        assert!(matches!(ConfigFile::read(&path), Err(ConfigError::TooLarge { .. })));
        assert!(matches!(ConfigFile::read(dir.path()), Err(ConfigError::Unreadable { .. })));
    }
}
