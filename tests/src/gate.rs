use std::io::{PipeReader, PipeWriter};
use std::process::{Command, Stdio};

use crate::run::{Run, Running};

/// A starting line: the commands that wait at it all go on at the same instant, when it is opened.
pub struct Gate {
    line: PipeReader,
    // Closing it opens the gate: everybody who reads sees the end at once.
    _closed: PipeWriter,
}

impl Gate {
    /// A closed one.
    pub fn closed() -> Self {
        let (line, closed) = std::io::pipe().expect("a pipe");
        Self { line, _closed: closed }
    }

    /// Lets everybody go.
    pub fn open(self) {
        drop(self);
    }

    /// The command, behind this gate: its process exists already, and only has to `exec`.
    pub(crate) fn before(&self, command: &Command) -> Command {
        let mut gated = Command::new("sh");
        gated.args(["-c", r#"read -r _; exec "$@" </dev/null"#, "gate"]);
        gated.arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => gated.env(name, value),
                None => gated.env_remove(name),
            };
        }
        if let Some(dir) = command.get_current_dir() {
            gated.current_dir(dir);
        }
        gated
            .stdin(self.line.try_clone().expect("a descriptor"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        gated
    }
}

/// Starts them all at the same instant.
pub fn all_at_once(runs: impl IntoIterator<Item = Run>) -> Vec<Running> {
    let gate = Gate::closed();
    let waiting = runs.into_iter().map(|run| run.start_behind(&gate)).collect();
    gate.open();
    waiting
}
