//! The routes to the data. All of them need the bearer, to read as well: any user of the machine can reach the port.
//!
//! | route | does |
//! | --- | --- |
//! | `POST /observations` | takes in one, a JSON array of them, or one on each line; answers after the commit which were new |
//! | `GET /observations` | those after a cursor, or the last so many |
//! | `DELETE /observations` | removes those that the filter finds |
//! | `GET /search` | those with these words, best first |
//! | `POST /admin/check` | whether the database is whole |
//! | `POST /sessions` | begins a lease, or goes on with it |
//! | `GET /sessions`, `DELETE /sessions/ID` | the leases; ends one |

use std::sync::Arc;
use std::time::Duration;

use crate::api::{Filter, LeaseInfo, LeaseRequest, Leases, Listed, NewObservation, Taken};
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{Request, StatusCode, Uri};
use axum::response::Response;
use axum::routing::{delete, get, post};
use coordinator::machine::{Machine, Pid, ProcessIdentity, StartTime};
use hyper::body::Body as _;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::body;
use super::refusal::{Refusal, json};
use crate::presence::{DEFAULT_TTL, Presence, Work};
use crate::store::{Page, Store};

/// What these routes share.
pub(crate) struct Data {
    pub(crate) store: Arc<Store>,
    pub(crate) presence: Arc<Presence>,
    pub(crate) machine: Machine,
    pub(crate) batch_bytes: usize,
}

/// Observations in one answer, if nothing else is asked for, and at most.
const PAGE: u32 = 100;
const LONGEST_PAGE: u32 = 1000;
/// The longest and the shortest lease.
const TTL: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(30 * 24 * 3600);

/// The routes.
pub(crate) fn routes(data: Arc<Data>) -> Router {
    Router::new()
        .route("/observations", post(add).get(list).delete(remove))
        .route("/search", get(search))
        .route("/admin/check", post(check))
        .route("/sessions", post(keep).get(sessions))
        .route("/sessions/{id}", delete(end))
        .with_state(data)
}

impl Data {
    fn work(&self) -> Result<Work, Refusal> {
        self.presence.work().ok_or(Refusal::NotReady)
    }
}

fn query<T: DeserializeOwned>(uri: &Uri) -> Result<T, Refusal> {
    Query::try_from_uri(uri).map(|Query(query)| query).map_err(|error| Refusal::BadQuery(error.body_text()))
}

async fn add(State(data): State<Arc<Data>>, request: Request<Body>) -> Result<Response, Refusal> {
    let _work = data.work()?;
    // For as much as it can become, from before the first byte of it is read.
    let announced = request.body().size_hint().upper().and_then(|bytes| usize::try_from(bytes).ok());
    let _room = data.store.reserve(announced.unwrap_or(usize::MAX).min(data.batch_bytes))?;
    let body = body::read(request, data.batch_bytes).await?;
    let receipts = data.store.add(read(&body)?).await?;
    let new = receipts.iter().filter(|receipt| receipt.new).count();
    Ok(json(StatusCode::OK, &Taken { new, observations: receipts }))
}

/// The observations of a body, if all of them can be taken.
fn read(body: &[u8]) -> Result<Vec<NewObservation>, Refusal> {
    let observations = parse(body)?;
    let wrong = |(n, one): (usize, &NewObservation)| Some(format!("observation {n}: {}", one.wrong()?));
    match observations.iter().enumerate().find_map(wrong) {
        Some(wrong) => Err(Refusal::BadBody(wrong)),
        None => Ok(observations),
    }
}

/// An array, or any number of objects one after the other: one alone, and one on each line (NDJSON).
fn parse(body: &[u8]) -> Result<Vec<NewObservation>, Refusal> {
    let wrong = |error: serde_json::Error| Refusal::BadBody(error.to_string());
    if body.trim_ascii_start().first() == Some(&b'[') {
        return serde_json::from_slice(body).map_err(wrong);
    }
    let mut observations = Vec::new();
    for one in serde_json::Deserializer::from_slice(body).into_iter() {
        observations.push(one.map_err(|error: serde_json::Error| {
            Refusal::BadBody(format!("observation {}: {error}", observations.len()))
        })?);
    }
    if observations.is_empty() {
        return Err(Refusal::BadBody("it is empty".to_owned()));
    }
    Ok(observations)
}

/// Reads a body of observations as `POST /observations` does, and gives their number: for tests of what a body may hold.
///
/// # Errors
/// What the client would be told.
pub fn check_observations(body: &[u8]) -> Result<usize, String> {
    read(body).map(|observations| observations.len()).map_err(|refusal| refusal.to_string())
}

async fn list(State(data): State<Arc<Data>>, uri: Uri) -> Result<Response, Refusal> {
    #[derive(Deserialize)]
    struct Asked {
        after: Option<i64>,
        last: Option<u32>,
        limit: Option<u32>,
    }
    let _work = data.work()?;
    let (asked, filter): (Asked, Filter) = (query(&uri)?, query(&uri)?);
    let after = asked.after.unwrap_or(0);
    let page = match asked.last {
        Some(last) => Page::Last(last.min(LONGEST_PAGE)),
        None => Page::After(after, asked.limit.unwrap_or(PAGE).clamp(1, LONGEST_PAGE)),
    };
    let observations = data.store.list(filter, page).await?;
    let next = Some(observations.last().map_or(after, |last| last.id));
    Ok(json(StatusCode::OK, &Listed { observations, next }))
}

