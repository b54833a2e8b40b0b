//! What the settings ask `coordinator` and `worker` for.
//!
//! A worker is this very program, run as `oneworker serve`. It gets every setting as a flag and reads no configuration of its own: a
//! file that changes between a session's reading and the worker's would make them disagree about what they are.

use std::ffi::OsString;
use std::time::Duration;

use coordinator::{
    Backoff, EnsureRequest, EnsureRequestBuilder, LaunchCommand, RequestError, UpgradeLimits, UpgradePolicy,
    WorkerId,
};
use worker::ServeOptions;

use crate::config::{ConfigError, Key, Settings, Source};
use crate::installs::Install;

/// Returns what a session asks for.
///
/// # Errors
/// If a value lies outside of its bounds.
pub(crate) fn ensure_request(settings: &Settings, may_start: bool) -> Result<EnsureRequest, ConfigError> {
    own_request(settings, may_start, settings.deadline.value)
}

/// Returns what a session asks for that must start this program within what is left of its deadline.
///
/// # Errors
/// If a value lies outside of its bounds.
pub(crate) fn request_within(settings: &Settings, left: Duration) -> Result<EnsureRequest, ConfigError> {
    own_request(settings, true, left)
}

fn own_request(
    settings: &Settings,
    may_start: bool,
    deadline: Duration,
) -> Result<EnsureRequest, ConfigError> {
    let launch = LaunchCommand::this_program(serve_arguments(settings)).map_err(ConfigError::Program)?;
    if may_start {
        check_plan(settings)?;
    }
    let id = worker_id(settings, crate::version::of_this_program())?;
    build(settings, id, launch, |request| request.may_start(may_start).deadline(deadline))
}

/// Returns what a person asks for who has chosen this install.
///
/// # Errors
/// If a value lies outside of its bounds.
pub(crate) fn chosen_request(
    settings: &Settings,
    install: &Install,
    deadline: Duration,
) -> Result<EnsureRequest, ConfigError> {
    let launch = LaunchCommand::new(install.program(), serve_arguments(settings));
    check_plan(settings)?;
    let id = worker_id(settings, install.version.to_string())?;
    build(settings, id, launch, |request| request.deadline(deadline).upgrade(UpgradePolicy::Chosen))
}

/// Checks that what must be started has a command.
fn check_plan(settings: &Settings) -> Result<(), ConfigError> {
    if !settings.plan.value.lacks_words() {
        return Ok(());
    }
    Err(ConfigError::BadValue {
        key: Key::Plan.path().to_owned(),
        origin: settings.plan.source.clone(),
        wrong: "there is no command: name it here, or after --".to_owned(),
    })
}

/// Returns the identity that the settings name, of a program of this version.
fn worker_id(settings: &Settings, version: impl Into<String>) -> Result<WorkerId, ConfigError> {
    let mut id = WorkerId::builder()
        .name(settings.name.value.as_str())
        .state_dir(&settings.state_dir.value)
        .supervised(settings.plan.value.command.is_some())
        .version(version);
    if settings.port.source != Source::Default {
        id = id.port_choice(settings.port.value);
    }
    id.build().map_err(|error| located(settings, error))
}

fn build(
    settings: &Settings,
    id: WorkerId,
    mut launch: LaunchCommand,
    choose: impl FnOnce(EnsureRequestBuilder) -> EnsureRequestBuilder,
) -> Result<EnsureRequest, ConfigError> {
    let plan = &settings.plan.value;
    let passed = plan.command.iter().chain(&plan.helpers).flat_map(|part| part.env.pass.iter().cloned());
    launch.env_pass = settings.env_pass.iter().map(|item| item.value.clone()).chain(passed).collect();
    let request = EnsureRequest::builder(id, launch)
        .hang_limit(settings.hang_limit.value)
        .backoff(Backoff {
            free: settings.backoff_free.value,
            base: settings.backoff_base.value,
            max: settings.backoff_max.value,
            stable_after: settings.backoff_stable_after.value,
        })
        .upgrade(settings.upgrade.value)
        .upgrade_limits(UpgradeLimits {
            per_hour: settings.upgrade_per_hour.value,
            probation: settings.upgrade_probation.value,
            failures: settings.upgrade_failures.value,
        });
    choose(request).build().map_err(|error| located(settings, error))
}

