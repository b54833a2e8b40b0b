//! What all children of one tenure share.

use std::ffi::OsString;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use coordinator::tree::{ChildCommand, ChildLimits, Marker, PART_VARIABLE};
use coordinator::{Epoch, LaunchCommand, layout};

use crate::logfile::LogLimits;
use crate::plan::ChildSpec;
#[cfg(unix)]
use crate::plan::SocketMode;

/// The tenure, as its children see it.
#[derive(Debug)]
pub(crate) struct ChildContext {
    pub(crate) name: String,
    pub(crate) state_dir: PathBuf,
    pub(crate) epoch: Epoch,
    /// The identity's port.
    pub(crate) port: u16,
    /// The listening socket on the port, if it is passed to the command.
    #[cfg_attr(not(unix), expect(dead_code, reason = "no socket is passed on this system"))]
    pub(crate) passed_socket: Option<TcpListener>,
    /// The listening socket on the port, if the command binds its own. It keeps the port reserved
    /// until the command starts.
    pub(crate) reserved_socket: Mutex<Option<TcpListener>>,
    pub(crate) marker: Marker,
    pub(crate) log_limits: LogLimits,
}

impl ChildContext {
    /// Returns the process to start for this child: its own command, or that of a check.
    pub(crate) fn process(
        &self,
        spec: &ChildSpec,
        command: &[String],
        notify: Option<&Path>,
    ) -> std::io::Result<ChildCommand> {
        let (program, args) = command.split_first().map_or(("", &[][..]), |(program, args)| (program, args));
        Ok(ChildCommand {
            program: self.expand(program).into(),
            args: args.iter().map(|arg| self.expand(arg).into()).collect(),
            env: self.environment(spec, notify),
            directory: spec.directory.clone().unwrap_or_else(|| self.state_dir.clone()),
            umask: spec.umask().unwrap_or(0o077),
            nice: spec.nice,
            limits: ChildLimits {
                memory: spec.limits.memory,
                open_files: spec.limits.open_files,
                cpu: spec.limits.cpu,
            },
            #[cfg(unix)]
            sockets: self.sockets(spec)?.into_iter().map(Into::into).collect(),
        })
    }

    #[cfg(unix)]
    fn sockets(&self, spec: &ChildSpec) -> std::io::Result<Option<TcpListener>> {
        let passed = self.passed_socket.as_ref().filter(|_| spec.socket == SocketMode::Pass);
        passed.map(TcpListener::try_clone).transpose()
    }

    /// Closes the socket that reserves the port, so that the command can bind it.
    pub(crate) fn release_port(&self) {
        self.reserved_socket.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Replaces `{port}` and `{state_dir}`.
    pub(crate) fn expand(&self, text: &str) -> String {
        text.replace("{port}", &self.port.to_string())
            .replace("{state_dir}", &self.state_dir.to_string_lossy())
    }

    fn environment(&self, spec: &ChildSpec, notify: Option<&Path>) -> Vec<(OsString, OsString)> {
        let allowed = LaunchCommand { env_pass: spec.env.pass.clone(), ..LaunchCommand::new("", [""; 0]) };
        let mut env = coordinator::system::environment(&allowed);
        let set = spec.env.set.iter().map(|(name, value)| (name.clone(), self.expand(value)));
        env.extend(set.map(|(name, value)| (name.into(), value.into())));
        let token = self.state_dir.join(layout::TOKEN);
        let ours: [(&str, OsString); 7] = [
            ("ONEWORKER_NAME", self.name.clone().into()),
            ("ONEWORKER_PORT", self.port.to_string().into()),
            ("ONEWORKER_EPOCH", self.epoch.to_string().into()),
            ("ONEWORKER_STATE_DIR", self.state_dir.clone().into()),
            ("ONEWORKER_TOKEN_FILE", token.into()),
            (Marker::VARIABLE, self.marker.as_str().into()),
            (PART_VARIABLE, spec.label().into()),
        ];
        env.extend(ours.map(|(name, value)| (name.into(), value)));
        env.extend(notify.map(|path| ("NOTIFY_SOCKET".into(), path.into())));
        env
    }
}
