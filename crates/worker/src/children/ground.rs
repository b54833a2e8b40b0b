//! What all parts of one tenure stand on.

use std::ffi::OsString;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use coordinator::tree::{ChildCommand, ChildLimits, Marker, PART_VARIABLE};
use coordinator::{Epoch, LaunchCommand, layout};

use super::plan::Part;
#[cfg(unix)]
use super::plan::Socket;

/// The tenure, as its children see it.
#[derive(Debug)]
pub(crate) struct Ground {
    pub(super) name: String,
    pub(super) state_dir: PathBuf,
    pub(super) epoch: Epoch,
    /// The identity's port.
    pub(super) port: u16,
    /// The listening socket on it, if it is to be passed.
    pub(super) socket: Option<TcpListener>,
    /// The same, if the command makes one of its own: it has the port until the command is started.
    pub(super) held: Mutex<Option<TcpListener>>,
    pub(super) marker: Marker,
    pub(super) log_max_bytes: u64,
    pub(super) log_keep: u32,
}

impl Ground {
    /// What starts this part.
    pub(super) fn child(
        &self,
        part: &Part,
        command: &[String],
        notify: Option<&Path>,
    ) -> std::io::Result<ChildCommand> {
        let (program, args) = command.split_first().map_or(("", &[][..]), |(program, args)| (program, args));
        Ok(ChildCommand {
            program: self.fill(program).into(),
            args: args.iter().map(|arg| self.fill(arg).into()).collect(),
            env: self.environment(part, notify),
            directory: part.directory.clone().unwrap_or_else(|| self.state_dir.clone()),
            umask: part.umask().unwrap_or(0o077),
            nice: part.nice,
            limits: ChildLimits {
                memory: part.limits.memory,
                open_files: part.limits.open_files,
                cpu: part.limits.cpu,
            },
            #[cfg(unix)]
            sockets: self.passed(part)?.into_iter().map(Into::into).collect(),
        })
    }

    #[cfg(unix)]
    fn passed(&self, part: &Part) -> std::io::Result<Option<TcpListener>> {
        let passed = self.socket.as_ref().filter(|_| part.socket == Socket::Pass);
        passed.map(TcpListener::try_clone).transpose()
    }

    /// So that the command can have the port.
    pub(super) fn let_port_go(&self) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Puts what is known now in the place of `{port}` and `{state_dir}`.
    pub(super) fn fill(&self, text: &str) -> String {
        text.replace("{port}", &self.port.to_string())
            .replace("{state_dir}", &self.state_dir.to_string_lossy())
    }

    fn environment(&self, part: &Part, notify: Option<&Path>) -> Vec<(OsString, OsString)> {
        let allowed = LaunchCommand { env_pass: part.env.pass.clone(), ..LaunchCommand::new("", [""; 0]) };
        let mut env = coordinator::system::environment(&allowed);
        let set = part.env.set.iter().map(|(name, value)| (name.clone(), self.fill(value)));
        env.extend(set.map(|(name, value)| (name.into(), value.into())));
        let token = self.state_dir.join(layout::TOKEN);
        let ours: [(&str, OsString); 7] = [
            ("ONEWORKER_NAME", self.name.clone().into()),
            ("ONEWORKER_PORT", self.port.to_string().into()),
            ("ONEWORKER_EPOCH", self.epoch.to_string().into()),
            ("ONEWORKER_STATE_DIR", self.state_dir.clone().into()),
            ("ONEWORKER_TOKEN_FILE", token.into()),
            (Marker::VARIABLE, self.marker.as_str().into()),
            (PART_VARIABLE, part.label().into()),
        ];
        env.extend(ours.map(|(name, value)| (name.into(), value)));
        env.extend(notify.map(|path| ("NOTIFY_SOCKET".into(), path.into())));
        env
    }
}
