//! What can be asked.
//!
//! | route | answer |
//! | --- | --- |
//! | `GET /health[?challenge=HEX]` | who is in office, with the proof for the challenge |
//! | `GET /ready` | whether it serves |
//! | `GET /version` | its version and protocol range |
//! | `POST /admin/shutdown` | 202, then the stop begins; body: nothing, or `{"why":"…"}` |
//! | `POST /admin/hand-over` | 202, then the worker hands over; body: a [`HandOver`] |

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::header::{CONNECTION, HeaderValue};
use axum::http::{Request, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use coordinator::proof::Challenge;
use coordinator::record::WorkerState;
use coordinator::{Epoch, HandOver, ProtocolRange};
use serde::{Deserialize, Serialize};

use super::front::Dialled;
use super::refusal::{Refusal, json};
use super::{Office, body};
use crate::handover::Agreed;
use crate::stop::{Stop, StopReason};

/// What the routes share.
pub(crate) struct Desk<O> {
    office: Arc<O>,
    stop: Stop,
    agreed: Agreed,
    serving: AtomicBool,
}

impl<O: Office> Desk<O> {
    pub(crate) fn new(office: Arc<O>, stop: Stop, agreed: Agreed) -> Self {
        Self { office, stop, agreed, serving: AtomicBool::new(false) }
    }

    /// From now on `/ready` says yes, until the stop begins.
    pub(crate) fn open(&self) {
        self.serving.store(true, Ordering::Relaxed);
    }

    pub(super) fn office(&self) -> &O {
        &self.office
    }
}

/// The routes, besides those to the data, for bodies of at most `body_bytes`.
pub(super) fn routes<O: Office>(desk: Arc<Desk<O>>, data: Router, body_bytes: usize) -> Router {
    let shutdown = move |desk, request| shutdown::<O>(desk, request, body_bytes);
    let hand_over = move |desk, request| hand_over::<O>(desk, request, body_bytes);
    Router::new()
        .route("/health", get(health::<O>))
        .route("/ready", get(ready::<O>))
        .route("/version", get(version::<O>))
        .route("/admin/shutdown", post(shutdown))
        .route("/admin/hand-over", post(hand_over))
        .with_state(desk)
        .merge(data)
        .fallback(|| async { Refusal::NotFound })
        .method_not_allowed_fallback(|| async { Refusal::WrongMethod })
}

/// The probe of sessions: on the way of every one of their calls, so nothing is logged and nothing is spawned here.
async fn health<O: Office>(
    State(desk): State<Arc<Desk<O>>>,
    Extension(Dialled(dialled)): Extension<Dialled>,
    uri: Uri,
) -> Result<Response, Refusal> {
    let challenge = challenge(uri.query())?;
    match desk.office.answer(challenge.as_ref(), dialled).await {
        Ok(health) => {
            let mut answer = json(StatusCode::OK, &health);
            // While a command starts, nobody has its port, and the system may give it to whoever asks here. Whoever closes a connection first keeps
            // his port for a minute (TIME_WAIT): that is to be this side.
            if health.state == WorkerState::Starting {
                answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok(answer)
        }
        Err(superseded) => {
            // There may be a successor: not one more answer in the office's name.
            desk.stop.begin(StopReason::Superseded { why: superseded.why.clone() });
            Err(Refusal::Superseded(superseded.why))
        }
    }
}

/// The query's challenge. It is hexadecimal, so there is nothing to unescape.
fn challenge(query: Option<&str>) -> Result<Option<Challenge>, Refusal> {
    let pairs = query.unwrap_or_default().split('&');
    let mut given = pairs.filter_map(|pair| pair.strip_prefix("challenge="));
    let Some(digits) = given.next() else { return Ok(None) };
    match (Challenge::parse(digits), given.next()) {
        (Some(challenge), None) => Ok(Some(challenge)),
        _ => Err(Refusal::BadChallenge),
    }
}

async fn ready<O: Office>(State(desk): State<Arc<Desk<O>>>) -> Result<Response, Refusal> {
    #[derive(Serialize)]
    struct Ready {
        ready: bool,
        epoch: Epoch,
    }
    if !desk.serving.load(Ordering::Relaxed) || desk.stop.has_begun() {
        return Err(Refusal::NotReady);
    }
    Ok(json(StatusCode::OK, &Ready { ready: true, epoch: desk.office.epoch() }))
}

async fn version<O: Office>(State(desk): State<Arc<Desk<O>>>) -> Response {
    #[derive(Serialize)]
    struct Version<'a> {
        version: &'a semver::Version,
        protocol: ProtocolRange,
    }
    json(StatusCode::OK, &Version { version: desk.office.version(), protocol: desk.office.protocol() })
}

async fn shutdown<O: Office>(
    State(desk): State<Arc<Desk<O>>>,
    request: Request<Body>,
    body_bytes: usize,
) -> Result<Response, Refusal> {
    #[derive(Default, Deserialize)]
    struct Asked {
        #[serde(default)]
        why: String,
    }
    #[derive(Serialize)]
    struct Stopping {
        stopping: bool,
    }
    let body = body::read(request, body_bytes).await?;
    let asked: Asked = if body.is_empty() {
        Asked::default()
    } else {
        serde_json::from_slice(&body).map_err(|error| Refusal::BadBody(error.to_string()))?
    };
    // The answer is written first: the drain lets this request end.
    desk.stop.begin(StopReason::asked(&asked.why));
    Ok(json(StatusCode::ACCEPTED, &Stopping { stopping: true }).into_response())
}

/// A successor asks for the office. It is kept for it before the answer says so.
async fn hand_over<O: Office>(
    State(desk): State<Arc<Desk<O>>>,
    request: Request<Body>,
    body_bytes: usize,
) -> Result<Response, Refusal> {
    #[derive(Serialize)]
    struct Handing {
        handing_over: bool,
    }
    let body = body::read(request, body_bytes).await?;
    let asked: HandOver =
        serde_json::from_slice(&body).map_err(|error| Refusal::BadBody(error.to_string()))?;
    if desk.stop.has_begun() {
        return Err(Refusal::NotReady);
    }
    desk.office.hand_over_to(&asked).await.map_err(Refusal::NotHandedOver)?;
    // The answer is written first: the drain lets this request end.
    desk.agreed.tell();
    Ok(json(StatusCode::ACCEPTED, &Handing { handing_over: true }).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_found_among_other_parameters_and_malformed_ones_are_refused() {
        let digits = "0123456789abcdef";
        for query in [format!("challenge={digits}"), format!("a=b&challenge={digits}&c")] {
            assert_eq!(challenge(Some(&query)).unwrap().unwrap().as_str(), digits);
        }
        assert_eq!(challenge(None), Ok(None));
        assert_eq!(challenge(Some("challenges=1")), Ok(None));
        for query in [
            "challenge=",
            "challenge=xyz",
            "challenge=0123",
            &format!("challenge={digits}&challenge={digits}"),
        ] {
            assert_eq!(challenge(Some(query)), Err(Refusal::BadChallenge), "{query}");
        }
    }
}
