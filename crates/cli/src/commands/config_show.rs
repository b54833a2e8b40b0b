//! `oneworker config show`: each setting, its value, and where that comes from.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::args::ShowArgs;
use crate::config::{Entry, Form, Key, Settings};
use crate::exit;
use crate::from_settings::ensure_request;
use crate::output::{self, SCHEMA};
use crate::request::{Done, settings};

pub(super) fn run(args: &ShowArgs) -> Done {
    let mut flags = args.common.flags();
    args.tuning.add_to(&mut flags);
    args.upgrade.add_to(&mut flags);
    args.passed.add_to(&mut flags);
    args.supervised.add_to(&mut flags);
    args.patterns.add_to(&mut flags);
    let settings = settings(&flags, &args.common.file())?;
    // What no command would accept is refused here too.
    ensure_request(&settings, true)?;
    output::result(args.output.mode(), &table(&settings), &Answer::new(&settings))?;
    Ok(exit::OK)
}

/// What `--json` prints.
pub(super) fn report(settings: &Settings) -> Value {
    output::value(&Answer::new(settings))
}

fn table(settings: &Settings) -> String {
    let file = match &settings.file {
        Some((located, true)) => format!("# {}", located.path.display()),
        Some((located, false)) => format!("# {} (does not exist)", located.path.display()),
        None => "# no configuration file".to_owned(),
    };
    let entries = settings.entries();
    let rows = entries.iter().map(|entry| {
        let value = entry.text.to_string_lossy();
        format!("{:<20} = {:<24} # {}", entry.key.path(), output::printable(&value), entry.source)
    });
    [file].into_iter().chain(rows).collect::<Vec<_>>().join("\n")
}

/// The shape of the settings in JSON.
#[derive(Serialize)]
struct Answer {
    schema: u32,
    file: Option<String>,
    file_exists: bool,
    settings: Map<String, Value>,
}

impl Answer {
    fn new(settings: &Settings) -> Self {
        let mut map = Map::new();
        for entry in settings.entries().iter().filter(|entry| entry.key != Key::EnvPass) {
            map.insert(entry.key.path().to_owned(), json!({ "value": value(entry), "source": entry.source }));
        }
        let passed: Vec<_> = settings
            .env_pass
            .iter()
            .map(|item| json!({ "value": item.value, "source": item.source }))
            .collect();
        map.insert(Key::EnvPass.path().to_owned(), Value::Array(passed));
        Self {
            schema: SCHEMA,
            file: settings.file.as_ref().map(|(located, _)| located.path.to_string_lossy().into_owned()),
            file_exists: settings.file.as_ref().is_some_and(|(_, exists)| *exists),
            settings: map,
        }
    }
}

/// Numbers as numbers, everything else as it is written.
fn value(entry: &Entry<'_>) -> Value {
    let text = entry.text.to_string_lossy();
    // These have been text from the beginning, and stay so.
    let is_text = matches!(entry.key, Key::KeepBytes | Key::UpgradePerHour | Key::UpgradeFailures);
    let is_number = !is_text && matches!(entry.key.form(), Form::Number | Form::TextOrNumber);
    match text.parse::<u64>() {
        Ok(number) if is_number => json!(number),
        _ => json!(text),
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;
    use crate::config::FileChoice;

    fn sample() -> Settings {
        let flags = [
            (Key::StateDir, std::env::temp_dir().into_os_string()),
            (Key::Port, OsString::from("4000")),
            (Key::EnvPass, OsString::from("LANG")),
        ];
        let variables = |name: &str| (name == "ONEWORKER_DEADLINE").then(|| OsString::from("2s"));
        Settings::resolve(&flags, &FileChoice::None, &variables).unwrap()
    }

    #[test]
    fn each_value_is_shown_with_its_source() {
        let text = table(&sample());
        let line = |key: &str| text.lines().find(|line| line.starts_with(key)).unwrap().to_owned();
        assert!(text.starts_with("# no configuration file\n"));
        assert!(line("port").ends_with("# --port"));
        assert!(line("deadline").ends_with("# ONEWORKER_DEADLINE"));
        assert!(line("hang_limit").ends_with("# default"));
        assert!(line("env.pass").contains("LANG"));
    }

    #[test]
    fn the_object_has_the_documented_shape() {
        let json = serde_json::to_value(Answer::new(&sample())).unwrap();
        assert_eq!(json["schema"], 1);
        assert_eq!(json["file"], Value::Null);
        assert_eq!(
            json["settings"]["port"],
            json!({"value": 4000, "source": {"kind": "flag", "flag": "--port"}})
        );
        assert_eq!(
            json["settings"]["deadline"],
            json!({"value": "2s", "source": {"kind": "environment", "variable": "ONEWORKER_DEADLINE"}})
        );
        assert_eq!(json["settings"]["hang_limit"], json!({"value": "10s", "source": {"kind": "default"}}));
        assert_eq!(json["settings"]["env.pass"][0]["value"], "LANG");
    }
}
