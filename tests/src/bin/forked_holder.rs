//! A worker with a child that was forked and never executed anything: it keeps copies of all descriptors, the locked directory among
//! them. `forked-holder DIR` prints the child's pid once it is there, and waits to be killed.

// All of this package is test code.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use coordinator::{Claim, Tenure, WorkerId, system};

fn main() {
    let dir = std::env::args_os().nth(1).expect("a state directory");
    let id = WorkerId::builder().port("auto").state_dir(dir).build().expect("an identity");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let claim = runtime.block_on(Tenure::claim(&system::machine(), &id, None, system::readiness()));
    let Ok(Claim::Won(_tenure)) = claim else { panic!("somebody else is in office") };
    // SAFETY: the child only waits for signals.
    match unsafe { libc::fork() } {
        -1 => panic!("{}", std::io::Error::last_os_error()),
        0 => {}
        child => println!("{child}"),
    }
    loop {
        // SAFETY: a plain system call.
        unsafe { libc::pause() };
    }
}
