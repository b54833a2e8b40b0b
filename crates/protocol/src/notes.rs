//! Which of the small JSON files of a state directory say something to this version. The protocol passes over those that do not; who looks
//! for faults wants to know of them.

use crate::layout;
use crate::record::{self, LaunchNote, Record, Suspicion};
use crate::upgrade::{Ledger, Successor};

/// Who may write to a note, and so who may take one away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writer {
    /// The elected session.
    Elected,
    /// The worker in office.
    InOffice,
}

/// The notes, each with who writes it.
pub const NOTES: [(&str, Writer); 6] = [
    (layout::RECORD, Writer::InOffice),
    (layout::SUCCESSOR, Writer::InOffice),
    (layout::LAUNCH, Writer::Elected),
    (layout::UPGRADES, Writer::Elected),
    (layout::SUSPECT, Writer::Elected),
    (layout::WATCHED, Writer::Elected),
];

/// Whether this note is read as one. Of a file that is no note, nothing is known, and it is not.
pub fn is_understood(name: &str, bytes: &[u8]) -> bool {
    match name {
        layout::RECORD => record::parse::<Record>(bytes).is_some(),
        layout::SUCCESSOR => record::parse::<Successor>(bytes).is_some(),
        layout::LAUNCH => record::parse::<LaunchNote>(bytes).is_some(),
        layout::UPGRADES => record::parse::<Ledger>(bytes).is_some(),
        layout::SUSPECT | layout::WATCHED => record::parse::<Suspicion>(bytes).is_some(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::BootId;

    #[test]
    fn what_this_version_writes_is_understood_and_nothing_else() {
        let ledger = Ledger::empty(BootId("b".to_owned())).render();
        assert!(is_understood(layout::UPGRADES, &ledger));
        assert!(!is_understood(layout::LAUNCH, &ledger) && !is_understood("epoch", &ledger));
        for (name, _) in NOTES {
            assert!(!is_understood(name, b"{") && !is_understood(name, b"{}"), "{name}");
        }
    }
}
