//! What every request goes through, whatever its route: the gate, then the time limit.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::CONNECTION;
use axum::response::{IntoResponse, Response};
use axum::{Router, http};
use tower_service::Service;

use super::Office;
use super::gate::Gate;
use super::refusal::Refusal;
use super::routes::{Desk, routes};
use crate::options::Limits;

/// The address that a request's connection came to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dialled(pub(super) SocketAddr);

/// The gate and the routes behind it. The gate is not a layer of the router, since layers are boxed for every request and can be
/// forgotten for a route; this cannot.
pub(crate) struct Front<O> {
    gate: Gate,
    desk: Arc<Desk<O>>,
    routes: Router,
    request_time: Duration,
    /// So many requests are being answered.
    pub(super) busy: Arc<AtomicUsize>,
}

impl<O: Office> Front<O> {
    /// For a server that listens on `address`.
    pub(crate) fn new(desk: Arc<Desk<O>>, data: Router, address: SocketAddr, limits: Limits) -> Self {
        let routes = routes(desk.clone(), data, limits.body_bytes);
        let busy = Arc::default();
        Self { gate: Gate::new(address.port()), desk, routes, request_time: limits.request_time, busy }
    }

    pub(super) async fn respond<B>(&self, mut request: http::Request<B>, dialled: SocketAddr) -> Response
    where
        B: hyper::body::Body<Data = axum::body::Bytes> + Send + 'static,
        B::Error: Into<axum::BoxError>,
    {
        if let Err(refusal) = self.gate.admit(&request, self.desk.office().token()) {
            let mut response = refusal.into_response();
            // A body that nobody will read: the connection can't go on after it, and the client is to know.
            if !request.body().is_end_stream() {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            return response;
        }
        let _answering = Answering::begin(&self.busy);
        request.extensions_mut().insert(Dialled(dialled));
        // A router is always ready, and its clone shares everything.
        let answer = self.routes.clone().call(request.map(Body::new));
        match tokio::time::timeout(self.request_time, answer).await {
            Ok(Ok(response)) => response,
            Ok(Err(never)) => match never {},
            Err(_) => Refusal::TimedOut.into_response(),
        }
    }
}

/// A request that is being answered, until it is dropped.
struct Answering<'a>(&'a AtomicUsize);

impl<'a> Answering<'a> {
    fn begin(busy: &'a AtomicUsize) -> Self {
        busy.fetch_add(1, Ordering::Relaxed);
        Self(busy)
    }
}

impl Drop for Answering<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
