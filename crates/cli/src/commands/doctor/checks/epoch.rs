//! The last epoch is written down, and is not lower than those that the record and the database know of.

use coordinator::{Epoch, layout};
use rusqlite::{Connection, OpenFlags};

use super::notes::contents;
use super::{Case, Finding};
use crate::commands::doctor::repair::Repair;

/// More than any epoch has digits.
const LIMIT: usize = 64;

pub(super) fn examine(case: &Case<'_>) -> Vec<Finding> {
    let path = case.dir.join(layout::EPOCH);
    let sight = case.sight.as_ref().ok();
    let recorded = sight.and_then(|sight| sight.record.as_ref()?.epoch);
    let known = [recorded, of_database(case)].into_iter().flatten().filter(|epoch| *epoch <= Epoch::LAST);
    let known = known.max();
    let shown = path.display();
    let (message, before) = match contents(&path, LIMIT) {
        None => match known {
            Some(known) => {
                (format!("{shown} is missing, and epoch {known} was given out"), "missing".to_owned())
            }
            None => return Vec::new(),
        },
        Some(bytes) => match read(&bytes) {
            None => (format!("{shown} has no epoch in it"), format!("{} bytes", bytes.len())),
            Some(stored) if known.is_some_and(|known| stored < known) => {
                let known = known.unwrap_or_default();
                (format!("{shown} has epoch {stored}, and {known} was given out"), stored.to_string())
            }
            Some(_) => return Vec::new(),
        },
    };
    let help = "The next worker takes an epoch above all that it finds, and writes it down.";
    let repair = known.filter(|_| case.vacant()).map(|known| Repair::Epoch { known, shown: before });
    vec![Finding::warning(message, help).mended_by(repair)]
}

fn read(bytes: &[u8]) -> Option<Epoch> {
    let epoch = std::str::from_utf8(bytes).ok()?.trim().parse().ok().map(Epoch)?;
    (epoch <= Epoch::LAST).then_some(epoch)
}

/// The epoch in the database's fence.
fn of_database(case: &Case<'_>) -> Option<Epoch> {
    let path = &case.settings.database.value;
    if !path.is_file() {
        return None;
    }
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).ok()?;
    let epoch: i64 = db.query_row("SELECT epoch FROM oneworker_fence", [], |row| row.get(0)).ok()?;
    u64::try_from(epoch).ok().map(Epoch)
}
