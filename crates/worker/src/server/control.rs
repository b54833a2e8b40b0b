//! The routes that control the worker.
//!
//! | route | response |
//! | --- | --- |
//! | `GET /health[?challenge=HEX]` | the running worker, with the proof for the challenge |
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

use super::body;
use super::dialled::Dialled;
use super::handover_signal::HandoverSignal;
use super::request_error::{RequestError, json};
use super::served_tenure::ServedTenure;
use crate::stop::{Stop, StopReason};

/// What the control routes share.
pub(crate) struct ControlState<T> {
    tenure: Arc<T>,
    stop: Stop,
    handover: HandoverSignal,
    serving: AtomicBool,
}

impl<T: ServedTenure> ControlState<T> {
    pub(crate) fn new(tenure: Arc<T>, stop: Stop, handover: HandoverSignal) -> Self {
        Self { tenure, stop, handover, serving: AtomicBool::new(false) }
    }

    /// From now on `/ready` says yes, until the stop begins.
    pub(crate) fn set_ready(&self) {
        self.serving.store(true, Ordering::Relaxed);
    }

    pub(super) fn tenure(&self) -> &T {
        &self.tenure
    }
}

/// Returns all routes: these, for bodies of at most `body_bytes`, and those to the data.
pub(super) fn routes<T: ServedTenure>(
    control: Arc<ControlState<T>>,
    data: Router,
    body_bytes: usize,
) -> Router {
    let shutdown = move |control, request| shutdown::<T>(control, request, body_bytes);
    let hand_over = move |control, request| hand_over::<T>(control, request, body_bytes);
    Router::new()
        .route("/health", get(health::<T>))
        .route("/ready", get(ready::<T>))
        .route("/version", get(version::<T>))
        .route("/admin/shutdown", post(shutdown))
        .route("/admin/hand-over", post(hand_over))
        .with_state(control)
        .merge(data)
        .fallback(|| async { RequestError::NotFound })
        .method_not_allowed_fallback(|| async { RequestError::WrongMethod })
}

/// The probe that every call of a session makes. So nothing is logged and nothing is spawned here.
async fn health<T: ServedTenure>(
    State(control): State<Arc<ControlState<T>>>,
    Extension(Dialled(dialled)): Extension<Dialled>,
    uri: Uri,
) -> Result<Response, RequestError> {
    let challenge = challenge(uri.query())?;
    match control.tenure.health(challenge.as_ref(), dialled).await {
        Ok(health) => {
            let mut response = json(StatusCode::OK, &health);
            // While a command starts, its port is free, and the system may give it to a client that
            // connects here. The side that closes a connection first keeps its port for a minute
            // (TIME_WAIT): that must be this side.
            if health.state == WorkerState::Starting {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok(response)
        }
        Err(superseded) => {
            // There may be a successor: this worker must not answer again.
            control.stop.begin(StopReason::Superseded { why: superseded.why.clone() });
            Err(RequestError::Superseded(superseded.why))
        }
    }
}

/// Returns the query's challenge. It is hexadecimal, so there is nothing to unescape.
fn challenge(query: Option<&str>) -> Result<Option<Challenge>, RequestError> {
    let pairs = query.unwrap_or_default().split('&');
    let mut given = pairs.filter_map(|pair| pair.strip_prefix("challenge="));
    let Some(digits) = given.next() else { return Ok(None) };
    match (Challenge::parse(digits), given.next()) {
        (Some(challenge), None) => Ok(Some(challenge)),
        _ => Err(RequestError::BadChallenge),
    }
}

async fn ready<T: ServedTenure>(
    State(control): State<Arc<ControlState<T>>>,
) -> Result<Response, RequestError> {
    #[derive(Serialize)]
    struct Ready {
        ready: bool,
        epoch: Epoch,
    }
    if !control.serving.load(Ordering::Relaxed) || control.stop.has_begun() {
        return Err(RequestError::NotReady);
    }
    Ok(json(StatusCode::OK, &Ready { ready: true, epoch: control.tenure.epoch() }))
}

async fn version<T: ServedTenure>(State(control): State<Arc<ControlState<T>>>) -> Response {
    #[derive(Serialize)]
    struct Version<'a> {
        version: &'a semver::Version,
        protocol: ProtocolRange,
    }
    json(StatusCode::OK, &Version { version: control.tenure.version(), protocol: control.tenure.protocol() })
}

async fn shutdown<T: ServedTenure>(
    State(control): State<Arc<ControlState<T>>>,
    request: Request<Body>,
    body_bytes: usize,
) -> Result<Response, RequestError> {
    #[derive(Default, Deserialize)]
    struct ShutdownRequest {
        #[serde(default)]
        why: String,
    }
    #[derive(Serialize)]
    struct ShuttingDown {
        stopping: bool,
    }
    let body = body::read(request, body_bytes).await?;
    let asked: ShutdownRequest = if body.is_empty() {
        ShutdownRequest::default()
    } else {
        serde_json::from_slice(&body).map_err(|error| RequestError::BadBody(error.to_string()))?
    };
    // The response is written first: the drain lets this request end.
    control.stop.begin(StopReason::asked(&asked.why));
    Ok(json(StatusCode::ACCEPTED, &ShuttingDown { stopping: true }).into_response())
}

/// A successor asks for the handover. The lock is reserved for it before the response says so.
async fn hand_over<T: ServedTenure>(
    State(control): State<Arc<ControlState<T>>>,
    request: Request<Body>,
    body_bytes: usize,
) -> Result<Response, RequestError> {
    #[derive(Serialize)]
    struct HandingOver {
        handing_over: bool,
    }
    let body = body::read(request, body_bytes).await?;
    let asked: HandOver =
        serde_json::from_slice(&body).map_err(|error| RequestError::BadBody(error.to_string()))?;
    if control.stop.has_begun() {
        return Err(RequestError::NotReady);
    }
    control.tenure.hand_over_to(&asked).await.map_err(RequestError::NotHandedOver)?;
    // The response is written first: the drain lets this request end.
    control.handover.raise();
    Ok(json(StatusCode::ACCEPTED, &HandingOver { handing_over: true }).into_response())
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
            assert_eq!(challenge(Some(query)), Err(RequestError::BadChallenge), "{query}");
        }
    }
}
