//! What is in a database, read by the store's own questions.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::super::{Page, leases, observations, schema};
use super::word;
use crate::api::{Filter, Observation};

#[derive(Debug)]
pub(super) struct Found {
    pub(super) observations: BTreeMap<String, Observation>,
    pub(super) leases: BTreeSet<String>,
}

/// All of it, provided that it is whole: no damage, nothing twice, and the search finds what is
/// there and nothing else.
pub(super) fn look(database: &Path) -> Result<Found, String> {
    let asked = |error: rusqlite::Error| format!("unreadable: {error}");
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(database, flags).map_err(asked)?;
    db.pragma_update(None, "fullfsync", true).map_err(asked)?;
    if let Some(damage) = schema::check(&db).map_err(asked)?.first() {
        return Err(format!("damaged: {damage}"));
    }
    db.execute("INSERT INTO observations_text (observations_text, rank) VALUES ('integrity-check', 1)", [])
        .map_err(|error| format!("damaged: the index of words: {error}"))?;
    let mut found = BTreeMap::new();
    for one in observations::list(&db, &Filter::default(), Page::After(0, u32::MAX)).map_err(asked)? {
        let key = one.key.clone().unwrap_or_default();
        let hits = observations::search(&db, &word(&key), &Filter::default(), 10).map_err(asked)?;
        if hits.iter().map(|hit| hit.id).ne([one.id]) {
            return Err(format!("observation {key} is not found, or not alone: {hits:?}"));
        }
        if let Some(twin) = found.insert(key, one) {
            return Err(format!("doubled: {twin:?}"));
        }
    }
    let leases = leases::all(&db).map_err(asked)?.into_iter().map(|lease| lease.id).collect();
    Ok(Found { observations: found, leases })
}
