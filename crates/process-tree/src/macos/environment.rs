//! Which processes there are, and the environment that each was started with.

use std::ptr;

use oneworker_protocol::machine::Pid;

/// All pids that the system lists (proc_listallpids, `libproc.h`).
pub(super) fn pids() -> Vec<Pid> {
    // SAFETY: without a buffer it only says how many there are.
    let count = unsafe { libc::proc_listallpids(ptr::null_mut(), 0) };
    // Some may be started meanwhile; who is missed is found with the next look.
    let mut pids: Vec<libc::pid_t> = vec![0; usize::try_from(count).unwrap_or(0) + 64];
    let Ok(size) = libc::c_int::try_from(size_of_val(pids.as_slice())) else { return Vec::new() };
    // SAFETY: a buffer that is as long as is said.
    let found = unsafe { libc::proc_listallpids(pids.as_mut_ptr().cast(), size) };
    pids.truncate(usize::try_from(found).unwrap_or(0));
    pids.into_iter().filter_map(|pid| u32::try_from(pid).ok()).filter(|pid| *pid > 0).map(Pid).collect()
}

/// The environment of a process, `NAME=VALUE`, each ended by a zero byte; empty if that can't be read.
pub(super) fn of(pid: Pid) -> Vec<u8> {
    arguments(pid).as_deref().and_then(after_arguments).unwrap_or_default()
}

/// `KERN_PROCARGS2` of sysctl(3): the number of arguments, the program's path, zero bytes, the arguments, the environment.
fn arguments(pid: Pid) -> Option<Vec<u8>> {
    let mut name = [libc::CTL_KERN, libc::KERN_PROCARGS2, libc::c_int::try_from(pid.0).ok()?];
    let mut bytes = vec![0_u8; most()];
    let mut length = bytes.len();
    // SAFETY: a name of three numbers, a buffer that is as long as is said, and nothing is set.
    let failed = unsafe {
        libc::sysctl(name.as_mut_ptr(), 3, bytes.as_mut_ptr().cast(), &raw mut length, ptr::null_mut(), 0)
    };
    if failed != 0 {
        return None;
    }
    bytes.truncate(length);
    Some(bytes)
}

/// The most that arguments and environment of a process take: `KERN_ARGMAX` of sysctl(3).
fn most() -> usize {
    let mut name = [libc::CTL_KERN, libc::KERN_ARGMAX];
    let mut most: libc::c_int = 0;
    let mut length = size_of::<libc::c_int>();
    // SAFETY: a name of two numbers, a buffer that is as long as is said, and nothing is set.
    let failed = unsafe {
        libc::sysctl(name.as_mut_ptr(), 2, (&raw mut most).cast(), &raw mut length, ptr::null_mut(), 0)
    };
    usize::try_from(most).ok().filter(|most| failed == 0 && *most > 0).unwrap_or(1 << 20)
}

fn after_arguments(bytes: &[u8]) -> Option<Vec<u8>> {
    let (count, rest) = bytes.split_first_chunk::<4>()?;
    let path = rest.iter().position(|byte| *byte == 0)?;
    let padding = rest[path..].iter().position(|byte| *byte != 0)?;
    let mut rest = &rest[path + padding..];
    for _ in 0..i32::from_ne_bytes(*count) {
        rest = &rest[rest.iter().position(|byte| *byte == 0)? + 1..];
    }
    // What comes after the environment is the system's own, behind an empty one.
    let end = rest.windows(2).position(|pair| pair == [0, 0]).map_or(rest.len(), |end| end + 1);
    Some(rest[..end].to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_lies_behind_the_arguments() {
        let mut bytes = 2_i32.to_ne_bytes().to_vec();
        bytes.extend_from_slice(b"/bin/a b\0\0\0\0a\0-x y\0A=1\0B=2 3\0\0ptr_munge=\0");
        assert_eq!(after_arguments(&bytes).unwrap(), b"A=1\0B=2 3\0");
        for length in 0..bytes.len() {
            let _ = after_arguments(&bytes[..length]);
        }
    }

    #[test]
    fn this_process_and_its_environment_are_seen() {
        let me = Pid(std::process::id());
        assert!(pids().contains(&me));
        assert!(String::from_utf8_lossy(&of(me)).contains("PATH="));
        assert!(of(Pid(u32::MAX)).is_empty());
    }
}
