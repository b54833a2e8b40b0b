//! What is started in this worker's place and beside it, as a configuration writes it: the tables `[worker]` and `[[helper]]`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::text;

/// The name of the command among its helpers: of its log, too.
pub(super) const COMMAND: &str = "command";

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Plan {
    /// The command that serves in the worker's place, and has its port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<Part>,
    /// What belongs to it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub helpers: Vec<Part>,
}

/// One program, how it is started and ended, and what becomes of it in between.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Part {
    /// A helper's name: that of its log, too. The command has none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The program and its arguments; `{port}` stands for the worker's port and `{state_dir}` for its directory.
    pub command: Vec<String>,
    /// Where it runs, an absolute path; without, the state directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub directory: Option<PathBuf>,
    /// What it gets besides the allow-list.
    pub env: Env,
    /// How it is known to be ready. The command is by a connection to its port, unless that is passed to it; helpers are at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready: Option<Check>,
    /// How it is known to be well, once it is ready; without, it is for as long as it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alive: Option<Check>,
    /// When it is started again.
    pub restart: Restart,
    /// How it is ended.
    pub stop: Stop,
    /// What it may use up.
    pub limits: Limits,
    /// Its priority, -20 to 19: the higher, the less.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nice: Option<i32>,
    /// The rights that its files don't get, in octal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub umask: Option<String>,
    /// A helper's: whether it is started before the command, or once that is ready.
    pub start: When,
    /// A helper's: those that have to be ready before it is started. They are ended after it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<String>,
    /// The command's: whether it gets the listening socket, by the protocol of systemd (`LISTEN_FDS`). Clients then wait for it, and are not refused.
    pub socket: Socket,
}

impl Default for Part {
    fn default() -> Self {
        Self {
            name: String::new(),
            command: Vec::new(),
            directory: None,
            env: Env::default(),
            ready: None,
            alive: None,
            restart: Restart::default(),
            stop: Stop::default(),
            limits: Limits::default(),
            nice: None,
            umask: None,
            start: When::Before,
            needs: Vec::new(),
            socket: Socket::Own,
        }
    }
}

/// A part's environment, besides the allow-list of [`coordinator::LaunchCommand`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Env {
    /// Variables of the session that starts the worker.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pass: Vec<String>,
    /// Variables that are set; `{port}` and `{state_dir}` are replaced here too.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub set: BTreeMap<String, String>,
}

/// A question to a part: exactly one of `http`, `tcp`, `line`, `notify` and `command`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Check {
    /// A `GET` of this URL, or of this path on the worker's port, is answered with [`Check::status`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<String>,
    /// The status; without, any from 200 to 299.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The answer's first 64 KiB contain this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// A connection to this address, or to this port of 127.0.0.1, can be made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcp: Option<String>,
    /// A line of its output contains this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// It says `READY=1` by the protocol of systemd (`NOTIFY_SOCKET`).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub notify: bool,
    /// This program ends with status 0.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// For `ready`: it is ended if it is not ready within this; 30 s without.
    #[serde(with = "text::some_duration", skip_serializing_if = "Option::is_none")]
    pub within: Option<Duration>,
    /// For `alive`: it is asked this often; every 10 s without.
    #[serde(with = "text::some_duration", skip_serializing_if = "Option::is_none")]
    pub every: Option<Duration>,
    /// For `alive`: it may take so long to answer; 5 s without.
    #[serde(with = "text::some_duration", skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// For `alive`: after so many misses in a row it is ended and started again; 3 without. One that uses the CPU meanwhile is given six times as many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failures: Option<u32>,
}

/// When a part is started again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Restart {
    /// After which endings.
    pub when: RestartWhen,
    /// The pause before the first time; doubled by each further one, and up to a half longer by chance.
    #[serde(with = "text::duration")]
    pub base: Duration,
    /// The longest pause.
    #[serde(with = "text::duration")]
    pub max: Duration,
    /// Given up after so many within [`Restart::within`].
    pub limit: u32,
    /// See [`Restart::limit`].
    #[serde(with = "text::duration")]
    pub within: Duration,
}

impl Default for Restart {
    fn default() -> Self {
        Self {
            when: RestartWhen::OnFailure,
            base: Duration::from_millis(200),
            max: Duration::from_secs(30),
            limit: 5,
            within: Duration::from_secs(60),
        }
    }
}

/// After which endings a part is started again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RestartWhen {
    /// After all but the one with status 0.
    #[default]
    OnFailure,
    /// After all.
    Always,
    /// After none.
    Never,
}

/// How a part is ended: its process group gets the signal, and what is left of it SIGKILL.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Stop {
    /// The signal: TERM, INT, QUIT, HUP, USR1, USR2 or KILL.
    pub signal: String,
    /// How long it may take.
    #[serde(with = "text::duration")]
    pub within: Duration,
}

impl Default for Stop {
    fn default() -> Self {
        Self { signal: "TERM".to_owned(), within: Duration::from_secs(5) }
    }
}

/// What a part may use up; each process of it, and nothing is limited without.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Memory of its own (`RLIMIT_DATA`), such as `512MiB`.
    #[serde(with = "text::some_size", skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// Open files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_files: Option<u64>,
    /// Time on the CPU, in all.
    #[serde(with = "text::some_duration", skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Duration>,
}

/// When a helper is started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// Before the command.
    #[default]
    Before,
    /// Once the command is ready.
    After,
}

/// Whose the listening socket is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Socket {
    /// The command makes its own.
    #[default]
    Own,
    /// It is passed to the command.
    Pass,
}
