//! Reads a body up to a limit.

use axum::body::{Body, Bytes};
use axum::http::Request;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Body as _;

use super::request_error::RequestError;

/// Returns the request's whole body of at most `limit` bytes.
pub(super) async fn read(request: Request<Body>, limit: usize) -> Result<Bytes, RequestError> {
    let body = request.into_body();
    // The client announced its length: refused before any of it is read.
    if body.size_hint().lower() > limit as u64 {
        return Err(RequestError::BodyTooLarge { limit });
    }
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(RequestError::BodyTooLarge { limit }),
        Err(error) => Err(RequestError::BadBody(error.to_string())),
    }
}
