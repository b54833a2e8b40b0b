//! What a session asks for: [`WorkerSpec`] and its checked builder.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use semver::Version;
use thiserror::Error;

use crate::identity::{Name, PortChoice, ProtocolRange};
use crate::state_dir::NoStateDir;
use crate::upgrade::{UpgradeLimits, UpgradePolicy};

/// The program that becomes the worker, and what it is given.
///
/// It is started detached: own session, standard streams to the log, every other descriptor closed, the state directory as
/// working directory, umask 077, and an environment reduced to an allow-list plus what is named here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaunchCommand {
    /// The program: a path, or a name that is looked up in `PATH`.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Environment variables of the session that are passed on, besides those of the allow-list.
    pub env_pass: Vec<String>,
    /// Environment variables that are set.
    pub env_set: Vec<(String, OsString)>,
}

impl LaunchCommand {
    /// Another start of the running program with these arguments. Where the system does not say what program this is (Linux without `/proc`), it is the path
    /// that it was called by.
    ///
    /// # Errors
    /// If it was called by its name alone, either.
    pub fn this_program<A: Into<OsString>>(args: impl IntoIterator<Item = A>) -> std::io::Result<Self> {
        let program = std::env::current_exe().or_else(|error| called_by().ok_or(error))?;
        Ok(Self::new(program, args))
    }

    /// A start of `program` with these arguments.
    pub fn new<A: Into<OsString>>(program: impl Into<PathBuf>, args: impl IntoIterator<Item = A>) -> Self {
        Self {
            program: program.into(),
            args: args.into_iter().map(Into::into).collect(),
            env_pass: Vec::new(),
            env_set: Vec::new(),
        }
    }
}

/// The path that this program was called by, if it was called by one.
fn called_by() -> Option<PathBuf> {
    let called = PathBuf::from(std::env::args_os().next()?);
    let path = called.parent().filter(|dir| !dir.as_os_str().is_empty()).and(Some(called.as_path()))?;
    std::path::absolute(path).ok().filter(|path| path.is_file())
}

/// How launches are held back after failures. A failure is a launch that never became ready, or a worker that died
/// uncleanly within `stable_after` of becoming ready. All sessions of the identity share the count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// So many failures in a row are retried without delay.
    pub free: u32,
    /// The delay after the first failure beyond those; doubled by each further one. Zero: no backoff.
    pub base: Duration,
    /// The longest delay.
    pub max: Duration,
    /// A worker that served this long was no failure, however it ended.
    pub stable_after: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            free: 2,
            base: Duration::from_millis(500),
            max: Duration::from_secs(60),
            stable_after: Duration::from_secs(5),
        }
    }
}

impl Backoff {
    /// How long to wait after so many failures in a row.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let backoff = oneworker_protocol::Backoff::default();
    /// assert_eq!(backoff.delay(2), Duration::ZERO);
    /// assert_eq!(backoff.delay(4), 2 * backoff.delay(3));
    /// assert_eq!(backoff.delay(u32::MAX), backoff.max);
    /// ```
    pub fn delay(&self, failures: u32) -> Duration {
        match failures.checked_sub(self.free) {
            None | Some(0) => Duration::ZERO,
            Some(n) => self.base.saturating_mul(1u32.checked_shl(n - 1).unwrap_or(u32::MAX)).min(self.max),
        }
    }
}

/// What a session wants: of which identity, in what version, how started, and how long to try.
///
/// ```
/// use oneworker_protocol::{LaunchCommand, WorkerSpec};
/// let spec = WorkerSpec::builder(LaunchCommand::new("my-daemon", ["--serve"]))
///     .name("my-tool")
///     .port("auto")
///     .state_dir("/tmp/my-tool-state")
///     .build()?;
/// assert_eq!(spec.name().as_str(), "my-tool");
/// # Ok::<(), oneworker_protocol::SpecError>(())
/// ```
#[derive(Clone, Debug)]
pub struct WorkerSpec {
    pub(crate) name: Name,
    pub(crate) port: PortChoice,
    pub(crate) port_was_asked_for: bool,
    pub(crate) state_dir: PathBuf,
    pub(crate) version: Version,
    pub(crate) protocol: ProtocolRange,
    pub(crate) launch: LaunchCommand,
    pub(crate) supervised: bool,
    pub(crate) may_start: bool,
    pub(crate) deadline: Duration,
    pub(crate) hang_limit: Duration,
    pub(crate) backoff: Backoff,
    pub(crate) upgrade: UpgradePolicy,
    pub(crate) upgrade_limits: UpgradeLimits,
    pub(crate) chosen: bool,
}