/// How the worker serves.
pub(crate) fn serve_options(settings: &Settings, foreground: bool) -> ServeOptions {
    let mut options = ServeOptions::default();
    options.foreground = foreground;
    options.drain = settings.drain.value;
    options.watchdog = Some(settings.watchdog.value);
    options.log_level = Some(settings.log_level.value);
    options.log_max_bytes = settings.log_max_bytes.value;
    options.log_keep = settings.log_keep.value;
    options.idle_timeout = settings.idle_timeout.value;
    options.database = Some(settings.database.value.clone());
    options.keep_for = settings.keep_for.value;
    options.keep_bytes = settings.keep_bytes.value;
    options.synced = settings.synchronous.value;
    options.children = settings.plan.value.clone();
    options
}

/// The arguments that make this program the worker of these settings.
fn serve_arguments(settings: &Settings) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec!["serve".into(), "--no-config".into()];
    for entry in settings.entries() {
        if !entry.key.is_of_sessions() {
            // In one piece, so that no value is ever taken for a flag.
            let mut argument = OsString::from(entry.key.flag());
            argument.push("=");
            argument.push(entry.text);
            arguments.push(argument);
        }
    }
    arguments
}

/// A value out of its bounds is named with its source, like every other mistake.
fn located(settings: &Settings, error: RequestError) -> ConfigError {
    let found = match &error {
        RequestError::OutOfRange { what: "deadline", .. } => Some((Key::Deadline, &settings.deadline.source)),
        RequestError::OutOfRange { what: "hang limit", .. } => {
            Some((Key::HangLimit, &settings.hang_limit.source))
        }
        RequestError::OutOfRange { what: "probation", .. } => {
            Some((Key::UpgradeProbation, &settings.upgrade_probation.source))
        }
        RequestError::OutOfRange { what: "longest backoff", .. } => {
            // The shortest delay is its lower bound, so either may be what was set wrong.
            let base_is_set = settings.backoff_max.source == Source::Default;
            let source =
                if base_is_set { &settings.backoff_base.source } else { &settings.backoff_max.source };
            Some((Key::BackoffMax, source))
        }
        _ => None,
    };
    match found {
        Some((key, source)) => ConfigError::BadValue {
            key: key.path().to_owned(),
            origin: source.clone(),
            wrong: error.to_string(),
        },
        None => ConfigError::Request(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{self, Command};
    use crate::config::FileChoice;

    fn settings(flags: &[(Key, &str)]) -> Settings {
        let mut flags: Vec<_> = flags.iter().map(|(key, text)| (*key, OsString::from(text))).collect();
        flags.push((Key::StateDir, std::env::temp_dir().join("oneworker settings test").into()));
        Settings::resolve(&flags, &FileChoice::None, &|_| None).unwrap()
    }

    #[test]
    fn a_worker_reads_the_same_settings_from_its_arguments() {
        let session = settings(&[
            (Key::Name, "mine"),
            (Key::Port, "auto"),
            (Key::HangLimit, "1m 30s"),
            (Key::LogMaxBytes, "2MiB"),
            (Key::BackoffBase, "0"),
            (Key::EnvPass, "LANG"),
        ]);
        let request = ensure_request(&session, true).unwrap();
        assert_eq!(request.launch().env_pass, ["LANG"]);
        let line = [OsString::from("oneworker")].into_iter().chain(request.launch().args.clone());
        let Ok(Command::Serve(args)) = args::parse(line) else {
            panic!("the worker's arguments are no serve")
        };
        assert_eq!(args.common.file(), FileChoice::None);
        let mut flags = args.common.flags();
        args.tuning.add_to(&mut flags);
        let worker = Settings::resolve(&flags, &args.common.file(), &|_| None).unwrap();
        let values = |settings: &Settings| -> Vec<_> {
            let kept = |entry: &crate::config::Entry<'_>| !entry.key.is_of_sessions();
            settings.entries().into_iter().filter(kept).map(|entry| (entry.key, entry.text)).collect()
        };
        assert_eq!(values(&session), values(&worker));
        let given =
            |entry: &crate::config::Entry<'_>| *entry.source != Source::Default || entry.key.is_of_sessions();
        assert!(worker.entries().iter().all(given));
    }

    #[test]
    fn a_value_out_of_its_bounds_is_named_with_its_source() {
        let short = settings(&[(Key::HangLimit, "1ms")]);
        let error = ensure_request(&short, true).unwrap_err();
        assert!(error.to_string().starts_with("--hang-limit: hang limit must be between"), "{error}");
        let long = settings(&[(Key::BackoffBase, "2m")]);
        let error = ensure_request(&long, true).unwrap_err();
        assert!(error.to_string().starts_with("--backoff-base: longest backoff must be"), "{error}");
    }
}
