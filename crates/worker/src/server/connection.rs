//! One connection, from its acceptance to its end.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::watch;

use super::closing::Closing;
use super::connection_table::Activity;
use super::handler::RequestHandler;
use super::idle_connection::IdleConnection;
use super::served_tenure::ServedTenure;
use super::write_timeout::WriteTimeout;
use crate::options::Limits;

/// How long a connection without a request in progress may stay open once the server closes: enough
/// for a head that is on its way.
const QUIET_GRACE: Duration = Duration::from_millis(100);

/// The smallest head limit that hyper accepts, in bytes.
const LEAST_HEAD_BYTES: usize = 8 * 1024;

/// Serves one connection until its client, a limit or the end of the server closes it.
///
/// If the server passes its connections on while this one is between two requests, it is returned
/// with what was read of the next request.
pub(super) async fn serve_connection<T: ServedTenure>(
    connection: IdleConnection,
    handler: Arc<RequestHandler<T>>,
    activity: Arc<Activity>,
    limits: Limits,
    mut closing: watch::Receiver<Closing>,
) -> Option<IdleConnection> {
    let dialled = connection.stream.local_addr().ok()?;
    // Responses are small and complete. Nagle's algorithm would only delay them by up to 40 ms.
    let _ = connection.stream.set_nodelay(true);

    let service = service_fn(|request: hyper::Request<Incoming>| {
        let (handler, activity) = (&handler, &activity);
        Box::pin(async move {
            let _in_request = activity.begin_request();
            Ok::<_, Infallible>(handler.respond(request, dialled).await)
        })
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_time)
        .max_buf_size(limits.head_bytes.max(LEAST_HEAD_BYTES))
        .serve_connection(TokioIo::new(WriteTimeout::new(connection, limits.write_time)), service);

    // How a connection ended is not logged: any client could fill the log.
    let passed_on = tokio::select! {
        biased;
        _ = &mut connection => return None,
        closing = closing.wait_for(|closing| *closing != Closing::Not) => {
            matches!(closing.as_deref(), Ok(Closing::PassOn))
        }
    };
    // hyper ends a connection between two requests at once. Its response to any other request says
    // that the connection closes.
    let (is_open, begun) = (activity.is_quiet(), activity.requests());
    Pin::new(&mut connection).graceful_shutdown();
    let mut done = poll_fn(|cx| connection.poll_without_shutdown(cx));
    let is_done = match tokio::time::timeout(QUIET_GRACE, &mut done).await {
        Ok(done) => done.is_ok(),
        // At most a part of the first head has arrived, and there was no response.
        Err(_) if activity.requests() == 0 => passed_on,
        // A request is in progress, or its response is being written.
        Err(_) => done.await.is_ok(),
    };
    // A client that was told that the connection closes must not wait for more.
    let continues = passed_on && is_open && is_done && activity.requests() == begun;
    continues.then(|| {
        let parts = connection.into_parts();
        parts.io.into_inner().into_inner().after(parts.read_buf)
    })
}
