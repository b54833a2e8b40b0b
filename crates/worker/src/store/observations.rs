//! Observations: what hooks have reported, kept to be found again.

use rusqlite::types::Value as Sql;
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};
use serde_json::value::RawValue;

use crate::api::{Filter, NewObservation, Observation, Receipt};

/// Returns the SQL conditions of a filter, to be appended to others, and their values.
fn conditions(filter: &Filter) -> (String, Vec<Sql>) {
    let given = [
        (" AND o.id = ?", filter.id.map(Sql::from)),
        (" AND o.session = ?", filter.session.clone().map(Sql::from)),
        (" AND o.kind = ?", filter.kind.clone().map(Sql::from)),
        (" AND o.at_ms >= ?", filter.since_ms.map(Sql::from)),
        (" AND o.at_ms < ?", filter.before_ms.map(Sql::from)),
    ];
    let (mut sql, mut values) = (String::new(), Vec::new());
    for (condition, value) in given {
        if let Some(value) = value {
            sql.push_str(condition);
            values.push(value);
        }
    }
    (sql, values)
}

/// Which part of a list.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Page {
    /// Those with a higher id, and the maximum number.
    After(i64, u32),
    /// The last ones, and their number.
    Last(u32),
}

/// What is kept, and for how long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Retention {
    /// The longest age in milliseconds. `None`: for ever.
    pub(crate) age_ms: Option<i64>,
    /// The largest size of the database in bytes. `None`: no limit.
    pub(crate) bytes: Option<i64>,
}

pub(super) fn add(
    db: &Connection,
    observations: &[NewObservation],
    at: i64,
) -> rusqlite::Result<Vec<Receipt>> {
    let mut insert = db.prepare_cached(
        "INSERT INTO observations (at_ms, session, kind, text, metadata, key) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (key) DO NOTHING RETURNING id",
    )?;
    // Not by a trigger: SQLite would make a savepoint for each row, and FTS5 writes all that it has
    // in memory at each savepoint.
    let mut index = db.prepare_cached("INSERT INTO observations_text (rowid, text) VALUES (?1, ?2)")?;
    let mut known = db.prepare_cached("SELECT id FROM observations WHERE key = ?1")?;
    let mut receipts = Vec::with_capacity(observations.len());
    for o in observations {
        let metadata = o.metadata.as_ref().map(|metadata| metadata.get());
        let id: Option<i64> = insert
            .query_row(params![at, o.session, o.kind, o.text, metadata, o.key], |row| row.get(0))
            .optional()?;
        receipts.push(match id {
            Some(id) => {
                index.execute(params![id, o.text])?;
                Receipt { id, new: true }
            }
            None => Receipt { id: known.query_row([&o.key], |row| row.get(0))?, new: false },
        });
    }
    Ok(receipts)
}

const COLUMNS: &str = "o.id, o.at_ms, o.session, o.kind, o.text, o.metadata, o.key";

fn observation(row: &Row<'_>) -> rusqlite::Result<Observation> {
    let metadata: Option<String> = row.get(5)?;
    Ok(Observation {
        id: row.get(0)?,
        at_ms: row.get(1)?,
        session: row.get(2)?,
        kind: row.get(3)?,
        text: row.get(4)?,
        // It was checked to be JSON when it was added.
        metadata: metadata.and_then(|text| RawValue::from_string(text).ok()),
        key: row.get(6)?,
        snippet: None,
        rank: None,
    })
}

pub(super) fn list(db: &Connection, filter: &Filter, page: Page) -> rusqlite::Result<Vec<Observation>> {
    let (conditions, mut values) = conditions(filter);
    let (after, limit, order) = match page {
        Page::After(after, limit) => (after, limit, "ASC"),
        Page::Last(limit) => (0, limit, "DESC"),
    };
    values.insert(0, after.into());
    values.push(i64::from(limit).into());
    let sql = format!(
        "SELECT {COLUMNS} FROM observations o WHERE o.id > ?{conditions} ORDER BY o.id {order} LIMIT ?"
    );
    let mut query = db.prepare_cached(&sql)?;
    let mut found: Vec<Observation> =
        query.query_map(params_from_iter(values), observation)?.collect::<rusqlite::Result<_>>()?;
    if matches!(page, Page::Last(_)) {
        found.reverse();
    }
    Ok(found)
}

