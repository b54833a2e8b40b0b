//! The table of errors.
//!
//! An error is one row here, and the line that raises it. From the rows are made: the exit codes, the
//! JSON fields, the help, and the reference in `docs/cli.md`. Codes and numbers are stable: none is
//! ever given another meaning, and fields are only added.

use crate::exit::{self, Exit};

/// One row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ErrorKind {
    /// Its name in JSON and in brackets behind the message.
    pub(crate) code: &'static str,
    /// The exit code of a command that fails with it.
    pub(crate) exit: Exit,
    /// What it means, for the reference.
    #[cfg_attr(not(test), expect(dead_code, reason = "the reference is made by a test"))]
    pub(crate) meaning: &'static str,
    /// The JSON fields that it has besides code, message and help.
    pub(crate) fields: &'static [&'static str],
    /// What to do next, by cause. `{pid}` stands for a fact about the error, `{oneworker stop}` for a
    /// command for the same identity. If there is no help, the command that fails gives its own.
    pub(crate) help: &'static [(&'static str, &'static str)],
}

/// The cause that needs no name.
pub(crate) const USUAL: &str = "";

const GOES_ON: &str = "The worker in office goes on serving: {oneworker status} says which it is.";
const WATCH: &str = "Watch it fail with {oneworker serve --foreground}, or read {log}.";
/// For a resource that the system refused.
pub(crate) const LIMITS: &str = "The system refused a resource: see its limits on open files and \
                                 processes (`ulimit -a`), then try again.";

