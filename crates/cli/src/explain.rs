//! What to do about each failure: every text names the command or the action that helps next.

use coordinator::machine::{Activity, LaunchError};
use coordinator::{EnsureError, TenureError, WorkerSpec};
use humantime::format_duration;
use worker::ServeError;

use crate::config::{ConfigError, Settings, Source};

/// Commands that the reader can copy: they carry the flags that name the identity, if this call had them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Words {
    identity: String,
}

impl Words {
    /// Words for a call with these settings.
    pub(crate) fn new(settings: &Settings) -> Self {
        let mut identity = String::new();
        for (source, value) in [
            (&settings.name.source, settings.name.value.to_string()),
            (&settings.state_dir.source, settings.state_dir.value.to_string_lossy().into_owned()),
        ] {
            if let Source::Flag { flag } = source {
                identity.push_str(&format!(" {flag} {}", quoted(&value)));
            }
        }
        if let Some((located, true)) = &settings.file
            && located.named_by == Some("--config")
        {
            identity.push_str(&format!(" --config {}", quoted(&located.path.to_string_lossy())));
        }
        Self { identity }
    }

    /// A command of this program for the same identity, in backquotes.
    pub(crate) fn command(&self, command: &str) -> String {
        format!("`oneworker {command}{}`", self.identity)
    }
}

/// As a shell takes it in one piece.
pub(crate) fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,\\".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

/// What to do when there is no worker.
pub(crate) fn ensure(error: &EnsureError, words: &Words, spec: &WorkerSpec) -> String {
    let command = |text: &str| words.command(text);
    match error {
        EnsureError::StateDir { path, .. } => state_dir(path, words),
        EnsureError::Lock { path, .. } => lock(path),
        EnsureError::NotRunning => format!("Start one with {}.", command("ensure")),
        EnsureError::Starting { .. } => format!(
            "It goes on starting: ask again, or allow more time with --deadline. {} shows what it does.",
            command("logs -f")
        ),
        EnsureError::Leaving { .. } => {
            format!("Ask again in a moment, or end it now with {}.", command("stop --force"))
        }
        EnsureError::Unresponsive { pid, activity: Activity::Stopped, .. } => format!(
            "Let it go on with `kill -CONT {pid}`, or replace it now with {}; asked again after the limit, it is replaced by itself.",
            command("restart --force")
        ),
        EnsureError::Unresponsive { .. } => format!(
            "Ask again: it is replaced by itself when the limit has passed. {} replaces it now, {} shows what it does.",
            command("restart --force"),
            command("logs")
        ),
        EnsureError::UnderDebugger { tracer, .. } => {
            format!(
                "Let the worker run on in the debugger, or end the debugger (pid {tracer}); then ask again."
            )
        }
        EnsureError::Unkillable { pid, .. } => format!(
            "It waits inside the kernel, mostly for a disk or a network file system that does not answer: bring that back, or \
             restart the machine. `ps -o stat,wchan= -p {pid}` shows what it waits for."
        ),
        EnsureError::LockLeaked { path, pids } => lock_leaked(path, pids),
        EnsureError::Foreign { address, .. } => format!(
            "Find out what listens on port {}, and stop it; or start the worker elsewhere with {}.",
            address.port(),
            command("restart --port auto")
        ),
        EnsureError::PortTaken { port, program, .. } => {
            port_taken(*port, program.as_deref(), &command("ensure --port auto"))
        }
        EnsureError::TooNew { program, worker_protocol, .. } => format!(
            "Update {} to a version that speaks protocol {worker_protocol}. A newer worker is never replaced by an older one by \
             itself; if that is what you want, end it with {} first.",
            program.display(),
            command("stop")
        ),
        EnsureError::OtherMachine { what, .. } => format!(
            "Give each {what} a state directory of its own with --state-dir, or stop the worker where it runs ({} there).",
            command("stop")
        ),
        EnsureError::CoolingDown { retry_in, .. } => format!(
            "Mend what the last error names; the next call after {} tries again. {} shows the whole log.",
            format_duration(rounded_up(*retry_in)),
            command("logs")
        ),
        EnsureError::CannotLaunch(error) => cannot_launch(error, words),
        EnsureError::WorkerFailed { worker_code, .. } if worker_code.starts_with("database_") => {
            database(worker_code, words)
        }
        EnsureError::LaunchFailed { .. } | EnsureError::WorkerFailed { .. } => format!(
            "Watch it fail with {}, or read {}.",
            command("serve --foreground"),
            spec.log_file().display()
        ),
        EnsureError::NotPermitted { what, .. } => format!(
            "A sandbox seems to forbid it. Allow this process to {what}, or run {} outside of the sandbox.",
            command("ensure")
        ),
        EnsureError::TimedOut { .. } => "Ask again, or allow more time with --deadline.".to_owned(),
        _ => format!("{} and {} may tell more.", command("status"), command("logs")),
    }
}

