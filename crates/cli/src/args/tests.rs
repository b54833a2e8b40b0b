use std::ffi::OsString;

use super::parse::{short_ensure, short_hook, whole};
use super::*;
use crate::config::Key;
use crate::output::Mode;

fn words(line: &str) -> Vec<OsString> {
    line.split(' ').map(OsString::from).collect()
}

#[test]
fn the_definition_is_sound() {
    definition().debug_assert();
}

#[test]
fn every_setting_has_its_flag_on_config_show() {
    let mut command = definition();
    let show =
        command.find_subcommand_mut("config").and_then(|config| config.find_subcommand_mut("show")).unwrap();
    for key in Key::ALL {
        let known = show.get_arguments().any(|arg| arg.get_long() == key.flag().strip_prefix("--"));
        assert!(known, "{}", key.flag());
    }
}

#[test]
fn flags_become_values_of_their_keys() {
    let line = "oneworker ensure --name a --port auto --deadline 1s --env X --env Y --no-start --json";
    let Ok(Command::Ensure(args)) = parse(words(line)) else { panic!("no ensure") };
    let mut flags = args.common.flags();
    args.passed.add_to(&mut flags);
    let flags: Vec<_> = flags.iter().map(|(key, value)| (key.path(), value.to_str().unwrap())).collect();
    assert_eq!(
        flags,
        [("name", "a"), ("port", "auto"), ("deadline", "1s"), ("env.pass", "X"), ("env.pass", "Y")]
    );
    assert!(args.no_start);
    assert_eq!(args.output.mode(), Mode::Json);
}

#[test]
fn json_and_quiet_exclude_each_other() {
    assert!(parse(words("oneworker ensure --json --quiet")).is_err());
}

#[test]
fn a_mistake_beside_json_is_answered_in_json() {
    assert_eq!(parse(words("oneworker ensure --json --prot 1")).unwrap_err().mode, Mode::Json);
    assert_eq!(parse(words("oneworker ensure --prot 1")).unwrap_err().mode, Mode::Human);
}

#[test]
fn every_command_has_examples() {
    for line in [
        "ensure",
        "serve",
        "status",
        "stop",
        "restart",
        "logs",
        "adopt",
        "events",
        "explain",
        "ps",
        "reap",
        "doctor",
        "purge",
        "storm",
        "config show",
        "hook install",
        "service show",
        "completions",
        "man",
    ] {
        let help = parse(words(&format!("oneworker {line} --help"))).unwrap_err().clap.render().to_string();
        assert!(help.contains("Examples:"), "{line}: {help}");
    }
}

#[test]
fn the_short_way_to_ensure_agrees_with_the_whole_definition() {
    for line in ["oneworker ensure", "oneworker ensure --json --env A --env B --no-start --port=auto"] {
        let short = short_ensure(&words(line)).map(Command::Ensure).unwrap();
        let whole = whole(&words(line)).unwrap();
        assert_eq!(format!("{short:?}"), format!("{whole:?}"));
    }
    for line in [
        "oneworker",
        "oneworker stop",
        "oneworker ensure --help",
        "oneworker ensure --prot 1",
        "oneworker ensure x",
    ] {
        assert!(short_ensure(&words(line)).is_none(), "{line}");
    }
}

#[test]
fn the_short_way_to_a_hook_agrees_with_the_whole_definition() {
    for line in ["oneworker hook claude-code", "oneworker hook install --for codex --yes"] {
        let short = short_hook(&words(line)).map(Command::Hook).unwrap();
        let whole = whole(&words(line)).unwrap();
        assert_eq!(format!("{short:?}"), format!("{whole:?}"));
    }
    for line in
        ["oneworker hook", "oneworker hook --help", "oneworker hook claude-code --help", "oneworker hook x"]
    {
        assert!(short_hook(&words(line)).is_none(), "{line}");
    }
}

#[test]
fn a_hook_s_help_names_its_own_budget() {
    let help = parse(words("oneworker hook codex --help")).unwrap_err().clap.render().to_string();
    assert!(help.contains("[default: 2s]") && !help.contains("[default: 5s]"), "{help}");
}

