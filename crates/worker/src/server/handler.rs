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

use super::control::{ControlState, routes};
use super::dialled::Dialled;
use super::gate::Gate;
use super::request_error::RequestError;
use super::served_tenure::ServedTenure;
use crate::options::Limits;

/// The gate, and the routes behind it. The gate is not a layer of the router: layers are boxed for
/// every request, and a new route could be added outside of them.
pub(crate) struct RequestHandler<T> {
    gate: Gate,
    control: Arc<ControlState<T>>,
    routes: Router,
    request_time: Duration,
    /// The number of requests in progress.
    active: Arc<AtomicUsize>,
}

impl<T: ServedTenure> RequestHandler<T> {
    /// Makes the handler of a server that listens on `address`.
    pub(crate) fn new(
        control: Arc<ControlState<T>>,
        data: Router,
        address: SocketAddr,
        limits: Limits,
    ) -> Self {
        let routes = routes(control.clone(), data, limits.body_bytes);
        let gate = Gate::new(address.port());
        Self { gate, control, routes, request_time: limits.request_time, active: Arc::default() }
    }

    /// Returns the count of requests in progress.
    pub(super) fn active_requests(&self) -> Arc<AtomicUsize> {
        self.active.clone()
    }

    pub(super) async fn respond<B>(&self, mut request: http::Request<B>, dialled: SocketAddr) -> Response
    where
        B: hyper::body::Body<Data = axum::body::Bytes> + Send + 'static,
        B::Error: Into<axum::BoxError>,
    {
        if let Err(error) = self.gate.admit(&request, self.control.tenure().token()) {
            let mut response = error.into_response();
            // The body is not read. The connection can't continue after it, so the client is told.
            if !request.body().is_end_stream() {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            return response;
        }
        let _active = ActiveGuard::new(&self.active);
        request.extensions_mut().insert(Dialled(dialled));
        // A router is always ready, and its clone shares everything.
        let response = self.routes.clone().call(request.map(Body::new));
        match tokio::time::timeout(self.request_time, response).await {
            Ok(Ok(response)) => response,
            Ok(Err(never)) => match never {},
            Err(_) => RequestError::TimedOut.into_response(),
        }
    }
}

/// Counts a request as active until it is dropped.
struct ActiveGuard<'a>(&'a AtomicUsize);

impl<'a> ActiveGuard<'a> {
    fn new(active: &'a AtomicUsize) -> Self {
        active.fetch_add(1, Ordering::Relaxed);
        Self(active)
    }
}

impl Drop for ActiveGuard<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
