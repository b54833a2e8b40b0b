//! The routes to the data. All of them need the bearer token, to read as well: any user of the
//! machine can reach the port.
//!
//! | route | does |
//! | --- | --- |
//! | `POST /observations` | adds observations; the response comes after the commit and says which were new |
//! | `GET /observations` | lists those after a cursor, or the last N |
//! | `DELETE /observations` | removes those that match the filter |
//! | `GET /search` | finds those with these words, best first |
//! | `POST /admin/check` | checks whether the database is intact |
//! | `POST /sessions` | begins or renews a lease |
//! | `GET /sessions`, `DELETE /sessions/ID` | lists the leases; ends one |

use std::sync::Arc;
use std::time::Duration;

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
use super::observation_body::read_observations;
use super::request_error::{RequestError, json};
use crate::api::{Filter, LeaseInfo, LeaseRequest, Leases, Listed, Taken};
use crate::presence::{ActiveRequest, DEFAULT_TTL, Presence};
use crate::store::{Page, Store};

/// What these routes share.
pub(crate) struct DataState {
    pub(crate) store: Arc<Store>,
    pub(crate) presence: Arc<Presence>,
    pub(crate) machine: Machine,
    pub(crate) batch_bytes: usize,
}

/// Observations in one response, by default and at most.
const PAGE: u32 = 100;
const LONGEST_PAGE: u32 = 1000;
/// The shortest and the longest lease.
const TTL: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(30 * 24 * 3600);

/// Returns the routes.
pub(crate) fn routes(data: Arc<DataState>) -> Router {
    Router::new()
        .route("/observations", post(add).get(list).delete(remove))
        .route("/search", get(search))
        .route("/admin/check", post(check))
        .route("/sessions", post(keep).get(sessions))
        .route("/sessions/{id}", delete(end))
        .with_state(data)
}

impl DataState {
    fn begin_request(&self) -> Result<ActiveRequest, RequestError> {
        self.presence.begin_request().ok_or(RequestError::NotReady)
    }
}

fn query<T: DeserializeOwned>(uri: &Uri) -> Result<T, RequestError> {
    Query::try_from_uri(uri)
        .map(|Query(query)| query)
        .map_err(|error| RequestError::BadQuery(error.body_text()))
}

async fn add(State(data): State<Arc<DataState>>, request: Request<Body>) -> Result<Response, RequestError> {
    let _active = data.begin_request()?;
    // Reserved before the first byte is read, for as many bytes as there can be.
    let announced = request.body().size_hint().upper().and_then(|bytes| usize::try_from(bytes).ok());
    let _room = data.store.reserve(announced.unwrap_or(usize::MAX).min(data.batch_bytes))?;
    let body = body::read(request, data.batch_bytes).await?;
    let receipts = data.store.add(read_observations(&body)?).await?;
    let new = receipts.iter().filter(|receipt| receipt.new).count();
    Ok(json(StatusCode::OK, &Taken { new, observations: receipts }))
}

async fn list(State(data): State<Arc<DataState>>, uri: Uri) -> Result<Response, RequestError> {
    #[derive(Deserialize)]
    struct ListQuery {
        after: Option<i64>,
        last: Option<u32>,
        limit: Option<u32>,
    }
    let _active = data.begin_request()?;
    let (asked, filter): (ListQuery, Filter) = (query(&uri)?, query(&uri)?);
    let after = asked.after.unwrap_or(0);
    let page = match asked.last {
        Some(last) => Page::Last(last.min(LONGEST_PAGE)),
        None => Page::After(after, asked.limit.unwrap_or(PAGE).clamp(1, LONGEST_PAGE)),
    };
    let observations = data.store.list(filter, page).await?;
    let next = Some(observations.last().map_or(after, |last| last.id));
    Ok(json(StatusCode::OK, &Listed { observations, next }))
}

async fn remove(State(data): State<Arc<DataState>>, uri: Uri) -> Result<Response, RequestError> {
    #[derive(Deserialize)]
    struct RemoveQuery {
        all: Option<bool>,
    }
    #[derive(Serialize)]
    struct Removed {
        removed: usize,
    }
    let _active = data.begin_request()?;
    let (asked, filter): (RemoveQuery, Filter) = (query(&uri)?, query(&uri)?);
    if filter == Filter::default() && asked.all != Some(true) {
        let what = "name what is to be removed (id, session, kind, since_ms, before_ms), or say all=true";
        return Err(RequestError::BadQuery(what.to_owned()));
    }
    let removed = data.store.remove(filter).await?;
    Ok(json(StatusCode::OK, &Removed { removed }))
}

async fn search(State(data): State<Arc<DataState>>, uri: Uri) -> Result<Response, RequestError> {
    #[derive(Deserialize)]
    struct SearchQuery {
        q: String,
        limit: Option<u32>,
    }
    let _active = data.begin_request()?;
    let (asked, filter): (SearchQuery, Filter) = (query(&uri)?, query(&uri)?);
    let limit = asked.limit.unwrap_or(20).clamp(1, LONGEST_PAGE);
    let observations = data.store.search(asked.q, filter, limit).await?;
    Ok(json(StatusCode::OK, &Listed { observations, next: None }))
}

async fn check(State(data): State<Arc<DataState>>) -> Result<Response, RequestError> {
    #[derive(Serialize)]
    struct Checked {
        whole: bool,
        problems: Vec<String>,
    }
    let _active = data.begin_request()?;
    let problems = data.store.check().await?;
    Ok(json(StatusCode::OK, &Checked { whole: problems.is_empty(), problems }))
}

async fn keep(State(data): State<Arc<DataState>>, request: Request<Body>) -> Result<Response, RequestError> {
    #[derive(Serialize)]
    struct Kept {
        session: String,
        ends_in_ms: u64,
    }
    let _active = data.begin_request()?;
    let body = body::read(request, data.batch_bytes.min(64 * 1024)).await?;
    let asked: LeaseRequest =
        serde_json::from_slice(&body).map_err(|error| RequestError::BadBody(error.to_string()))?;
    if let Some(wrong) = asked.wrong() {
        return Err(RequestError::BadBody(wrong));
    }
    let LeaseRequest { session, ttl_ms, pid, start_time } = asked;
    let ttl = ttl_ms.map_or(DEFAULT_TTL, Duration::from_millis);
    if !TTL.contains(&ttl) {
        return Err(RequestError::BadBody(format!(
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

/// Returns the process whose end also ends the session.
async fn owner(
    machine: &Machine,
    pid: Pid,
    start_time: Option<StartTime>,
) -> Result<ProcessIdentity, RequestError> {
    let found = machine.processes.look(pid).await.ok().flatten().map(|found| found.identity);
    found
        .filter(|found| start_time.is_none_or(|start_time| start_time == found.start_time))
        .ok_or_else(|| RequestError::BadBody(format!("there is no such process with pid {pid}")))
}

async fn sessions(State(data): State<Arc<DataState>>) -> Result<Response, RequestError> {
    let _active = data.begin_request()?;
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

async fn end(State(data): State<Arc<DataState>>, Path(id): Path<String>) -> Result<Response, RequestError> {
    #[derive(Serialize)]
    struct Ended {
        ended: bool,
    }
    let _active = data.begin_request()?;
    let ended = data.presence.end(id).await?;
    Ok(json(StatusCode::OK, &Ended { ended }))
}