/// What to do when this process can't be the worker.
pub(crate) fn serve(error: &ServeError, words: &Words) -> String {
    match error {
        ServeError::Tenure(TenureError::StateDir { path, .. }) => state_dir(path, words),
        ServeError::Tenure(TenureError::Lock { path, .. }) => lock(path),
        ServeError::Tenure(TenureError::LockLeaked { path, pids }) => lock_leaked(path, pids),
        ServeError::Tenure(TenureError::PortTaken { port, program, .. }) => {
            port_taken(*port, program.as_deref(), &words.command("serve --port auto"))
        }
        ServeError::Tenure(TenureError::Bind { .. }) => {
            format!("Choose another port with {}.", words.command("serve --port auto"))
        }
        ServeError::Tenure(TenureError::Unusable { code, .. }) => database(code, words),
        ServeError::Tenure(TenureError::NotHandedOver { .. }) => {
            format!("The worker in office goes on serving: {} says which it is.", words.command("status"))
        }
        ServeError::Activation(_) => format!(
            "Correct the socket unit, which {} writes: it needs ListenStream=127.0.0.1:PORT, with the worker's --port.",
            words.command("service install --socket")
        ),
        ServeError::Tenure(TenureError::Superseded(_)) => {
            format!("{} says who is in office now.", words.command("status"))
        }
        _ => "The system refused a resource: see its limits on open files and processes (`ulimit -a`), then try again."
            .to_owned(),
    }
}

/// What to do about data that was not written or found.
pub(crate) fn data(code: &str, words: &Words) -> String {
    match code {
        "unreachable" => "Ask again, or allow more time with --deadline.".to_owned(),
        "io" => {
            "Name another file, in a directory that you can write to, on a disk with free space.".to_owned()
        }
        "refused" => "Correct what the message names; docs/data.md says what the worker takes.".to_owned(),
        code => database(code, words),
    }
}

/// What to do about a database.
fn database(code: &str, words: &Words) -> String {
    match code {
        "disk_full" => "Make room on the disk; nothing was lost, and nothing was half-written.".to_owned(),
        "database_busy" => {
            "Another process keeps the database locked, perhaps while it is stopped: let it go on or end it, then ask again."
                .to_owned()
        }
        "database_corrupt" => {
            "It was left as it is. Restore a backup in its place, try `sqlite3 FILE .recover`, or name another database with --database."
                .to_owned()
        }
        "database_too_new" => {
            "Use the newer version, or name another database with --database; nothing was changed.".to_owned()
        }
        "database_not_ours" => "Name another database with --database.".to_owned(),
        "no_descriptors" => {
            "See the limit on open files (`ulimit -n`): the worker needs about forty, and one for each connection.".to_owned()
        }
        "database_not_wal" => "Name a database on a local disk with --database.".to_owned(),
        "fence_unreadable" => {
            format!("{} claims the database anew.", words.command("restart"))
        }
        _ => format!("{} may tell more.", words.command("logs")),
    }
}