impl WorkerSpec {
    /// The deadline of a spec that names none.
    pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(5);
    /// The hang limit of a spec that names none.
    pub const DEFAULT_HANG_LIMIT: Duration = Duration::from_secs(10);

    /// Begins a spec. All but the command and the state directory have a default.
    pub fn builder(launch: LaunchCommand) -> WorkerSpecBuilder {
        WorkerSpecBuilder {
            launch,
            name: Ok(Name::default()),
            port: None,
            state_dir: None,
            usual_state_dir: None,
            version: None,
            protocol: ProtocolRange::default(),
            supervised: false,
            may_start: true,
            deadline: Self::DEFAULT_DEADLINE,
            hang_limit: Self::DEFAULT_HANG_LIMIT,
            backoff: Backoff::default(),
            upgrade: UpgradePolicy::default(),
            upgrade_limits: UpgradeLimits::default(),
            chosen: false,
        }
    }

    /// The identity's name.
    pub fn name(&self) -> &Name {
        &self.name
    }
    /// The port asked for.
    pub fn port(&self) -> PortChoice {
        self.port
    }
    /// The state directory: absolute.
    pub fn state_dir(&self) -> &Path {
        &self.state_dir
    }
    /// The version that this session would start.
    pub fn version(&self) -> &Version {
        &self.version
    }
    /// The protocol versions that this session understands.
    pub fn protocol(&self) -> ProtocolRange {
        self.protocol
    }
    /// The program that becomes the worker.
    pub fn launch(&self) -> &LaunchCommand {
        &self.launch
    }
    /// Whether the worker supervises a command that serves in its place, and has the port.
    pub fn supervised(&self) -> bool {
        self.supervised
    }
    /// How long a call may take.
    pub fn deadline(&self) -> Duration {
        self.deadline
    }
    /// How long a worker in office may be silent before it is replaced.
    pub fn hang_limit(&self) -> Duration {
        self.hang_limit
    }
    /// How launches are held back after failures.
    pub fn backoff(&self) -> Backoff {
        self.backoff
    }
    /// What is wanted of a worker in another version.
    pub fn upgrade(&self) -> UpgradePolicy {
        self.upgrade
    }
    /// How often versions may replace each other.
    pub fn upgrade_limits(&self) -> UpgradeLimits {
        self.upgrade_limits
    }
    /// The same, with another program that becomes the worker.
    pub(crate) fn launching(&self, launch: LaunchCommand) -> Self {
        Self { launch, ..self.clone() }
    }
    /// The file that the worker's standard streams go to.
    pub fn log_file(&self) -> PathBuf {
        self.state_dir.join(crate::layout::LOG_FILE)
    }
}

