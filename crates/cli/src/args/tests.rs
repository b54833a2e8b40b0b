use clap::CommandFactory;

use super::parse::{short_ensure, short_hook};
use super::*;

fn words(line: &str) -> Vec<OsString> {
    line.split(' ').map(OsString::from).collect()
}

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn every_setting_has_its_flag_on_config_show() {
    let mut command = Cli::command();
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
        let whole = Cli::try_parse_from(words(line)).unwrap().command;
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
        let whole = Cli::try_parse_from(words(line)).unwrap().command;
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
