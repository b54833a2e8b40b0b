use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;

use crate::run::Run;

/// The command, started as a service manager starts one for which it has opened this socket (sd_listen_fds(3)): as descriptor 3, for the process
/// that the command becomes. The socket stays open here.
pub fn activated(run: Run, socket: &OwnedFd) -> Run {
    activated_as("LISTEN_FDS=1 LISTEN_PID=$$", run, socket)
}

/// The same, where these variables say what was passed and to whom; `$$` is the process.
pub fn activated_as(variables: &str, run: Run, socket: &OwnedFd) -> Run {
    let passed = socket.as_raw_fd();
    run.through(&format!(r#"{variables} exec "$@""#)).with(|command| {
        // SAFETY: plain system calls, in a fresh fork; dup2 of a number onto itself would leave the flag.
        let place = move || unsafe {
            let done = if passed == 3 { libc::fcntl(3, libc::F_SETFD, 0) } else { libc::dup2(passed, 3) };
            if done == -1 { Err(std::io::Error::last_os_error()) } else { Ok(()) }
        };
        // SAFETY: the closure makes one system call and allocates nothing.
        unsafe { command.pre_exec(place) };
    })
}