/// Why a [`WorkerSpec`] can't be built.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SpecError {
    /// A value does not have the form it must have.
    #[error(transparent)]
    Invalid(#[from] crate::InvalidValue),
    /// The version is not a semantic version.
    #[error("version {given:?} is not a semantic version (https://semver.org): {source}")]
    Version {
        /// What was given.
        given: String,
        /// What is wrong with it.
        source: semver::Error,
    },
    /// The state directory is not named, and none can be derived.
    #[error(transparent)]
    NoStateDir(#[from] NoStateDir),
    /// The state directory is not named, and nothing says where the usual one is.
    #[error("no state directory is named")]
    StateDirMissing,
    /// The state directory is not an absolute path: it would mean another one in every working directory.
    #[error("the state directory {0:?} is not an absolute path")]
    RelativeStateDir(PathBuf),
    /// A duration is out of its range.
    #[error("{what} must be between {min:?} and {max:?}, not {given:?}")]
    OutOfRange {
        /// Which duration.
        what: &'static str,
        /// What was given.
        given: Duration,
        /// The least.
        min: Duration,
        /// The most.
        max: Duration,
    },
}

/// Where the state directory of a name is on this system.
pub type UsualStateDir = fn(&Name) -> Result<PathBuf, NoStateDir>;

/// Builds a [`WorkerSpec`], and checks what it is given.
#[derive(Debug)]
#[must_use]
pub struct WorkerSpecBuilder {
    launch: LaunchCommand,
    name: Result<Name, crate::InvalidValue>,
    port: Option<Result<PortChoice, crate::InvalidValue>>,
    state_dir: Option<PathBuf>,
    usual_state_dir: Option<UsualStateDir>,
    version: Option<String>,
    protocol: ProtocolRange,
    supervised: bool,
    may_start: bool,
    deadline: Duration,
    hang_limit: Duration,
    backoff: Backoff,
    upgrade: UpgradePolicy,
    upgrade_limits: UpgradeLimits,
    chosen: bool,
}

impl WorkerSpecBuilder {
    /// The identity's name; `default` without.
    pub fn name(mut self, name: &str) -> Self {
        self.name = name.parse();
        self
    }
    /// The port, as text: a number or `auto`. Without, a worker that is started takes 37777, and one that runs elsewhere is as good.
    pub fn port(mut self, port: &str) -> Self {
        self.port = Some(port.parse());
        self
    }
    /// The port.
    pub fn port_choice(mut self, port: PortChoice) -> Self {
        self.port = Some(Ok(port));
        self
    }
    /// The state directory: an absolute path.
    pub fn state_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.state_dir = Some(dir.into());
        self
    }
    /// Says where the state directory of a name is if none is named.
    pub fn usual_state_dir(mut self, usual: UsualStateDir) -> Self {
        self.usual_state_dir = Some(usual);
        self
    }
    /// The semantic version that this session would start; `coordinator`'s own without.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }
    /// The protocol versions that this session understands; 1 without.
    pub fn protocol(mut self, range: ProtocolRange) -> Self {
        self.protocol = range;
        self
    }
    /// Whether the worker supervises a command that serves in its place; not so without. The identity's port is then the command's, and
    /// nobody is asked there for a proof.
    pub fn supervised(mut self, supervised: bool) -> Self {
        self.supervised = supervised;
        self
    }
    /// Whether a worker may be started (default) or only be found.
    pub fn may_start(mut self, may: bool) -> Self {
        self.may_start = may;
        self
    }
    /// How long a call may take: 10 ms to 1 hour, 5 s without.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }
    /// How long a worker in office may be silent before it is replaced: 500 ms to 1 hour, 10 s without. Measured on a clock that
    /// excludes sleep, across sessions.
    pub fn hang_limit(mut self, limit: Duration) -> Self {
        self.hang_limit = limit;
        self
    }
    /// How launches are held back after failures.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// What is wanted of a worker that this session can talk to, and that is in another version; [`UpgradePolicy::Reuse`] without.
    pub fn upgrade(mut self, policy: UpgradePolicy) -> Self {
        self.upgrade = policy;
        self
    }
    /// How often versions may replace each other, and when one counts as bad.
    pub fn upgrade_limits(mut self, limits: UpgradeLimits) -> Self {
        self.upgrade_limits = limits;
        self
    }
    /// Whether a person has chosen this version; not so without. Then a worker in any other hands over to it, whatever the limits say and whatever was noted against
    /// it; and for a day no session's policy has another one replace it, as long as it is in office.
    pub fn chosen(mut self, chosen: bool) -> Self {
        self.chosen = chosen;
        self
    }

    /// The spec.
    ///
    /// # Errors
    /// The first value that is not valid.
    pub fn build(self) -> Result<WorkerSpec, SpecError> {
        let name = self.name?;
        let port_was_asked_for = self.port.is_some();
        let port = self.port.transpose()?.unwrap_or_default();
        let given = self.version.unwrap_or_else(|| env!("CARGO_PKG_VERSION").to_owned());
        let version = Version::parse(&given).map_err(|source| SpecError::Version { given, source })?;
        let state_dir = match self.state_dir {
            Some(dir) => dir,
            None => self.usual_state_dir.ok_or(SpecError::StateDirMissing)?(&name)?,
        };
        if !state_dir.is_absolute() {
            return Err(SpecError::RelativeStateDir(state_dir));
        }
        let hour = Duration::from_secs(3600);
        within("deadline", self.deadline, Duration::from_millis(10), hour)?;
        within("hang limit", self.hang_limit, Duration::from_millis(500), hour)?;
        within("probation", self.upgrade_limits.probation, Duration::ZERO, 24 * hour)?;
        within("longest backoff", self.backoff.max, self.backoff.base, 24 * hour)?;
        Ok(WorkerSpec {
            name,
            port,
            port_was_asked_for,
            state_dir,
            version,
            protocol: self.protocol,
            launch: self.launch,
            supervised: self.supervised,
            may_start: self.may_start,
            deadline: self.deadline,
            hang_limit: self.hang_limit,
            backoff: self.backoff,
            upgrade: if self.chosen { UpgradePolicy::Exact } else { self.upgrade },
            upgrade_limits: self.upgrade_limits,
            chosen: self.chosen,
        })
    }
}

fn within(what: &'static str, given: Duration, min: Duration, max: Duration) -> Result<(), SpecError> {
    if given < min || given > max {
        return Err(SpecError::OutOfRange { what, given, min, max });
    }
    Ok(())
}
