//! How a process of the tree is started.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// How a process of the tree is started.
#[derive(Debug)]
pub struct ChildCommand {
    /// The program. With a slash in it, it is found from `directory`; without, along the `PATH` of `env`.
    pub program: PathBuf,
    /// Its arguments, without its own name.
    pub args: Vec<OsString>,
    /// Its whole environment: nothing is inherited. The variables of the readiness channel and of passed sockets are left out, whoever
    /// set them.
    pub env: Vec<(OsString, OsString)>,
    /// Its working directory.
    pub directory: PathBuf,
    /// Its umask(2). Without a meaning on Windows.
    pub umask: u32,
    /// Its nice value (setpriority(2)), if it is not to be this process' own. On Windows, the priority class that is nearest to it.
    pub nice: Option<i32>,
    /// What it may use at most.
    pub limits: ChildLimits,
    /// Passed by systemd's protocol (sd_listen_fds(3)): as descriptors 3 and up, with `LISTEN_FDS` and `LISTEN_PID`.
    #[cfg(unix)]
    pub sockets: Vec<std::os::fd::OwnedFd>,
}

/// What a process may use at most, by setrlimit(2). Each process that it starts has the same limits again, for itself: they are no limits of a
/// tree (those would need a control group, which most users are not given). On Windows they are limits of the tree, by its job object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChildLimits {
    /// Bytes of private writable memory (`RLIMIT_DATA`). Not of address space (`RLIMIT_AS`): programs that reserve far more of it than they
    /// use, as Node and Java do, would not even start. Allocation fails beyond it; a lower limit that this process itself has stays. On Windows,
    /// bytes of committed memory.
    pub memory: Option<u64>,
    /// Open files (`RLIMIT_NOFILE`). An error on Windows, which knows no such limit.
    pub open_files: Option<u64>,
    /// CPU time, in whole seconds (`RLIMIT_CPU`): then SIGXCPU, and SIGKILL one second later. A lower limit that this process itself has stays. On
    /// Windows, time in user mode, to the 100 ns; then it is ended.
    pub cpu: Option<Duration>,
}
