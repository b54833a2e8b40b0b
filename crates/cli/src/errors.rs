//! The table of errors.
//!
//! An error is one row here, and the line that raises it. From the rows are made: the exit codes, the JSON fields, the help, and
//! the reference in `docs/cli.md`. Codes and numbers are stable: none is ever given another meaning, and fields are only added.

use crate::exit::{Exit, NOT_RUNNING, OTHER, USAGE};

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
    /// command for the same identity. An error without help is explained by the command that raises it.
    pub(crate) help: &'static [(&'static str, &'static str)],
}

const NEITHER: ErrorKind = ErrorKind { code: "", exit: OTHER, meaning: "", fields: &[], help: &[] };

/// The cause that needs no name.
pub(crate) const USUAL: &str = "";

const GOES_ON: &str = "The worker in office goes on serving: {oneworker status} says which it is.";
const WATCH: &str = "Watch it fail with {oneworker serve --foreground}, or read {log}.";
/// For a resource that the system refused.
pub(crate) const LIMITS: &str = "The system refused a resource: see its limits on open files and processes (`ulimit -a`), \
                                 then try again.";

/// All errors, by their exit codes.
pub(crate) const TABLE: &[ErrorKind] = &[
    ErrorKind {
        code: "usage",
        exit: USAGE,
        meaning: "a mistake in flags, variables or the configuration file",
        help: &[
            (USUAL, "See oneworker --help and docs/cli.md."),
            ("text", "Correct the file; docs/cli.md lists its keys, and --no-config passes it over."),
            ("value", "Correct the value; `oneworker config show` says where each one comes from."),
            ("file", "Name another file with --config, or none with --no-config."),
            ("relative_file", "Write the path in full, beginning at the root."),
            ("no_state_dir", "Name a state directory with --state-dir or ONEWORKER_STATE_DIR."),
            ("program", "Run oneworker by its full path, from where it is installed."),
        ],
        ..NEITHER
    },
    ErrorKind {
        code: "not_running",
        exit: NOT_RUNNING,
        meaning: "no worker is in office, and none was to be started",
        help: &[(USUAL, "Start one with {oneworker ensure}.")],
        ..NEITHER
    },
    ErrorKind {
        code: "no_log",
        exit: Exit(4),
        meaning: "`logs NAME`: there is no log of a child of this name",
        ..NEITHER
    },
    ErrorKind {
        code: "strays",
        exit: Exit(5),
        meaning: "`reap`: there are strays, and they were not ended, or not all",
        ..NEITHER
    },
    ErrorKind { code: "unhealthy", exit: Exit(6), meaning: "`doctor`: there are problems", ..NEITHER },
    ErrorKind {
        code: "unconfirmed",
        exit: Exit(8),
        meaning: "`purge`, `adopt`: nobody said yes, and nothing was done",
        ..NEITHER
    },
    ErrorKind {
        code: "not_an_identity",
        exit: Exit(9),
        meaning: "`purge`: the directory is not that of this identity",
        ..NEITHER
    },
    ErrorKind {
        code: "starting",
        exit: Exit(10),
        meaning: "the worker was not ready by the deadline; it goes on starting",
        fields: &["pid", "waited_ms"],
        help: &[(
            USUAL,
            "It goes on starting: ask again, or allow more time with --deadline. {oneworker \
                 logs -f} shows what it does.",
        )],
    },
    ErrorKind {
        code: "leaving",
        exit: Exit(11),
        meaning: "the worker was stopping, and had not left by the deadline",
        fields: &["pid", "waited_ms"],
        help: &[(USUAL, "Ask again in a moment, or end it now with {oneworker stop --force}.")],
    },
    ErrorKind {
        code: "unresponsive",
        exit: Exit(12),
        meaning: "the worker does not answer, but has not been silent for the hang limit",
        fields: &["pid", "activity", "busy", "silent_for_ms", "limit_ms"],
        help: &[
            (
                USUAL,
                "Ask again: it is replaced by itself when the limit has passed. {oneworker \
                 restart --force} replaces it now, {oneworker logs} shows what it does.",
            ),
            (
                "stopped",
                "Let it go on with `kill -CONT {pid}`, or replace it now with {oneworker restart \
                 --force}; asked again after the limit, it is replaced by itself.",
            ),
        ],
    },
    ErrorKind {
        code: "under_debugger",
        exit: Exit(13),
        meaning: "a debugger holds the worker, which is left alone",
        fields: &["pid", "tracer"],
        help: &[(
            USUAL,
            "Let the worker run on in the debugger, or end the debugger (pid {tracer}); then \
                 ask again.",
        )],
    },
    ErrorKind {
        code: "unkillable",
        exit: Exit(14),
        meaning: "the worker hangs, and not even a kill ended it",
        fields: &["pid", "activity", "why"],
        help: &[(
            USUAL,
            "It waits inside the kernel, mostly for a disk or a network file system that does \
                 not answer: bring that back, or restart the machine. `ps -o stat,wchan= -p \
                 {pid}` shows what it waits for.",
        )],
    },
    ErrorKind {
        code: "timed_out",
        exit: Exit(15),
        meaning: "the deadline passed while something else was slow",
        fields: &["phase", "waited_ms"],
        help: &[(USUAL, "Ask again, or allow more time with --deadline.")],
    },
    ErrorKind {
        code: "port_taken",
        exit: Exit(20),
        meaning: "another program holds the port",
        fields: &["port", "pid", "program"],
        help: &[
            (
                USUAL,
                "Stop {holder}, or use another port than {port}: {elsewhere}, or port = \"auto\" in \
                 oneworker.toml.",
            ),
            (
                "systemd",
                "Where a socket unit has the port, systemd starts the worker: `systemctl --user \
                 status 'oneworker-*'` says why it does not. Or use another port than {port}: \
                 {elsewhere}.",
            ),
        ],
    },
    ErrorKind {
        code: "foreign",
        exit: Exit(21),
        meaning: "something that is not the worker answers in its place",
        fields: &["address", "what"],
        help: &[(
            USUAL,
            "Find out what listens on port {port}, and stop it; or start the worker elsewhere \
                 with {oneworker restart --port auto}.",
        )],
    },
    ErrorKind {
        code: "lock_leaked",
        exit: Exit(22),
        meaning: "the lock is held, but by no worker",
        fields: &["path", "pids"],
        help: &[
            (USUAL, "A process kept a dead worker's lock open. End it: `kill {pids}`."),
            ("unseen", "Find who holds it with `fuser -v {path}` (as root), and end that process."),
        ],
    },
    ErrorKind {
        code: "other_machine",
        exit: Exit(23),
        meaning: "the worker runs on another host, boot or namespace",
        fields: &["what", "theirs", "ours"],
        help: &[(
            USUAL,
            "Give each {what} a state directory of its own with --state-dir, or stop the \
                 worker where it runs ({oneworker stop} there).",
        )],
    },
    ErrorKind {
        code: "too_new",
        exit: Exit(24),
        meaning: "the worker is newer than this program can talk to",
        fields: &[
            "pid",
            "worker_version",
            "worker_protocol",
            "worker_program",
            "version",
            "protocol",
            "program",
        ],
        help: &[(
            USUAL,
            "Update {program} to a version that speaks protocol {worker_protocols}. A newer \
                 worker is never replaced by an older one by itself; if that is what you want, \
                 end it with {oneworker stop} first.",
        )],
    },
    ErrorKind {
        code: "superseded",
        exit: Exit(25),
        meaning: "`serve`: this worker lost its office while it was starting",
        help: &[(USUAL, "{oneworker status} says who is in office now.")],
        ..NEITHER
    },
    ErrorKind {
        code: "hand_over_unknown",
        exit: Exit(26),
        meaning: "`serve`: the worker in office is too old to be taken over from",
        help: &[(USUAL, GOES_ON)],
        ..NEITHER
    },
    ErrorKind {
        code: "hand_over_refused",
        exit: Exit(27),
        meaning: "`serve`: the worker in office does not hand over",
        help: &[(USUAL, GOES_ON)],
        ..NEITHER
    },
    ErrorKind {
        code: "hand_over_late",
        exit: Exit(28),
        meaning: "`serve`: the worker in office did not leave in time",
        help: &[(USUAL, GOES_ON)],
        ..NEITHER
    },
    ErrorKind {
        code: "cooling_down",
        exit: Exit(30),
        meaning: "recent starts or hand-overs failed, so none is tried now",
        fields: &["retry_in_ms", "attempts", "last_error", "log_tail"],
        help: &[(
            USUAL,
            "Mend what the last error names; the next call after {retry_in} tries again. \
                 {oneworker logs} shows the whole log.",
        )],
    },
    ErrorKind {
        code: "cannot_launch",
        exit: Exit(31),
        meaning: "no process could be started",
        help: &[
            (
                "program",
                "Check that {program} exists and may be executed; if it was updated meanwhile, \
                 ask again.",
            ),
            (
                "no_process",
                "A sandbox or a limit (`ulimit -u`) forbids new processes. Start the worker \
                 elsewhere with {oneworker serve --foreground}.",
            ),
            (
                "log",
                "Check the disk's free space and the rights of {path}, or name another place with \
                 --state-dir.",
            ),
        ],
        ..NEITHER
    },
    ErrorKind {
        code: "launch_failed",
        exit: Exit(32),
        meaning: "the worker ended before it was ready",
        fields: &["exit_status", "signal", "log_tail"],
        help: &[(USUAL, WATCH)],
    },
    ErrorKind {
        code: "worker_failed",
        exit: Exit(33),
        meaning: "the worker said that it can't serve",
        fields: &["worker_code", "log_tail"],
        help: &[(USUAL, WATCH)],
    },
    ErrorKind {
        code: "no_such_version",
        exit: Exit(34),
        meaning: "`restart`: no program of this version is known",
        ..NEITHER
    },
    ErrorKind {
        code: "version_not_started",
        exit: Exit(35),
        meaning: "`restart`: another version is in office still",
        ..NEITHER
    },
    ErrorKind {
        code: "state_dir",
        exit: Exit(40),
        meaning: "the state directory can't be used",
        fields: &["path"],
        help: &[(
            USUAL,
            "{path} must be a directory of your own that only you can write to, on a disk \
                 with free space. Correct that, or name another with --state-dir; {oneworker \
                 config show} says where this one comes from.",
        )],
    },
    ErrorKind {
        code: "lock_failed",
        exit: Exit(41),
        meaning: "no lock can be taken there",
        fields: &["path"],
        help: &[(
            USUAL,
            "The file system of {path} may have no locks, or too many files are open. Name a \
                 directory on a local disk with --state-dir.",
        )],
    },
    ErrorKind {
        code: "not_permitted",
        exit: Exit(42),
        meaning: "a sandbox forbids this process what it needs",
        fields: &["what"],
        help: &[(
            USUAL,
            "A sandbox seems to forbid it. Allow this process to {what}, or run {oneworker \
                 ensure} outside of the sandbox.",
        )],
    },
    ErrorKind {
        code: "bind_failed",
        exit: Exit(43),
        meaning: "`serve`: the address can't be listened on",
        fields: &["address"],
        help: &[(USUAL, "Choose another port with {oneworker serve --port auto}.")],
    },
    ErrorKind {
        code: "no_random",
        exit: Exit(44),
        meaning: "`serve`: the system gives no random bytes",
        help: &[(USUAL, LIMITS)],
        ..NEITHER
    },
    ErrorKind {
        code: "event_loop",
        exit: Exit(45),
        meaning: "`serve`: the event loop can't be started",
        help: &[(USUAL, LIMITS)],
        ..NEITHER
    },
    ErrorKind {
        code: "signals",
        exit: Exit(46),
        meaning: "`serve`: stop signals can't be handled",
        help: &[(USUAL, LIMITS)],
        ..NEITHER
    },
    ErrorKind {
        code: "watchdog",
        exit: Exit(47),
        meaning: "`serve`: the watchdog can't be started",
        help: &[(USUAL, LIMITS)],
        ..NEITHER
    },
    ErrorKind {
        code: "listen",
        exit: Exit(48),
        meaning: "`serve`: the bound port can't be listened on",
        help: &[(USUAL, LIMITS)],
        ..NEITHER
    },
    ErrorKind {
        code: "activation",
        exit: Exit(49),
        meaning: "`serve`: the socket that a service manager passed to it is not the identity's",
        help: &[(
            USUAL,
            "Correct the socket unit, which {oneworker service install --socket} writes: it \
                 needs ListenStream=127.0.0.1:PORT, with the worker's --port.",
        )],
        ..NEITHER
    },
    ErrorKind {
        code: "io",
        exit: Exit(50),
        meaning: "a file or standard output can't be read or written",
        help: &[
            (USUAL, "Check the disk's free space and the rights of the files named above."),
            (
                "copy",
                "Name another file, in a directory that you can write to, on a disk with free \
                 space.",
            ),
        ],
        ..NEITHER
    },
    ErrorKind {
        code: "unreachable",
        exit: Exit(60),
        meaning: "the worker could not be asked by the deadline; it may have taken what it was handed",
        help: &[(USUAL, "Ask again, or allow more time with --deadline.")],
        ..NEITHER
    },
    ErrorKind {
        code: "refused",
        exit: Exit(61),
        meaning: "the worker does not take what it was handed",
        help: &[(USUAL, "Correct what the message names; docs/data.md says what the worker takes.")],
        ..NEITHER
    },
    ErrorKind {
        code: "disk_full",
        exit: Exit(62),
        meaning: "no room for the data; nothing was lost",
        help: &[(USUAL, "Make room on the disk; nothing was lost, and nothing was half-written.")],
        ..NEITHER
    },
    ErrorKind {
        code: "database_busy",
        exit: Exit(63),
        meaning: "another process keeps the database locked",
        help: &[(
            USUAL,
            "Another process keeps the database locked, perhaps while it is stopped: let it \
                 go on or end it, then ask again.",
        )],
        ..NEITHER
    },
    ErrorKind {
        code: "database_corrupt",
        exit: Exit(64),
        meaning: "the file is no database, or a damaged one; it was left as it is",
        help: &[(
            USUAL,
            "It was left as it is. Restore a backup in its place, try `sqlite3 FILE \
                 .recover`, or name another database with --database.",
        )],
        ..NEITHER
    },
    ErrorKind {
        code: "database_too_new",
        exit: Exit(65),
        meaning: "the database is of a newer version; it was left as it is",
        help: &[(
            USUAL,
            "Use the newer version, or name another database with --database; nothing was \
                 changed.",
        )],
        ..NEITHER
    },
    ErrorKind {
        code: "database_not_wal",
        exit: Exit(66),
        meaning: "the database is on a file system without shared memory",
        help: &[(USUAL, "Name a database on a local disk with --database.")],
        ..NEITHER
    },
    ErrorKind {
        code: "database_failed",
        exit: Exit(67),
        meaning: "the database says something else",
        help: &[(USUAL, "{oneworker logs} may tell more.")],
        ..NEITHER
    },
    ErrorKind {
        code: "fence_unreadable",
        exit: Exit(68),
        meaning: "the fence of the database is gone",
        help: &[(USUAL, "{oneworker restart} claims the database anew.")],
        ..NEITHER
    },
    ErrorKind {
        code: "database_not_ours",
        exit: Exit(69),
        meaning: "the database belongs to another user; it was left as it is",
        help: &[(USUAL, "Name another database with --database.")],
        ..NEITHER
    },
    ErrorKind {
        code: "no_descriptors",
        exit: Exit(70),
        meaning: "too many open files",
        help: &[(
            USUAL,
            "See the limit on open files (`ulimit -n`): the worker needs about forty, and one \
                 for each connection.",
        )],
        ..NEITHER
    },
    ErrorKind {
        code: "already_running",
        exit: Exit(71),
        meaning: "a worker is in office, and `restore` needs the database for itself, or `adopt` has nobody to replace",
        ..NEITHER
    },
    ErrorKind {
        code: "not_written",
        exit: Exit(80),
        meaning: "`hook`, `service`: a file of another program is left as it is; `doctor --bundle`: one that was there already",
        help: &[(
            USUAL,
            "Nothing was written. Mend the file, or make room for it, and run the command \
                 again.",
        )],
        ..NEITHER
    },
];

/// The row of a code.
pub(crate) fn of(code: &str) -> Option<&'static ErrorKind> {
    TABLE.iter().find(|kind| kind.code == code)
}

impl ErrorKind {
    /// What to do about it if it has this cause.
    pub(crate) fn help(&self, cause: &str) -> Option<&'static str> {
        self.help.iter().find(|(of, _)| *of == cause).map(|(_, text)| *text)
    }
}

#[cfg(test)]
mod tests;
