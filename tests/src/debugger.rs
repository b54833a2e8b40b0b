use std::io;
use std::marker::PhantomData;
use std::ptr::null_mut;

/// A debugger that has halted a process: all of its threads, as debuggers do. Lets it go on when dropped.
pub struct Debugger {
    threads: Vec<libc::pid_t>,
    // The kernel takes a tracer's orders only from the thread that attached.
    _this_thread: PhantomData<*const ()>,
}

impl Debugger {
    /// Attaches and halts.
    ///
    /// # Errors
    /// If the system forbids it.
    pub fn halt(pid: u32) -> io::Result<Self> {
        let mut debugger = Self { threads: Vec::new(), _this_thread: PhantomData };
        for task in std::fs::read_dir(format!("/proc/{pid}/task"))?.flatten() {
            let Some(thread) = task.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            debugger.seize(thread)?;
        }
        Ok(debugger)
    }

    fn seize(&mut self, thread: libc::pid_t) -> io::Result<()> {
        order(libc::PTRACE_SEIZE, thread)?;
        order(libc::PTRACE_INTERRUPT, thread)?;
        let mut status = 0;
        // SAFETY: the pointer is valid for the call.
        if unsafe { libc::waitpid(thread, &raw mut status, libc::__WALL) } == -1 {
            return Err(io::Error::last_os_error());
        }
        self.threads.push(thread);
        Ok(())
    }
}

impl Drop for Debugger {
    fn drop(&mut self) {
        for thread in &self.threads {
            // A process that somebody killed all the same has no threads to let go.
            let _ = order(libc::PTRACE_DETACH, *thread);
        }
    }
}

/// As the C library declares it.
#[cfg(target_env = "musl")]
type Request = libc::c_int;
#[cfg(not(target_env = "musl"))]
type Request = libc::c_uint;

fn order(request: Request, thread: libc::pid_t) -> io::Result<()> {
    // SAFETY: none of these requests reads or writes memory of this process.
    match unsafe { libc::ptrace(request, thread, null_mut::<libc::c_void>(), null_mut::<libc::c_void>()) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}
