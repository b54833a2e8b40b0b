//! What a worker and its sessions have in common: [`WorkerId`].

use std::path::{Path, PathBuf};

use semver::Version;

use crate::identity::{Name, PortChoice, ProtocolRange};
use crate::request_error::RequestError;
use crate::state_dir::NoStateDir;

/// The identity of a worker, as a worker and its sessions name it. One worker runs for each state
/// directory.
///
/// ```
/// use oneworker_protocol::WorkerId;
/// let id = WorkerId::builder().name("my-tool").port("auto").state_dir("/tmp/my-tool-state").build()?;
/// assert_eq!(id.name().as_str(), "my-tool");
/// # Ok::<(), oneworker_protocol::RequestError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerId {
    pub(crate) name: Name,
    pub(crate) state_dir: PathBuf,
    /// The port, if one was asked for.
    pub(crate) port: Option<PortChoice>,
    pub(crate) supervised: bool,
    pub(crate) version: Version,
    pub(crate) protocol: ProtocolRange,
}

impl WorkerId {
    /// Begins an identity. All but the state directory has a default.
    pub fn builder() -> WorkerIdBuilder {
        let id = Self {
            name: Name::default(),
            state_dir: PathBuf::new(),
            port: None,
            supervised: false,
            version: Version::new(0, 0, 0),
            protocol: ProtocolRange::default(),
        };
        WorkerIdBuilder { id, usual_state_dir: None, wrong: None }.version(env!("CARGO_PKG_VERSION"))
    }

    /// Returns the name.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// Returns the state directory: an absolute path.
    pub fn state_dir(&self) -> &Path {
        &self.state_dir
    }

    /// Returns the port that a worker takes.
    pub fn port(&self) -> PortChoice {
        self.port.unwrap_or_default()
    }

    /// Returns whether a command serves in the worker's place, and has the port.
    pub fn supervised(&self) -> bool {
        self.supervised
    }

    /// Returns the version of this process: what a worker is, or what a session would start.
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// Returns the protocol versions that this process understands.
    pub fn protocol(&self) -> ProtocolRange {
        self.protocol
    }

    /// Returns the file that the worker's standard streams go to.
    pub fn log_file(&self) -> PathBuf {
        self.state_dir.join(crate::layout::LOG_FILE)
    }
}

/// Where the state directory of a name is on this system.
pub type UsualStateDir = fn(&Name) -> Result<PathBuf, NoStateDir>;

/// Builds a [`WorkerId`], and checks what it is given.
#[derive(Debug)]
#[must_use]
pub struct WorkerIdBuilder {
    id: WorkerId,
    usual_state_dir: Option<UsualStateDir>,
    /// The first value that is not valid.
    wrong: Option<RequestError>,
}

impl WorkerIdBuilder {
    /// Sets the name. Default: `default`.
    pub fn name(mut self, name: &str) -> Self {
        match name.parse() {
            Ok(name) => self.id.name = name,
            Err(wrong) => self.refuse(wrong),
        }
        self
    }

    /// Sets the state directory: an absolute path.
    pub fn state_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.id.state_dir = dir.into();
        self
    }

    /// Sets where the state directory of a name is. It is used if no state directory is named.
    pub fn usual_state_dir(mut self, usual: UsualStateDir) -> Self {
        self.usual_state_dir = Some(usual);
        self
    }

    /// Sets the port, as text: a number or `auto`. Default: 37777. Without it, a worker on another port
    /// is accepted without a warning.
    pub fn port(mut self, port: &str) -> Self {
        match port.parse() {
            Ok(port) => self.id.port = Some(port),
            Err(wrong) => self.refuse(wrong),
        }
        self
    }

    /// Sets the port.
    pub fn port_choice(mut self, port: PortChoice) -> Self {
        self.id.port = Some(port);
        self
    }

    /// Sets whether a command serves in the worker's place. Default: no. The port is then the
    /// command's, and no proof is asked for there.
    pub fn supervised(mut self, supervised: bool) -> Self {
        self.id.supervised = supervised;
        self
    }

    /// Sets the semantic version of this process. Default: that of this library.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        let given = version.into();
        match Version::parse(&given) {
            Ok(version) => self.id.version = version,
            Err(source) => self.refuse(RequestError::Version { given, source }),
        }
        self
    }

    /// Sets the protocol versions that this process understands. Default: 1.
    pub fn protocol(mut self, range: ProtocolRange) -> Self {
        self.id.protocol = range;
        self
    }

    /// Returns the identity.
    ///
    /// # Errors
    /// The first value that is not valid.
    pub fn build(mut self) -> Result<WorkerId, RequestError> {
        if let Some(wrong) = self.wrong {
            return Err(wrong);
        }
        if self.id.state_dir.as_os_str().is_empty() {
            let usual = self.usual_state_dir.ok_or(RequestError::StateDirMissing)?;
            self.id.state_dir = usual(&self.id.name)?;
        }
        if !self.id.state_dir.is_absolute() {
            return Err(RequestError::RelativeStateDir(self.id.state_dir));
        }
        Ok(self.id)
    }

    fn refuse(&mut self, wrong: impl Into<RequestError>) {
        self.wrong.get_or_insert(wrong.into());
    }
}
