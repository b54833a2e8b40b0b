//! The small files beside the record are what the protocol can read, and are of processes that still matter. It passes over those that are not:
//! they cost nobody his worker, but what they were to tell is lost.

use std::io::Read;
use std::path::Path;

use coordinator::notes::{NOTES, Writer, is_understood};
use coordinator::record::{self, READ_LIMIT, Suspicion};
use coordinator::{Successor, layout};

use super::{Case, Finding};
use crate::commands::doctor::repair::Repair;

pub(super) fn examine(case: &Case<'_>) -> Vec<Finding> {
    let beside = NOTES.into_iter().filter(|(name, _)| *name != layout::RECORD);
    beside.filter_map(|(name, writer)| of_note(case, name, writer)).collect()
}

fn of_note(case: &Case<'_>, name: &'static str, writer: Writer) -> Option<Finding> {
    let path = case.dir.join(name);
    let found = contents(&path, READ_LIMIT)?;
    let shown = path.display();
    let message = if is_understood(name, &found) {
        format!("{shown} {}", outlived(case, name, &found)?)
    } else {
        format!("{shown} can't be read, and is passed over")
    };
    let help = match writer {
        Writer::Elected => "The next session that starts or judges a worker writes it again.",
        Writer::InOffice => "The next worker that takes office removes it.",
    };
    // A worker in office sees to its own.
    let mendable = writer == Writer::Elected || case.vacant();
    let repair = mendable.then_some(Repair::Note { name, found, writer });
    Some(Finding::warning(message, help).mended_by(repair))
}

/// Why what stands in it is of no use any more.
fn outlived(case: &Case<'_>, name: &str, bytes: &[u8]) -> Option<String> {
    match name {
        layout::SUSPECT | layout::WATCHED => {
            let suspected = record::parse::<Suspicion>(bytes)?.process;
            let holder = case.sight.as_ref().ok().and_then(|sight| sight.holder);
            let of_holder = case.in_office() && holder.is_none_or(|holder| holder == suspected.pid);
            (!of_holder && case.is_dead(&suspected))
                .then(|| format!("is about process {}, which is dead", suspected.pid))
        }
        layout::SUCCESSOR => {
            let successor = record::parse::<Successor>(bytes)?;
            let late = successor.until <= case.machine.clock.now();
            (late || case.is_dead(&successor.process))
                .then(|| format!("keeps office for process {}, which is too late", successor.process.pid))
        }
        _ => None,
    }
}

/// The beginning of a plain file; `None` if there is none.
pub(super) fn contents(path: &Path, limit: usize) -> Option<Vec<u8>> {
    if !path.symlink_metadata().ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    let limit = u64::try_from(limit).unwrap_or(u64::MAX);
    std::fs::File::open(path).ok()?.take(limit).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}
