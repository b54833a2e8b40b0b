//! Why a request is not served. Clients get a stable code and a sentence.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use coordinator::HandOverRefused;
use serde::Serialize;
use thiserror::Error;

use crate::store::StoreError;

/// Why a request is not served.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum RequestError {
    #[error("the Host header does not name this worker's loopback address")]
    BadHost,
    #[error("requests from web pages of other origins are not answered")]
    BadOrigin,
    #[error("this needs the bearer token of the worker in office")]
    Unauthorized,
    #[error("the challenge must be given once, as 16 to 128 hexadecimal digits")]
    BadChallenge,
    #[error("the body is not what this route takes: {0}")]
    BadBody(String),
    #[error("the query is not what this route takes: {0}")]
    BadQuery(String),
    #[error("the body is larger than {limit} bytes")]
    BodyTooLarge { limit: usize },
    #[error("the request took too long")]
    TimedOut,
    #[error("there is nothing at this path")]
    NotFound,
    #[error("this path does not take this method")]
    WrongMethod,
    #[error("the worker does not serve yet, or is stopping")]
    NotReady,
    #[error("office is not handed over: {0}")]
    NotHandedOver(HandOverRefused),
    #[error("{message}")]
    Store { status: StatusCode, code: &'static str, message: String },
    #[error("this worker is no longer in office: {0}")]
    Superseded(String),
}

impl RequestError {
    fn status_and_code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::BadHost => (StatusCode::MISDIRECTED_REQUEST, "bad_host"),
            Self::BadOrigin => (StatusCode::FORBIDDEN, "bad_origin"),
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "unauthorized"),
            Self::BadChallenge => (StatusCode::BAD_REQUEST, "bad_challenge"),
            Self::BadBody(_) => (StatusCode::BAD_REQUEST, "bad_body"),
            Self::BadQuery(_) => (StatusCode::BAD_REQUEST, "bad_query"),
            Self::Store { status, code, .. } => (*status, code),
            Self::BodyTooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large"),
            Self::TimedOut => (StatusCode::REQUEST_TIMEOUT, "request_timeout"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not_found"),
            Self::WrongMethod => (StatusCode::METHOD_NOT_ALLOWED, "wrong_method"),
            Self::NotReady => (StatusCode::SERVICE_UNAVAILABLE, "not_ready"),
            Self::NotHandedOver(_) => (StatusCode::CONFLICT, "not_handed_over"),
            Self::Superseded(_) => (StatusCode::SERVICE_UNAVAILABLE, "superseded"),
        }
    }
}

impl From<StoreError> for RequestError {
    fn from(error: StoreError) -> Self {
        let status = match error.code() {
            "busy" | "not_ready" | "superseded" | "database_busy" | "request_timeout" => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            "disk_full" => StatusCode::INSUFFICIENT_STORAGE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::Store { status, code: error.code(), message: error.to_string() }
    }
}

impl IntoResponse for RequestError {
    fn into_response(self) -> Response {
        #[derive(Serialize)]
        struct ErrorBody {
            error: ErrorDetail,
        }
        #[derive(Serialize)]
        struct ErrorDetail {
            code: &'static str,
            message: String,
        }
        let (status, code) = self.status_and_code();
        let mut response =
            json(status, &ErrorBody { error: ErrorDetail { code, message: self.to_string() } });
        match status {
            StatusCode::UNAUTHORIZED => {
                response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        response
    }
}

/// Makes a JSON response. It may not be cached: it is true for one instant.
pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    match serde_json::to_vec(value) {
        Ok(body) => (status, headers, body).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
