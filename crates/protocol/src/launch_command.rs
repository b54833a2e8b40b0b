//! The program that becomes the worker: [`LaunchCommand`].

use std::ffi::OsString;
use std::path::PathBuf;

/// The program that becomes the worker, and what it is given.
///
/// It is started detached: in its own session, with its standard streams in the log, every other
/// descriptor closed, the state directory as working directory, umask 077, and an environment that
/// is reduced to an allow-list plus what is named here.
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
    /// Returns another start of the running program with these arguments. If the system does not say
    /// which program this is (Linux without `/proc`), it is the path that it was called by.
    ///
    /// # Errors
    /// If it was called by its name alone, too.
    pub fn this_program<A: Into<OsString>>(args: impl IntoIterator<Item = A>) -> std::io::Result<Self> {
        let program = std::env::current_exe().or_else(|error| called_by().ok_or(error))?;
        Ok(Self::new(program, args))
    }

    /// Returns a start of `program` with these arguments.
    pub fn new<A: Into<OsString>>(program: impl Into<PathBuf>, args: impl IntoIterator<Item = A>) -> Self {
        Self {
            program: program.into(),
            args: args.into_iter().map(Into::into).collect(),
            env_pass: Vec::new(),
            env_set: Vec::new(),
        }
    }
}

/// Returns the path that this program was called by, if it was called by one.
fn called_by() -> Option<PathBuf> {
    let called = PathBuf::from(std::env::args_os().next()?);
    let path = called.parent().filter(|dir| !dir.as_os_str().is_empty()).and(Some(called.as_path()))?;
    std::path::absolute(path).ok().filter(|path| path.is_file())
}
