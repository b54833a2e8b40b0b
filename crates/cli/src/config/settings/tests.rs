use std::path::Path;

use worker::ChildSpec;

use super::*;
use crate::config::{DEFINITIONS, Definition};

/// A state directory that is absolute on this system.
fn absolute() -> PathBuf {
    std::env::temp_dir().join("oneworker-settings-test")
}

fn resolve(
    flags: &[(Key, &str)],
    variables: &[(&'static str, &str)],
    file: Option<&str>,
) -> Result<Settings, ConfigError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("oneworker.toml");
    if let Some(text) = file {
        std::fs::write(&path, text).unwrap();
    }
    let choice = if file.is_some() { FileChoice::Flag(path) } else { FileChoice::None };
    let mut flags: Vec<_> = flags.iter().map(|(key, text)| (*key, OsString::from(text))).collect();
    flags.push((Key::StateDir, absolute().into()));
    let lookup =
        |name: &str| variables.iter().find(|(of, _)| *of == name).map(|(_, value)| OsString::from(value));
    Settings::resolve(&flags, &choice, &lookup)
}

#[test]
fn flags_come_before_the_environment_before_the_file_before_defaults() {
    let file = Some("port = 3\n");
    let variables = [("ONEWORKER_PORT", "2")];
    let port = |settings: Settings| (settings.port.value.to_string(), settings.port.source);

    let (value, source) = port(resolve(&[(Key::Port, "1")], &variables, file).unwrap());
    assert_eq!((value.as_str(), source), ("1", Source::Flag { flag: "--port" }));
    let (value, source) = port(resolve(&[], &variables, file).unwrap());
    assert_eq!((value.as_str(), source), ("2", Source::Environment { variable: "ONEWORKER_PORT" }));
    let (value, source) = port(resolve(&[], &[], file).unwrap());
    assert_eq!(value, "3");
    assert!(matches!(source, Source::File { line: 1, column: 8, .. }), "{source:?}");
    let (value, source) = port(resolve(&[], &[], None).unwrap());
    assert_eq!((value.as_str(), source), ("37777", Source::Default));
}

#[test]
fn every_key_can_be_set_by_its_variable_and_passed_on_as_a_flag() {
    let dir = absolute();
    let paths = [dir.join("other.db"), dir.clone()].map(|path| path.to_string_lossy().into_owned());
    let plan = Plan { command: Some(ChildSpec::of_command(vec!["node".into()])), ..Plan::default() };
    let plan = serde_json::to_string(&plan).unwrap();
    let strays = r#"{"worker":[["node","*/worker.cjs"]]}"#;
    let samples = ["7s", "7", "normal", "newest", "debug", strays, &plan, &paths[0], &paths[1]];
    for key in Key::ALL {
        let value = samples.into_iter().find(|sample| key.check(sample.as_ref()).is_ok()).unwrap().to_owned();
        let lookup = |name: &str| (name == key.variable()).then(|| OsString::from(&value));
        let flags = if key == Key::StateDir { vec![] } else { vec![(Key::StateDir, dir.clone().into())] };
        let settings = Settings::resolve(&flags, &FileChoice::None, &lookup).unwrap();
        let entries = settings.entries();
        let entry = entries.iter().find(|entry| entry.key == key).unwrap();
        assert_eq!(entry.text, OsString::from(&value), "{key:?}");
        assert_eq!(*entry.source, Source::Environment { variable: key.variable() });
        key.check(&entry.text).unwrap();
    }
}

#[test]
fn an_empty_variable_counts_as_not_set() {
    assert_eq!(resolve(&[], &[("ONEWORKER_NAME", "")], None).unwrap().name.source, Source::Default);
}

#[test]
fn a_bad_value_names_the_flag_or_the_variable() {
    let message = |result: Result<Settings, ConfigError>| result.unwrap_err().to_string();
    assert!(message(resolve(&[(Key::Port, "0")], &[], None)).starts_with("--port: \"0\" is not valid"));
    assert!(
        message(resolve(&[], &[("ONEWORKER_DEADLINE", "5")], None)).starts_with("ONEWORKER_DEADLINE: \"5\"")
    );
}

#[test]
fn variables_to_pass_on_add_up() {
    let file = Some("[env]\npass = [\"C\", \"A\"]\n");
    let settings =
        resolve(&[(Key::EnvPass, "A"), (Key::EnvPass, "B")], &[("ONEWORKER_ENV_PASS", "B, D")], file)
            .unwrap();
    let names: Vec<_> = settings.env_pass.iter().map(|item| item.value.as_str()).collect();
    assert_eq!(names, ["A", "B", "D", "C"]);
}

#[test]
fn a_named_file_must_exist_and_a_relative_one_in_the_environment_is_refused() {
    let missing = FileChoice::Flag(absolute().join("missing.toml"));
    let error = Settings::resolve(&[], &missing, &|_| None).unwrap_err();
    assert!(error.to_string().contains("that --config names does not exist"), "{error}");
    let relative = |name: &str| (name == "ONEWORKER_CONFIG").then(|| OsString::from("oneworker.toml"));
    let error = Settings::resolve(&[], &FileChoice::Usual, &relative).unwrap_err();
    assert!(error.to_string().contains("not an absolute path"), "{error}");
}

#[test]
fn the_default_state_directory_ends_with_the_name() {
    let flags = [(Key::Name, OsString::from("mine"))];
    let settings = Settings::resolve(&flags, &FileChoice::None, &|_| None).unwrap();
    assert!(settings.state_dir.value.ends_with(Path::new("oneworker").join("mine")));
    assert_eq!(settings.state_dir.source, Source::Default);
}

#[test]
fn each_key_has_its_own_row_and_names_of_its_own() {
    for key in Key::ALL {
        assert_eq!(key.definition().key, key);
        let same = |other: &&Definition| {
            let key = key.definition();
            other.path == key.path || other.variable == key.variable || other.flag == key.flag
        };
        assert_eq!(DEFINITIONS.iter().filter(same).count(), 1, "{key:?}");
    }
}

#[test]
fn a_default_that_is_written_down_in_words_is_the_default() {
    let defaults = resolve(&[], &[], None).unwrap();
    for key in Key::ALL {
        let words = (key.definition().default)();
        let value = words.split(';').next().unwrap();
        if key == Key::StateDir || key.check(value.as_ref()).is_err() {
            continue;
        }
        let text =
            |settings: &Settings| settings.entries().into_iter().find(|entry| entry.key == key).unwrap().text;
        let given = resolve(&[(key, value)], &[], None).unwrap();
        assert_eq!(text(&given), text(&defaults), "{key:?}");
    }
}
