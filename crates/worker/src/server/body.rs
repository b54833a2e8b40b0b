//! Reading a body that has a limit.

use axum::body::{Body, Bytes};
use axum::http::Request;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Body as _;

use super::refusal::Refusal;

/// The request's whole body, of at most `limit` bytes.
pub(super) async fn read(request: Request<Body>, limit: usize) -> Result<Bytes, Refusal> {
    let body = request.into_body();
    // The client announced it: refused before any of it is read.
    if body.size_hint().lower() > limit as u64 {
        return Err(Refusal::BodyTooLarge { limit });
    }
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Refusal::BodyTooLarge { limit }),
        Err(error) => Err(Refusal::BadBody(error.to_string())),
    }
}
