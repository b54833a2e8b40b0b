//! Leases: the sessions that need the worker. They are in the database, so that the next worker
//! knows them too.

use coordinator::machine::{BootId, Pid, ProcessIdentity, StartTime};
use rusqlite::{Connection, Row, params};

/// A lease that a session begins or renews.
#[derive(Clone, Debug)]
pub(crate) struct NewLease {
    pub(crate) id: String,
    pub(crate) ttl_ms: i64,
    /// The lease ends with this process.
    pub(crate) owner: Option<ProcessIdentity>,
}

/// A lease that has not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lease {
    pub(crate) id: String,
    pub(crate) began_ms: i64,
    pub(crate) touched_ms: i64,
    pub(crate) ttl_ms: i64,
    pub(crate) owner: Option<ProcessIdentity>,
}

/// Begins or renews a lease. A renewal without an owner keeps the owner.
pub(super) fn put(db: &Connection, lease: &NewLease, at: i64) -> rusqlite::Result<()> {
    let owner = lease.owner.as_ref();
    let mut put = db.prepare_cached(
        "INSERT INTO leases (id, began_ms, touched_ms, ttl_ms, pid, start_time, boot_id)
         VALUES (?1, ?2, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (id) DO UPDATE SET touched_ms = excluded.touched_ms, ttl_ms = excluded.ttl_ms,
            pid = coalesce(excluded.pid, pid),
            start_time = coalesce(excluded.start_time, start_time),
            boot_id = coalesce(excluded.boot_id, boot_id)",
    )?;
    put.execute(params![
        lease.id,
        at,
        lease.ttl_ms,
        owner.map(|owner| owner.pid.0),
        owner.map(|owner| owner.start_time.0.cast_signed()),
        owner.map(|owner| &owner.boot_id.0),
    ])?;
    Ok(())
}

/// Ends a lease. Returns whether there was one.
pub(super) fn end(db: &Connection, id: &str) -> rusqlite::Result<bool> {
    Ok(db.prepare_cached("DELETE FROM leases WHERE id = ?1")?.execute([id])? > 0)
}

pub(super) fn all(db: &Connection) -> rusqlite::Result<Vec<Lease>> {
    let mut query = db.prepare_cached(
        "SELECT id, began_ms, touched_ms, ttl_ms, pid, start_time, boot_id FROM leases ORDER BY began_ms, id",
    )?;
    query.query_map([], lease)?.collect()
}

fn lease(row: &Row<'_>) -> rusqlite::Result<Lease> {
    let owner = match (row.get(4)?, row.get::<_, Option<i64>>(5)?, row.get(6)?) {
        (Some(pid), Some(start_time), Some(boot_id)) => Some(ProcessIdentity {
            pid: Pid(pid),
            start_time: StartTime(start_time.cast_unsigned()),
            boot_id: BootId(boot_id),
        }),
        _ => None,
    };
    Ok(Lease { id: row.get(0)?, began_ms: row.get(1)?, touched_ms: row.get(2)?, ttl_ms: row.get(3)?, owner })
}