#[test]
fn an_interval_is_for_watching_and_within_its_bounds() {
    let interval = |line: &str| match parse(words(line)) {
        Ok(Command::Ps(args)) => Some(args.interval().as_millis()),
        _ => None,
    };
    assert_eq!(interval("oneworker ps --watch"), Some(2000));
    assert_eq!(interval("oneworker ps -w --interval 200ms"), Some(200));
    for wrong in
        ["--interval 1s", "--watch --interval 199ms", "--watch --interval 2h", "--watch --interval x"]
    {
        assert_eq!(interval(&format!("oneworker ps {wrong}")), None, "{wrong}");
    }
}

/// The words of each command: `[]` for the program, then `["ensure"]`, `["hook", "codex"]` and so
/// on.
fn commands() -> Vec<Vec<String>> {
    fn below(command: &clap::Command, path: &[String], found: &mut Vec<Vec<String>>) {
        found.push(path.to_vec());
        for command in command.get_subcommands() {
            below(command, &[path, &[command.get_name().to_owned()]].concat(), found);
        }
    }
    let mut found = Vec::new();
    below(&definition(), &[], &mut found);
    found
}

fn help(command: &[String], flag: &str) -> String {
    let line = ["oneworker"].into_iter().chain(command.iter().map(String::as_str)).chain([flag]);
    parse(line.map(OsString::from)).unwrap_err().clap.render().to_string()
}

#[test]
fn no_line_of_a_help_is_wider_than_80_columns() {
    let commands = commands();
    assert!(commands.len() > 30, "{commands:?}");
    let mut wide = String::new();
    for (command, flag) in commands.iter().flat_map(|command| [(command, "-h"), (command, "--help")]) {
        for line in help(command, flag).lines().filter(|line| line.chars().count() > 80) {
            wide.push_str(&format!("{} {flag}: {line}\n", command.join(" ")));
        }
    }
    assert!(wide.is_empty(), "{wide}");
}

#[test]
fn the_short_help_has_one_line_for_each_flag() {
    for command in commands() {
        for line in help(&command, "-h").lines().filter(|line| line.trim_start().starts_with("--")) {
            let text = line.trim_start().split_once("  ").map(|(_, text)| text.trim());
            assert!(text.is_some_and(|text| !text.is_empty()), "{command:?}: {line}");
        }
    }
}

#[test]
fn every_command_is_in_exactly_one_group_of_the_help() {
    for flag in ["-h", "--help"] {
        let help = help(&[], flag);
        for (heading, _) in command::GROUPS {
            assert!(help.contains(&format!("\n{heading}:\n")), "{heading}: {help}");
        }
        for command in definition().get_subcommands() {
            let name = command.get_name();
            let groups = command::GROUPS.iter().flat_map(|(_, commands)| *commands);
            assert_eq!(groups.filter(|command| command.eq_ignore_ascii_case(name)).count(), 1, "{name}");
            let line = format!("  {name:11}  {}", command.get_about().unwrap());
            assert_eq!(help.lines().filter(|found| *found == line).count(), 1, "{line}: {help}");
        }
    }
}

#[test]
fn flags_that_are_left_out_of_the_help_are_accepted() {
    for (line, hidden) in [
        ("stop --hang-limit 1s", "--hang-limit"),
        ("logs --port 1 --deadline 1s --hang-limit 1s", "--port"),
        ("hook codex --port 1 --hang-limit 1s", "--port"),
        ("serve --deadline 1s --backoff-free 1 --log-level debug --log-keep 2", "--log-level"),
        ("ensure --upgrade-per-hour 1 --upgrade-probation 1s", "--upgrade-per-hour"),
    ] {
        let command: Vec<String> =
            line.split(' ').take_while(|word| !word.starts_with("--")).map(str::to_owned).collect();
        assert!(parse(words(&format!("oneworker {line}"))).is_ok(), "{line}");
        for flag in ["-h", "--help"] {
            let help = help(&command, flag);
            assert!(!help.contains(&format!("{hidden} ")), "{line}: {help}");
        }
    }
}

#[test]
fn the_long_help_says_how_else_a_setting_is_set() {
    let help = help(&["ensure".to_owned()], "--help");
    assert!(help.contains("[default: 10s]\n"), "{help}");
    assert!(help.contains("[variable: ONEWORKER_HANG_LIMIT] [file: hang_limit]\n"), "{help}");
}
