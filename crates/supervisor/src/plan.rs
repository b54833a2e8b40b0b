//! What to run, as a configuration writes it: the tables `[worker]` and `[[helper]]`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::units;

/// The command's label beside the names of its helpers. Its log is named after it.
pub(crate) const COMMAND: &str = "command";

/// The commands of a daemon.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Plan {
    /// The command that serves in the daemon's place, on the daemon's port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<ChildSpec>,
    /// The helpers that run beside it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub helpers: Vec<ChildSpec>,
}

/// How one child is started, checked, restarted and ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChildSpec {
    /// A helper's name. Its log is named after it. The command has no name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The program and its arguments. `{port}` stands for the daemon's port, `{state_dir}` for its
    /// state directory.
    pub command: Vec<String>,
    /// The working directory, an absolute path. Default: the state directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub directory: Option<PathBuf>,
    /// The environment, besides the allow-list.
    pub env: Env,
    /// The readiness check. Default for the command: a connection to its port, unless the socket is
    /// passed to it. A helper without a check is ready at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready: Option<Check>,
    /// The liveness check, repeated once the child is ready. Default: the child is well as long as
    /// it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alive: Option<Check>,
    /// When the child is restarted.
    pub restart: RestartPolicy,
    /// How the child is ended.
    pub stop: StopPolicy,
    /// What the child may use.
    pub limits: ResourceLimits,
    /// The nice value, from -20 to 19. A higher value means a lower priority.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nice: Option<i32>,
    /// The file mode creation mask, in octal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub umask: Option<String>,
    /// For a helper: whether it starts before the command, or once the command is ready.
    pub start: StartPhase,
    /// For a helper: the helpers that must be ready before it starts. They are ended after it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<String>,
    /// For the command: whether it gets the listening socket, by systemd's protocol (`LISTEN_FDS`).
    /// Clients then wait for the command and are not refused.
    pub socket: SocketMode,
}

impl Default for ChildSpec {
    fn default() -> Self {
        Self {
            name: String::new(),
            command: Vec::new(),
            directory: None,
            env: Env::default(),
            ready: None,
            alive: None,
            restart: RestartPolicy::default(),
            stop: StopPolicy::default(),
            limits: ResourceLimits::default(),
            nice: None,
            umask: None,
            start: StartPhase::Before,
            needs: Vec::new(),
            socket: SocketMode::Own,
        }
    }
}

/// A child's environment, besides the allow-list of [`coordinator::LaunchCommand`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Env {
    /// Variables that are passed on from the session that starts the daemon.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pass: Vec<String>,
    /// Variables with fixed values. `{port}` and `{state_dir}` are replaced here too.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub set: BTreeMap<String, String>,
}

/// A check of a child: exactly one of `http`, `tcp`, `line`, `notify` and `command`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Check {
    /// A `GET` of this URL, or of this path on the daemon's port, is answered with
    /// [`Check::status`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<String>,
    /// The expected status. Default: any from 200 to 299.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// A text that the first 64 KiB of the response contain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// A connection to this address, or to this port of 127.0.0.1, can be made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcp: Option<String>,
    /// A line of the child's output contains this text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// The child sends `READY=1` by systemd's protocol (`NOTIFY_SOCKET`).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub notify: bool,
    /// This program exits with status 0.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// For `ready`: the child is ended if it is not ready within this time. Default: 30 s.
    #[serde(with = "units::some_duration", skip_serializing_if = "Option::is_none")]
    pub within: Option<Duration>,
    /// For `alive`: the pause between two checks. Default: 10 s.
    #[serde(with = "units::some_duration", skip_serializing_if = "Option::is_none")]
    pub every: Option<Duration>,
    /// For `alive`: how long one check may take. Default: 5 s.
    #[serde(with = "units::some_duration", skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// For `alive`: the child is restarted after this many failed checks in a row. Default: 3. A
    /// child that uses the CPU meanwhile gets six times as many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failures: Option<u32>,
}

/// When a child is restarted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RestartPolicy {
    /// After which exits.
    pub when: RestartWhen,
    /// The pause before the first restart. It doubles with each further one, plus up to a half at
    /// random.
    #[serde(with = "units::duration")]
    pub base: Duration,
    /// The longest pause.
    #[serde(with = "units::duration")]
    pub max: Duration,
    /// The supervisor gives up after this many restarts within [`RestartPolicy::within`].
    pub limit: u32,
    /// The period that [`RestartPolicy::limit`] counts in.
    #[serde(with = "units::duration")]
    pub within: Duration,
}

impl Default for RestartPolicy {
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

/// After which exits a child is restarted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RestartWhen {
    /// After every exit but one with status 0.
    #[default]
    OnFailure,
    /// After every exit.
    Always,
    /// Never.
    Never,
}

/// How a child is ended: its process group gets the signal. What is left afterwards is killed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StopPolicy {
    /// The signal: TERM, INT, QUIT, HUP, USR1, USR2 or KILL.
    pub signal: String,
    /// How long the child may take to end.
    #[serde(with = "units::duration")]
    pub within: Duration,
}

impl Default for StopPolicy {
    fn default() -> Self {
        Self { signal: "TERM".to_owned(), within: Duration::from_secs(5) }
    }
}

/// What each process of a child may use. By default nothing is limited.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ResourceLimits {
    /// Private memory (`RLIMIT_DATA`), such as `512MiB`.
    #[serde(with = "units::some_size", skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// Open files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_files: Option<u64>,
    /// CPU time in total.
    #[serde(with = "units::some_duration", skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Duration>,
}

/// When a helper starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StartPhase {
    /// Before the command.
    #[default]
    Before,
    /// Once the command is ready.
    After,
}

/// Which process owns the listening socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SocketMode {
    /// The command binds its own.
    #[default]
    Own,
    /// The daemon binds it and passes it to the command.
    Pass,
}
