//! What a process has open, by proc(5).

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use coordinator::layout;
use coordinator::machine::Pid;

/// What its descriptors are.
fn descriptors(pid: Pid) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    entries.filter_map(|entry| fs::read_link(entry.path()).ok())
}

/// Which of these files it has open.
pub(crate) fn holds<'a>(pid: Pid, files: &[&'a Path]) -> Vec<&'a Path> {
    let open: HashSet<PathBuf> = descriptors(pid).collect();
    files.iter().copied().filter(|file| open.contains(*file)).collect()
}

/// Whether it has a tenure lock open, of whatever identity: then it is in office, or about to be.
pub(crate) fn has_tenure(pid: Pid) -> bool {
    !tenures(pid).is_empty()
}

/// The directories whose tenure lock it has open.
pub(crate) fn tenures(pid: Pid) -> Vec<PathBuf> {
    let of_lock = |file: PathBuf| {
        let is_lock = file.file_name().is_some_and(|name| name == layout::WORKER_LOCK);
        is_lock.then(|| file.parent().map(Path::to_owned)).flatten()
    };
    descriptors(pid).filter_map(of_lock).collect()
}

/// The ports of this machine that these processes are connected to.
pub(crate) fn connections(pids: &HashSet<Pid>) -> Option<HashSet<u16>> {
    let sockets: HashSet<u64> =
        pids.iter().flat_map(|pid| descriptors(*pid)).filter_map(|link| socket(&link)).collect();
    let mut tables = String::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        // A system without IPv6 has no second one.
        tables.push_str(&fs::read_to_string(table).unwrap_or_default());
    }
    (!tables.is_empty()).then(|| {
        peers(&tables)
            .into_iter()
            .filter(|(inode, _)| sockets.contains(inode))
            .map(|(_, port)| port)
            .collect()
    })
}

/// `socket:[INODE]`
fn socket(link: &Path) -> Option<u64> {
    link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

/// The remote port of each established connection, by its inode (proc_net(5): `sl local remote state … inode`).
fn peers(table: &str) -> HashMap<u64, u16> {
    const ESTABLISHED: &str = "01";
    let peer = |line: &str| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let port = u16::from_str_radix(fields.get(2)?.rsplit_once(':')?.1, 16).ok()?;
        let inode = fields.get(9)?.parse().ok()?;
        (*fields.get(3)? == ESTABLISHED).then_some((inode, port))
    };
    table.lines().filter_map(peer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_and_a_connection_of_this_process_are_seen() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().canonicalize().unwrap();
        let me = Pid(std::process::id());
        let other = Path::new("/nowhere");
        assert_eq!(holds(me, &[&path, other]), [path.as_path()]);
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = || connections(&HashSet::from([me])).unwrap().contains(&port);
        assert!(!seen());
        let _connection = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        assert!(seen());
    }
}