/// What to do about settings that make no sense.
pub(crate) fn config(error: &ConfigError) -> &'static str {
    match error {
        ConfigError::UnknownKey { .. } | ConfigError::Syntax { .. } => {
            "Correct the file; docs/cli.md lists its keys, and --no-config passes it over."
        }
        ConfigError::BadValue { .. } | ConfigError::Spec(_) => {
            "Correct the value; `oneworker config show` says where each one comes from."
        }
        ConfigError::Unreadable { .. } | ConfigError::TooLarge { .. } | ConfigError::Missing { .. } => {
            "Name another file with --config, or none with --no-config."
        }
        ConfigError::RelativeFile(_) => "Write the path in full, beginning at the root.",
        ConfigError::NoStateDir(_) => "Name a state directory with --state-dir or ONEWORKER_STATE_DIR.",
        ConfigError::Program(_) => "Run oneworker by its full path, from where it is installed.",
    }
}

fn state_dir(path: &std::path::Path, words: &Words) -> String {
    format!(
        "{} must be a directory of your own that only you can write to, on a disk with free space. Correct that, or name another \
         with --state-dir; {} says where this one comes from.",
        path.display(),
        words.command("config show")
    )
}

fn lock(path: &std::path::Path) -> String {
    format!(
        "The file system of {} may have no locks, or too many files are open. Name a directory on a local disk with --state-dir.",
        path.display()
    )
}

fn lock_leaked(path: &std::path::Path, pids: &[coordinator::machine::Pid]) -> String {
    if pids.is_empty() {
        return format!(
            "Find who holds it with `fuser -v {}` (as root), and end that process.",
            path.display()
        );
    }
    let pids: Vec<_> = pids.iter().map(ToString::to_string).collect();
    format!("A process kept a dead worker's lock open. End it: `kill {}`.", pids.join(" "))
}

fn port_taken(port: u16, program: Option<&str>, elsewhere: &str) -> String {
    if program == Some("systemd") {
        return format!(
            "Where a socket unit has the port, systemd starts the worker: `systemctl --user status 'oneworker-*'` says why it does not. Or \
             use another port than {port}: {elsewhere}."
        );
    }
    let holder = program.unwrap_or("the program that holds it");
    format!(
        "Stop {holder}, or use another port than {port}: {elsewhere}, or port = \"auto\" in oneworker.toml."
    )
}

fn cannot_launch(error: &LaunchError, words: &Words) -> String {
    match error {
        LaunchError::Program { program, .. } => {
            format!(
                "Check that {program} exists and may be executed; if it was updated meanwhile, ask again."
            )
        }
        LaunchError::NoProcess { .. } => format!(
            "A sandbox or a limit (`ulimit -u`) forbids new processes. Start the worker elsewhere with {}.",
            words.command("serve --foreground")
        ),
        LaunchError::Log { path, .. } => {
            format!(
                "Check the disk's free space and the rights of {path}, or name another place with --state-dir."
            )
        }
    }
}

/// A time to wait, in whole tenths of a second: less would be too early, more digits are noise.
fn rounded_up(duration: std::time::Duration) -> std::time::Duration {
    let tenths = duration.as_nanos().div_ceil(100_000_000);
    std::time::Duration::from_millis(u64::try_from(tenths).unwrap_or(u64::MAX / 100).saturating_mul(100))
}

#[cfg(test)]
mod tests {
    use coordinator::LaunchCommand;

    use super::*;

    #[test]
    fn every_error_names_a_command_or_an_action() {
        let spec = WorkerSpec::builder(LaunchCommand::new("oneworker", ["serve"]))
            .state_dir(std::env::temp_dir())
            .build()
            .unwrap();
        for error in crate::fields::samples() {
            let help = ensure(&error, &Words::default(), &spec);
            assert!(help.ends_with('.') && help.len() > 20, "{}: {help}", error.code());
            assert!(!help.contains("may tell more"), "{} has no text of its own", error.code());
        }
    }

    #[test]
    fn commands_carry_the_identity_in_a_form_that_a_shell_takes() {
        let words = Words { identity: format!(" --name a --state-dir {}", quoted("/it's here")) };
        assert_eq!(words.command("stop"), "`oneworker stop --name a --state-dir '/it'\\''s here'`");
    }

    #[test]
    fn a_wait_is_rounded_up() {
        assert_eq!(rounded_up(std::time::Duration::from_micros(1_200_001)).as_millis(), 1300);
    }
}