/// Returns the observations that contain all words, best first. A word that ends with `*` stands
/// for all words that begin with it.
///
/// It does not sort by FTS5's own `rank`: FTS5 would sort all matches, in a file if there are many,
/// and apply the filter afterwards.
pub(super) fn search(
    db: &Connection,
    words: &str,
    filter: &Filter,
    limit: u32,
) -> rusqlite::Result<Vec<Observation>> {
    let Some(pattern) = pattern(words) else { return Ok(Vec::new()) };
    let (conditions, mut values) = conditions(filter);
    values.insert(0, pattern.into());
    values.push(i64::from(limit).into());
    let sql = format!(
        "SELECT {COLUMNS}, snippet(observations_text, 0, '[', ']', '…', 16), bm25(observations_text) AS score
         FROM observations_text JOIN observations o ON o.id = observations_text.rowid
         WHERE observations_text MATCH ?{conditions} ORDER BY score LIMIT ?"
    );
    let mut query = db.prepare_cached(&sql)?;
    let found =
        |row: &Row<'_>| Ok(Observation { snippet: row.get(7)?, rank: row.get(8)?, ..observation(row)? });
    query.query_map(params_from_iter(values), found)?.collect()
}

/// Quotes each word for FTS5, so that nothing in it is an operator. Returns `None` if there are
/// none.
fn pattern(words: &str) -> Option<String> {
    let quoted: Vec<String> = words
        .split_whitespace()
        .filter(|word| word.chars().any(char::is_alphanumeric))
        .map(|word| {
            let (word, star) = word.strip_suffix('*').map_or((word, ""), |word| (word, "*"));
            format!("\"{}\"{star}", word.replace('"', "\"\""))
        })
        .collect();
    (!quoted.is_empty()).then(|| quoted.join(" "))
}

/// Removes all matches, a portion at a time: SQLite keeps the changes of a statement in memory
/// until it ends.
pub(super) fn remove(db: &Connection, filter: &Filter) -> rusqlite::Result<usize> {
    let (conditions, values) = conditions(filter);
    let with = |ids: &[i64]| {
        params_from_iter(ids.iter().map(|id| Sql::from(*id)).chain(values.clone()).collect::<Vec<_>>())
    };
    let mut portion = db.prepare_cached(&format!(
        "SELECT max(id) FROM (SELECT o.id FROM observations o WHERE o.id > ?{conditions} ORDER BY o.id LIMIT {PORTION})"
    ))?;
    let mut delete = db
        .prepare_cached(&format!("DELETE FROM observations AS o WHERE o.id > ? AND o.id <= ?{conditions}"))?;
    let (mut removed, mut after) = (0, 0);
    while let Some(last) = portion.query_row(with(&[after]), |row| row.get::<_, Option<i64>>(0))? {
        removed += delete.execute(with(&[after, last]))?;
        after = last;
    }
    Ok(removed)
}

/// How many are dropped at a time.
const PORTION: u32 = 1000;

/// Drops a portion of what is too old or too much. Returns how many.
pub(super) fn retain(db: &Connection, retention: Retention, now: i64) -> rusqlite::Result<usize> {
    let mut dropped = 0;
    if let Some(age) = retention.age_ms {
        dropped += db.execute(
            "DELETE FROM observations WHERE id IN
                (SELECT id FROM observations WHERE at_ms < ?1 ORDER BY at_ms LIMIT ?2)",
            params![now.saturating_sub(age), PORTION],
        )?;
    }
    if let Some(most) = retention.bytes
        && size(db)? > most
    {
        dropped += db.execute(
            "DELETE FROM observations WHERE id IN (SELECT id FROM observations ORDER BY id LIMIT ?1)",
            [PORTION],
        )?;
    }
    Ok(dropped)
}

/// Returns the bytes in use, as they will be in the file after the next checkpoint.
fn size(db: &Connection) -> rusqlite::Result<i64> {
    let pragma = |name| db.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    Ok((pragma("page_count")? - pragma("freelist_count")?) * pragma("page_size")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_search_is_an_operator_but_a_star_at_the_end() {
        assert_eq!(pattern("disk full"), Some(r#""disk" "full""#.to_owned()));
        assert_eq!(
            pattern(r#"a"b OR NEAR( text: -x"#),
            Some(r#""a""b" "OR" "NEAR(" "text:" "-x""#.to_owned())
        );
        assert_eq!(pattern("work* *"), Some(r#""work"*"#.to_owned()));
        assert_eq!(pattern(" - * \" "), None);
    }
}
