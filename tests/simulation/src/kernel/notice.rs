//! Which steps nobody else can notice: a search need not try them before and after each thing that others do.

use coordinator::layout;

use super::Kernel;
use super::processes::Key;

/// The files that only who is in office writes or removes.
pub(crate) const OF_THE_OFFICE: [&str; 5] =
    [layout::RECORD, layout::PROOF_KEY, layout::TOKEN, layout::PID_FILE, layout::EPOCH];

impl Kernel {
    /// Whether this call neither changes anything that another process can see, nor sees anything that another can change from now on. Only
    /// in a search, where nobody replaces the directory, nor writes or removes a lock file.
    pub(crate) fn is_unnoticed(&self, key: Key, call: &str, object: &str) -> bool {
        let Some(folder) = self.current_folder() else { return false };
        let in_office = || self.guarantees.in_office(key).is_some();
        match call {
            // On the directory, on a temporary file of one's own, or on nothing that is shared.
            "make directory" | "check directory" | "open directory" | "stat path" => true,
            "create" | "write" | "fsync" | "socket" => true,
            // A lock file that is there stays there, and empty.
            "open" | "stat" if object.ends_with(".lock") => self.files.entry(folder, object).is_some(),
            // It has the lock already, so nothing changes.
            "F_SETLK" => {
                let file = self.files.entry(folder, object);
                in_office() && file.is_some_and(|file| self.locks.records.get(&file) == Some(&key))
            }
            "stat" | "read" if OF_THE_OFFICE.contains(&object) => in_office(),
            _ => false,
        }
    }

    /// Whether nobody can notice that a process goes on which was woken, and which has to make no call for that. A session that waits for an
    /// answer, or for word of its worker, may have been woken because its time is up: it makes a difference which comes first. And the elected
    /// may be at its end, and lets go of the election then.
    pub(crate) fn wakes_unnoticed(&self, key: Key) -> bool {
        let mut requests = self.ports.requests.values();
        let asks = requests
            .any(|request| request.from.is_some_and(|(from, _)| from == key) && request.client.is_some());
        !asks && !self.guarantees.is_elected(key)
    }
}
