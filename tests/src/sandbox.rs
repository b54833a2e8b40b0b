use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run::Run;

/// A user without rights.
pub const NOBODY: u32 = 65534;

/// Whether the tests run as root. Tests that need it say so and pass otherwise.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Says why a test shows nothing, if this is not root.
pub fn needs_root() -> bool {
    if !is_root() {
        eprintln!("skipped: this needs root");
    }
    !is_root()
}

/// The command, run as this user (root only).
pub fn as_user(user: u32) -> impl FnOnce(&mut Command) {
    move |command| {
        command.uid(user).gid(user);
    }
}

/// The command, with at most so many open files.
pub fn limit_open_files(most: u64) -> impl FnOnce(&mut Command) {
    move |command| {
        let limit = libc::rlimit { rlim_cur: most, rlim_max: most };
        // SAFETY: a plain system call, in a fresh fork.
        let apply = move || match unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        };
        // SAFETY: the closure makes one system call and allocates nothing.
        unsafe { command.pre_exec(apply) };
    }
}

/// What a sandbox forbids.
#[derive(Clone, Copy, Debug)]
pub enum Forbidden {
    /// Internet sockets, with this error (`EPERM` as most do, `EAFNOSUPPORT` as systemd's `RestrictAddressFamilies=` does).
    Sockets(i32),
    /// Taking an address of its own; connecting to others is allowed.
    Binding,
    /// Signals to other processes, and to itself.
    Signals,
    /// New processes; threads are allowed.
    Processes,
}

/// The command, in a sandbox (seccomp(2)) that its children inherit.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // System call numbers and flags are 32 bits in a filter.
pub fn forbid(what: Forbidden) -> impl FnOnce(&mut Command) {
    const NUMBER: u32 = 0;
    const FIRST_ARGUMENT: u32 = 16;
    let statement = |code: u32, k: u32| libc::sock_filter { code: code as u16, jt: 0, jf: 0, k };
    let jump = |code: u32, k: u32, jt: u8, jf: u8| libc::sock_filter {
        code: (libc::BPF_JMP | code | libc::BPF_K) as u16,
        jt,
        jf,
        k,
    };
    let load = |offset| statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, offset);
    let refuse = |errno: i32| statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ERRNO | errno as u32);
    let allow = statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW);

    let mut filter = vec![load(NUMBER)];
    let mut never =
        |call: i64, errno: i32| filter.extend([jump(libc::BPF_JEQ, call as u32, 0, 1), refuse(errno)]);
    match what {
        Forbidden::Sockets(errno) => never(libc::SYS_socket, errno),
        Forbidden::Binding => never(libc::SYS_bind, libc::EPERM),
        Forbidden::Signals => {
            for call in [libc::SYS_kill, libc::SYS_tgkill, libc::SYS_tkill, libc::SYS_pidfd_send_signal] {
                never(call, libc::EPERM);
            }
        }
        Forbidden::Processes => {
            // Its flags lie in memory, where a filter can't look; without it, the library takes the older call.
            never(libc::SYS_clone3, libc::ENOSYS);
            #[cfg(target_arch = "x86_64")]
            for call in [libc::SYS_fork, libc::SYS_vfork] {
                never(call, libc::EPERM);
            }
            filter.extend([
                jump(libc::BPF_JEQ, libc::SYS_clone as u32, 0, 3),
                load(FIRST_ARGUMENT),
                jump(libc::BPF_JSET, libc::CLONE_THREAD as u32, 1, 0),
                refuse(libc::EPERM),
            ]);
        }
    }
    filter.push(allow);

    move |command| {
        let apply = move || {
            let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_ptr().cast_mut() };
            // SAFETY: plain system calls, in a fresh fork; the filter outlives them and is only read.
            let done = unsafe {
                libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
                    && libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) == 0
            };
            if done { Ok(()) } else { Err(io::Error::last_os_error()) }
        };
        // SAFETY: the closure makes system calls only, and allocates nothing.
        unsafe { command.pre_exec(apply) };
    }
}

/// The command in namespaces of its own, by these flags of unshare(1).
pub fn unshare(run: Run, flags: &str) -> Run {
    run.through(&format!(r#"exec unshare {flags} "$@""#))
}

/// Says why a test shows nothing, if this system forbids such namespaces.
pub fn cannot_unshare(flags: &str) -> bool {
    let works = Command::new("unshare")
        .args(flags.split(' '))
        .arg("true")
        .output()
        .is_ok_and(|output| output.status.success());
    if !works {
        eprintln!("skipped: this system forbids unshare {flags}");
    }
    !works
}

/// A small file system of its own (root only). Unmounted when dropped.
pub struct Tmpfs(PathBuf);

impl Tmpfs {
    /// Of this size, at a directory that is made.
    ///
    /// # Errors
    /// If the system forbids it.
    pub fn mount(at: &Path, size: &str) -> io::Result<Self> {
        std::fs::create_dir_all(at)?;
        let done = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size},mode=0755"), "tmpfs"])
            .arg(at)
            .output()?;
        if !done.status.success() {
            return Err(io::Error::other(String::from_utf8_lossy(&done.stderr).into_owned()));
        }
        Ok(Self(at.to_owned()))
    }

    /// Fills it to the last byte.
    pub fn fill(&self) {
        use std::io::Write;
        let mut file =
            std::fs::OpenOptions::new().create(true).append(true).open(self.filler()).expect("a file");
        for size in [64 * 1024, 512, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
    }

    /// Makes room again.
    pub fn clear(&self) {
        std::fs::remove_file(self.filler()).expect("the filler");
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        // Lazily: a worker that is about to end may still have files open.
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}
