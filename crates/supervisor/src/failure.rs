//! Why a child cannot be used.

use std::time::Duration;

use coordinator::TenureError;
use coordinator::machine::Ending;
use coordinator::tree::SpawnError;

use crate::output::ChildOutput;

/// How long the end of a child's output may take to arrive.
const OUTPUT_END: Duration = Duration::from_millis(200);

/// What went wrong with a child, for programs and for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// A stable code.
    pub(crate) code: &'static str,
    /// A sentence, with the end of the child's output if that may say more.
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(code: &'static str, subject: &str, what: &str) -> Self {
        Self { code, message: format!("{subject} {what}") }
    }

    /// The child could not be started.
    pub(crate) fn start(subject: &str, error: &SpawnError) -> Self {
        let code = match error {
            SpawnError::NoSuchProgram { .. } => "command_not_found",
            SpawnError::NotExecutable { .. } => "command_not_executable",
            SpawnError::Directory { .. } => "command_directory",
            _ => "command_not_started",
        };
        Self::new(code, subject, &format!("can't be started: {error}"))
    }

    /// The child ended.
    pub(crate) fn ended(subject: &str, ending: Ending, ready: bool) -> Self {
        let when = if ready { "" } else { " before it was ready" };
        let how = match ending {
            // The supervisor never sends SIGKILL without saying so.
            Ending::Signalled(9) => {
                format!("was killed{when} by somebody else: the kernel does so where memory runs out")
            }
            Ending::Signalled(24) => {
                format!("was ended{when}: it has used up the time on the CPU that it is given")
            }
            ending => format!("{ending}{when}"),
        };
        Self::new("command_exited", subject, &how)
    }

    /// Adds the end of the child's output, as far as it has arrived.
    pub(crate) async fn with_output_tail(mut self, output: &ChildOutput) -> Self {
        let read = async {
            while !output.is_over() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        // Processes that the child has left behind may keep its output open.
        let _ = tokio::time::timeout(OUTPUT_END, read).await;
        let tail = output.tail();
        if !tail.trim().is_empty() {
            self.message.push_str("; it said last: ");
            self.message.push_str(tail.trim_end());
        }
        self
    }
}

impl From<Failure> for TenureError {
    fn from(failure: Failure) -> Self {
        Self::Unusable { code: failure.code, message: failure.message, pid: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_killed_by_nobody_here_is_told_to_look_at_the_memory() {
        let killed = Failure::ended("the command", Ending::Signalled(9), false);
        assert!(killed.message.contains("before it was ready") && killed.message.contains("memory"));
        assert_eq!(killed.code, "command_exited");
        let exited = Failure::ended("the command", Ending::Exited(3), true);
        assert_eq!(exited.message, "the command exited with status 3");
    }
}