async fn remove(State(data): State<Arc<Data>>, uri: Uri) -> Result<Response, Refusal> {
    #[derive(Deserialize)]
    struct Asked {
        all: Option<bool>,
    }
    #[derive(Serialize)]
    struct Removed {
        removed: usize,
    }
    let _work = data.work()?;
    let (asked, filter): (Asked, Filter) = (query(&uri)?, query(&uri)?);
    if filter == Filter::default() && asked.all != Some(true) {
        let what = "name what is to be removed (id, session, kind, since_ms, before_ms), or say all=true";
        return Err(Refusal::BadQuery(what.to_owned()));
    }
    let removed = data.store.remove(filter).await?;
    Ok(json(StatusCode::OK, &Removed { removed }))
}

async fn search(State(data): State<Arc<Data>>, uri: Uri) -> Result<Response, Refusal> {
    #[derive(Deserialize)]
    struct Asked {
        q: String,
        limit: Option<u32>,
    }
    let _work = data.work()?;
    let (asked, filter): (Asked, Filter) = (query(&uri)?, query(&uri)?);
    let limit = asked.limit.unwrap_or(20).clamp(1, LONGEST_PAGE);
    let observations = data.store.search(asked.q, filter, limit).await?;
    Ok(json(StatusCode::OK, &Listed { observations, next: None }))
}

async fn check(State(data): State<Arc<Data>>) -> Result<Response, Refusal> {
    #[derive(Serialize)]
    struct Checked {
        whole: bool,
        problems: Vec<String>,
    }
    let _work = data.work()?;
    let problems = data.store.check().await?;
    Ok(json(StatusCode::OK, &Checked { whole: problems.is_empty(), problems }))
}

async fn keep(State(data): State<Arc<Data>>, request: Request<Body>) -> Result<Response, Refusal> {
    #[derive(Serialize)]
    struct Kept {
        session: String,
        ends_in_ms: u64,
    }
    let _work = data.work()?;
    let body = body::read(request, data.batch_bytes.min(64 * 1024)).await?;
    let asked: LeaseRequest =
        serde_json::from_slice(&body).map_err(|error| Refusal::BadBody(error.to_string()))?;
    if let Some(wrong) = asked.wrong() {
        return Err(Refusal::BadBody(wrong));
    }
    let LeaseRequest { session, ttl_ms, pid, start_time } = asked;
    let ttl = ttl_ms.map_or(DEFAULT_TTL, Duration::from_millis);
    if !TTL.contains(&ttl) {
        return Err(Refusal::BadBody(format!(
            "ttl_ms must be between {:?} and {:?}",
            TTL.start(),
            TTL.end()
        )));
    }
    let owner = match pid {
        Some(pid) => Some(owner(&data.machine, pid, start_time.map(StartTime)).await?),
        None => None,
    };
    data.presence.keep(session.clone(), ttl, owner).await?;
    let ends_in_ms = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
    Ok(json(StatusCode::OK, &Kept { session, ends_in_ms }))
}

/// The process that a session is to end with.
async fn owner(
    machine: &Machine,
    pid: Pid,
    start_time: Option<StartTime>,
) -> Result<ProcessIdentity, Refusal> {
    let found = machine.processes.look(pid).await.ok().flatten().map(|found| found.identity);
    found
        .filter(|found| start_time.is_none_or(|start_time| start_time == found.start_time))
        .ok_or_else(|| Refusal::BadBody(format!("there is no such process with pid {pid}")))
}

async fn sessions(State(data): State<Arc<Data>>) -> Result<Response, Refusal> {
    let _work = data.work()?;
    let leases = data.store.leases().await?;
    let session = |lease: crate::store::Lease| {
        let left = data.presence.left(&lease.id)?;
        Some(LeaseInfo {
            ends_in_ms: u64::try_from(left.as_millis()).unwrap_or(u64::MAX),
            session: lease.id,
            began_ms: lease.began_ms,
            touched_ms: lease.touched_ms,
            pid: lease.owner.map(|owner| owner.pid),
        })
    };
    Ok(json(StatusCode::OK, &Leases { sessions: leases.into_iter().filter_map(session).collect() }))
}

async fn end(State(data): State<Arc<Data>>, Path(id): Path<String>) -> Result<Response, Refusal> {
    #[derive(Serialize)]
    struct Ended {
        ended: bool,
    }
    let _work = data.work()?;
    let ended = data.presence.end(id).await?;
    Ok(json(StatusCode::OK, &Ended { ended }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_many_in_an_array_and_one_on_each_line_are_taken() {
        let one = r#"{"session":"s","kind":"k","text":"t","metadata":{"a":[1,2]},"key":"x"}"#;
        for (body, count) in [
            (one.to_owned(), 1),
            (format!("[{one},{one}]"), 2),
            (format!(" {one}\n{one}\r\n\n{one}\n"), 3),
            ("[]".to_owned(), 0),
        ] {
            assert_eq!(parse(body.as_bytes()).unwrap().len(), count, "{body}");
        }
        for body in
            ["", "  ", "{}", "[1]", "x", r#"{"session":"s"}"#, &format!("{one}\n{{"), &format!("[{one}")]
        {
            assert!(matches!(parse(body.as_bytes()), Err(Refusal::BadBody(_))), "{body}");
        }
        assert!(parse(br#"{"session":"s","kind":"k","text":"t","txet":"t"}"#).is_err());
    }
}