/// All errors, by their exit codes.
pub(crate) const TABLE: &[ErrorKind] = &[
    error(2, "usage", "a mistake in flags, variables or the configuration file").help(&[
        (USUAL, "See oneworker --help and docs/cli.md."),
        ("text", "Correct the file; docs/cli.md lists its keys, and --no-config passes it over."),
        ("value", "Correct the value; `oneworker config show` says where each one comes from."),
        ("file", "Name another file with --config, or none with --no-config."),
        ("relative_file", "Write the path in full, beginning at the root."),
        ("no_state_dir", "Name a state directory with --state-dir or ONEWORKER_STATE_DIR."),
        ("program", "Run oneworker by its full path, from where it is installed."),
    ]),
    error(3, "not_running", "no worker is in office, and none was to be started")
        .help(&[(USUAL, "Start one with {oneworker ensure}.")]),
    error(4, "no_log", "`logs NAME`: there is no log of a child of this name"),
    error(5, "strays", "`reap`: there are strays, and they were not ended, or not all"),
    error(6, "unhealthy", "`doctor`: there are problems"),
    error(8, "unconfirmed", "`purge`, `adopt`: nobody said yes, and nothing was done"),
    error(9, "not_an_identity", "`purge`: the directory is not that of this identity"),
    error(10, "starting", "the worker was not ready by the deadline; it goes on starting")
        .fields(&["pid", "waited_ms"])
        .help(&[(
            USUAL,
            "It goes on starting: ask again, or allow more time with --deadline. \
             {oneworker logs -f} shows what it does.",
        )]),
    error(11, "leaving", "the worker was stopping, and had not left by the deadline")
        .fields(&["pid", "waited_ms"])
        .help(&[(USUAL, "Ask again in a moment, or end it now with {oneworker stop --force}.")]),
    error(12, "unresponsive", "the worker does not answer, but has not been silent for the hang limit")
        .fields(&["pid", "activity", "busy", "silent_for_ms", "limit_ms"])
        .help(&[
            (
                USUAL,
                "Ask again: it is replaced by itself when the limit has passed. \
                 {oneworker restart --force} replaces it now, {oneworker logs} shows what it \
                 does.",
            ),
            (
                "stopped",
                "Let it go on with `kill -CONT {pid}`, or replace it now with \
                 {oneworker restart --force}; asked again after the limit, it is replaced by \
                 itself.",
            ),
        ]),
    error(13, "under_debugger", "a debugger holds the worker, which is left alone")
        .fields(&["pid", "tracer"])
        .help(&[(
            USUAL,
            "Let the worker run on in the debugger, or end the debugger (pid {tracer}); then ask \
             again.",
        )]),
    error(14, "unkillable", "the worker hangs, and not even a kill ended it")
        .fields(&["pid", "activity", "why"])
        .help(&[(
            USUAL,
            "It waits inside the kernel, mostly for a disk or a network file system that does not \
             answer: bring that back, or restart the machine. `ps -o stat,wchan= -p {pid}` shows \
             what it waits for.",
        )]),
    error(15, "timed_out", "the deadline passed while something else was slow")
        .fields(&["phase", "waited_ms"])
        .help(&[(USUAL, "Ask again, or allow more time with --deadline.")]),
    error(20, "port_taken", "another program holds the port").fields(&["port", "pid", "program"]).help(&[
        (
            USUAL,
            "Stop {holder}, or use another port than {port}: {elsewhere}, or port = \"auto\" in \
             oneworker.toml.",
        ),
        (
            "systemd",
            "Where a socket unit has the port, systemd starts the worker: \
             `systemctl --user status 'oneworker-*'` says why it does not. Or use another port \
             than {port}: {elsewhere}.",
        ),
    ]),
    error(21, "foreign", "something that is not the worker answers in its place")
        .fields(&["address", "what"])
        .help(&[(
            USUAL,
            "Find out what listens on port {port}, and stop it; or start the worker elsewhere with \
             {oneworker restart --port auto}.",
        )]),
    error(22, "lock_leaked", "the lock is held, but by no worker").fields(&["path", "pids"]).help(&[
        (USUAL, "A process kept a dead worker's lock open. End it: `kill {pids}`."),
        ("unseen", "Find who holds it with `fuser -v {path}` (as root), and end that process."),
    ]),
    error(23, "other_machine", "the worker runs on another host, boot or namespace")
        .fields(&["what", "theirs", "ours"])
        .help(&[(
            USUAL,
            "Give each {what} a state directory of its own with --state-dir, or stop the worker \
             where it runs ({oneworker stop} there).",
        )]),
    error(24, "too_new", "the worker is newer than this program can talk to")
        .fields(&[
            "pid",
            "worker_version",
            "worker_protocol",
            "worker_program",
            "version",
            "protocol",
            "program",
        ])
        .help(&[(
            USUAL,
            "Update {program} to a version that speaks protocol {worker_protocols}. A newer worker \
             is never replaced by an older one by itself; if that is what you want, end it with \
             {oneworker stop} first.",
        )]),
    error(25, "superseded", "`serve`: this worker lost its office while it was starting")
        .help(&[(USUAL, "{oneworker status} says who is in office now.")]),
    error(26, "hand_over_unknown", "`serve`: the worker in office is too old to be taken over from")
        .help(&[(USUAL, GOES_ON)]),
    error(27, "hand_over_refused", "`serve`: the worker in office does not hand over")
        .help(&[(USUAL, GOES_ON)]),
    error(28, "hand_over_late", "`serve`: the worker in office did not leave in time")
        .help(&[(USUAL, GOES_ON)]),
    error(30, "cooling_down", "recent starts or hand-overs failed, so none is tried now")
        .fields(&["retry_in_ms", "attempts", "last_error", "log_tail"])
        .help(&[(
            USUAL,
            "Mend what the last error names; the next call after {retry_in} tries again. \
             {oneworker logs} shows the whole log.",
        )]),
    error(31, "cannot_launch", "no process could be started").help(&[
        (
            "program",
            "Check that {program} exists and may be executed; if it was updated meanwhile, ask \
             again.",
        ),
        (
            "no_process",
            "A sandbox or a limit (`ulimit -u`) forbids new processes. Start the worker elsewhere \
             with {oneworker serve --foreground}.",
        ),
        (
            "log",
            "Check the disk's free space and the rights of {path}, or name another place with \
             --state-dir.",
        ),
    ]),
    error(32, "launch_failed", "the worker ended before it was ready")
        .fields(&["exit_status", "signal", "log_tail"])
        .help(&[(USUAL, WATCH)]),
    error(33, "worker_failed", "the worker said that it can't serve")
        .fields(&["worker_code", "log_tail"])
        .help(&[(USUAL, WATCH)]),
    error(34, "no_such_version", "`restart`: no program of this version is known"),
    error(35, "version_not_started", "`restart`: another version is in office still"),
    error(40, "state_dir", "the state directory can't be used").fields(&["path"]).help(&[(
        USUAL,
        "{path} must be a directory of your own that only you can write to, on a disk with free \
         space. Correct that, or name another with --state-dir; {oneworker config show} says where \
         this one comes from.",
    )]),
    error(41, "lock_failed", "no lock can be taken there").fields(&["path"]).help(&[(
        USUAL,
        "The file system of {path} may have no locks, or too many files are open. Name a directory \
         on a local disk with --state-dir.",
    )]),
    error(42, "not_permitted", "a sandbox forbids this process what it needs").fields(&["what"]).help(&[(
        USUAL,
        "A sandbox seems to forbid it. Allow this process to {what}, or run {oneworker ensure} \
         outside of the sandbox.",
    )]),
    error(43, "bind_failed", "`serve`: the address can't be listened on")
        .fields(&["address"])
        .help(&[(USUAL, "Choose another port with {oneworker serve --port auto}.")]),
    error(44, "no_random", "`serve`: the system gives no random bytes").help(&[(USUAL, LIMITS)]),
    error(45, "event_loop", "`serve`: the event loop can't be started").help(&[(USUAL, LIMITS)]),
    error(46, "signals", "`serve`: stop signals can't be handled").help(&[(USUAL, LIMITS)]),
    error(47, "watchdog", "`serve`: the watchdog can't be started").help(&[(USUAL, LIMITS)]),
    error(48, "listen", "`serve`: the bound port can't be listened on").help(&[(USUAL, LIMITS)]),
    error(49, "activation", "`serve`: the socket that a service manager passed to it is not the identity's")
        .help(&[(
            USUAL,
            "Correct the socket unit, which {oneworker service install --socket} writes: it needs \
             ListenStream=127.0.0.1:PORT, with the worker's --port.",
        )]),
    error(50, "io", "a file or standard output can't be read or written").help(&[
        (USUAL, "Check the disk's free space and the rights of the files named above."),
        ("copy", "Name another file, in a directory that you can write to, on a disk with free space."),
    ]),
    error(
        60,
        "unreachable",
        "the worker could not be asked by the deadline; it may have taken what it was handed",
    )
    .help(&[(USUAL, "Ask again, or allow more time with --deadline.")]),
    error(61, "refused", "the worker does not take what it was handed")
        .help(&[(USUAL, "Correct what the message names; docs/data.md says what the worker takes.")]),
    error(62, "disk_full", "no room for the data; nothing was lost")
        .help(&[(USUAL, "Make room on the disk; nothing was lost, and nothing was half-written.")]),
    error(63, "database_busy", "another process keeps the database locked").help(&[(
        USUAL,
        "Another process keeps the database locked, perhaps while it is stopped: let it go on or \
         end it, then ask again.",
    )]),
    error(64, "database_corrupt", "the file is no database, or a damaged one; it was left as it is").help(&[
        (
            USUAL,
            "It was left as it is. Restore a backup in its place, try `sqlite3 FILE .recover`, or \
             name another database with --database.",
        ),
    ]),
    error(65, "database_too_new", "the database is of a newer version; it was left as it is").help(&[(
        USUAL,
        "Use the newer version, or name another database with --database; nothing was changed.",
    )]),
    error(66, "database_not_wal", "the database is on a file system without shared memory")
        .help(&[(USUAL, "Name a database on a local disk with --database.")]),
    error(67, "database_failed", "the database says something else")
        .help(&[(USUAL, "{oneworker logs} may tell more.")]),
    error(68, "fence_unreadable", "the fence of the database is gone")
        .help(&[(USUAL, "{oneworker restart} claims the database anew.")]),
    error(69, "database_not_ours", "the database belongs to another user; it was left as it is")
        .help(&[(USUAL, "Name another database with --database.")]),
    error(70, "no_descriptors", "too many open files").help(&[(
        USUAL,
        "See the limit on open files (`ulimit -n`): the worker needs about forty, and one for each \
         connection.",
    )]),
    error(
        71,
        "already_running",
        "a worker is in office, and `restore` needs the database for itself, or `adopt` has nobody \
         to replace",
    ),
    error(
        80,
        "not_written",
        "`hook`, `service`: a file of another program is left as it is; `doctor --bundle`: one \
         that was there already",
    )
    .help(&[(USUAL, "Nothing was written. Mend the file, or make room for it, and run the command again.")]),
];

/// The row of a code.
pub(crate) fn of(code: &str) -> Option<&'static ErrorKind> {
    TABLE.iter().find(|kind| kind.code == code)
}

/// The exit code of an error; [`exit::OTHER`] for a code that is not in the table.
pub(crate) fn exit_of(code: &str) -> Exit {
    of(code).map_or(exit::OTHER, |kind| kind.exit)
}

const fn error(exit: u8, code: &'static str, meaning: &'static str) -> ErrorKind {
    ErrorKind { code, exit: Exit(exit), meaning, fields: &[], help: &[] }
}

impl ErrorKind {
    const fn fields(self, fields: &'static [&'static str]) -> Self {
        Self { fields, ..self }
    }

    const fn help(self, help: &'static [(&'static str, &'static str)]) -> Self {
        Self { help, ..self }
    }

    /// What to do about it if it has this cause.
    pub(crate) fn help_for(&self, cause: &str) -> Option<&'static str> {
        self.help.iter().find(|(of, _)| *of == cause).map(|(_, text)| *text)
    }
}

#[cfg(test)]
mod tests;
