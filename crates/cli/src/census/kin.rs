//! Who comes from whom.

use std::collections::{HashMap, HashSet};

use coordinator::machine::Pid;

/// A process's parent, that one's, and so on.
pub(crate) fn ancestors(parents: &HashMap<Pid, Pid>, of: Pid) -> HashSet<Pid> {
    let mut found = HashSet::new();
    let mut now = of;
    while let Some(parent) = parents.get(&now).copied() {
        // What is seen at different times can go round in a circle.
        if !found.insert(parent) {
            break;
        }
        now = parent;
    }
    found
}

/// A process's children, theirs, and so on.
pub(crate) fn descendants(parents: &HashMap<Pid, Pid>, of: Pid) -> HashSet<Pid> {
    parents.keys().copied().filter(|pid| *pid != of && ancestors(parents, *pid).contains(&of)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kin_is_found_across_generations_and_circles_end() {
        let parents: HashMap<Pid, Pid> = [(2, 1), (3, 2), (4, 3), (5, 1), (8, 9), (9, 8)]
            .into_iter()
            .map(|(pid, parent)| (Pid(pid), Pid(parent)))
            .collect();
        let set = |pids: &[u32]| pids.iter().copied().map(Pid).collect::<HashSet<_>>();
        assert_eq!(ancestors(&parents, Pid(4)), set(&[3, 2, 1]));
        assert_eq!(descendants(&parents, Pid(2)), set(&[3, 4]));
        assert_eq!(descendants(&parents, Pid(8)), set(&[9]));
        assert_eq!(ancestors(&parents, Pid(7)), set(&[]));
    }
}
