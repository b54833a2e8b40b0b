//! What a search need not try, and why nothing is lost by that.
//!
//! *Steps that nobody else can notice* are made at once. Such a step neither changes what others see nor sees what others change, and they can't set
//! another task of its process going before it: so it comes to the same before and after each thing that they do. Who dies before it, up to
//! its own process, leaves the same as who dies after it, but for files that nobody reads. [`Kernel::noticeable`] is compared before and after
//! each one that is new.
//!
//! *Deaths* are tried after a step of whoever dies, and after one that may tell who lives. Any other step comes to the same after a death as before
//! it, and there the death was tried already.
//!
//! *What a session was told* is no part of the state any more once no variable of its holds anything of it: see [`Kernel::may_forget`].

use coordinator::layout;

use super::Kernel;
use super::ports::Request;
use super::processes::{Key, Role};

/// The files that only who is in office writes or removes.
pub(crate) const OF_THE_OFFICE: [&str; 6] =
    [layout::RECORD, layout::PROOF_KEY, layout::TOKEN, layout::PID_FILE, layout::EPOCH, layout::SUCCESSOR];

/// The files that nobody writes as long as all sessions want the same.
const OF_HAND_OVERS: [&str; 2] = [layout::UPGRADES, layout::SUCCESSOR];

/// The files that nobody reads in a search, unless a worker hands over: its successor has to know the bearer.
const UNREAD: [&str; 2] = [layout::TOKEN, layout::PID_FILE];

/// A call that a task is about to make.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Announced {
    /// Nobody else can notice it.
    pub(crate) unnoticed: bool,
    /// It is the same whoever else has died before it.
    pub(crate) sees_no_death: bool,
}

impl Kernel {
    /// Whether this call neither changes anything that another process can see, nor sees anything that another can change from now on. Only
    /// in a search, where nobody replaces the directory, nor writes or removes a lock file, and where sessions learn a worker's address from its
    /// record alone.
    pub(crate) fn is_unnoticed(&self, key: Key, call: &str, object: &str) -> bool {
        let Some(folder) = self.current_folder() else { return false };
        let in_office = || self.guarantees.in_office(key).is_some();
        match call {
            // On the directory, on a temporary file of one's own, or on nothing that is shared.
            "make directory" | "check directory" | "open directory" | "stat path" => true,
            "create" | "write" | "fsync" | "sweep" | "socket" => true,
            // A lock file that is there stays there, and empty.
            "open" | "stat" if object.ends_with(".lock") => self.files.entry(folder, object).is_some(),
            // It has the lock already, so nothing changes.
            "F_SETLK" => {
                let file = self.files.entry(folder, object);
                in_office() && file.is_some_and(|file| self.locks.records.get(&file) == Some(&key))
            }
            "stat" | "read" if OF_HAND_OVERS.contains(&object) => !self.hands_over,
            "stat" | "read" if OF_THE_OFFICE.contains(&object) => in_office(),
            // For who wants to stop a worker, and for people.
            "rename to" => self.is_unread(object),
            // Nobody knows yet where to ask.
            "bind" => !self.ports.published,
            _ => false,
        }
    }

    /// Whether nobody reads this file.
    pub(crate) fn is_unread(&self, name: &str) -> bool {
        UNREAD.contains(&name) && !(self.hands_over && name == layout::TOKEN)
    }

    /// Whether nobody can notice that a process goes on which was woken, and which has to make no call for that. A session that waits for an
    /// answer may have been woken because its time is up: it makes a difference which comes first. And the elected may be at its end, and lets
    /// go of the election then.
    pub(crate) fn wakes_unnoticed(&self, key: Key) -> bool {
        !self.asks(key) && !self.guarantees.is_elected(key)
    }

    /// Whether neither a call nor what is done after it, up to the next one, depends on who else lives.
    pub(crate) fn sees_no_death(&self, key: Key, call: &str) -> bool {
        let of_a_worker = matches!(self.process(key).role, Role::Worker(_));
        match call {
            "read" | "stat" => !self.asks(key),
            // A session that has noted its launch looks at once whether its worker lives.
            "rename to" | "reply" => of_a_worker,
            _ => false,
        }
    }

    /// Time passes, and whoever waits for an answer may do other things beside that from now on.
    pub(crate) fn keep_askers_waiting(&mut self) {
        let waits = |request: &&Request| request.client.is_some() && !request.abandoned;
        let askers = self.ports.requests.values().filter(waits).filter_map(|request| request.from);
        for (asker, _) in askers.collect::<Vec<_>>() {
            self.process_mut(asker).kept_waiting = true;
        }
    }

    /// Whether this process waits for an answer.
    fn asks(&self, key: Key) -> bool {
        let mut requests = self.ports.requests.values();
        requests.any(|request| request.from.is_some_and(|(from, _)| from == key) && request.client.is_some())
    }
}
