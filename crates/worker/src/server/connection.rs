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

use super::admission::Line;
use super::idle::Idle;
use super::patience::Patience;
use super::{Closing, Front, Office};
use crate::options::Limits;

/// How long a connection without a request in progress may live on once the server closes: enough for a head that is on its way.
const QUIET_GRACE: Duration = Duration::from_millis(100);

/// The least that hyper takes for a head.
const LEAST_HEAD_BYTES: usize = 8 * 1024;

/// Serves one connection until its client, a limit or the end of the server closes it. One that is between two requests when the server passes its
/// connections on is given back as it is, with what was read of the next request.
pub(super) async fn converse<O: Office>(
    idle: Idle,
    front: Arc<Front<O>>,
    line: Arc<Line>,
    limits: Limits,
    mut closing: watch::Receiver<Closing>,
) -> Option<Idle> {
    // Where the client dialled to, as the kernel saw it: part of the proof.
    let dialled = idle.stream.local_addr().ok()?;
    // Answers are small and complete: nothing is gained by Nagle's algorithm, and up to 40 ms lost.
    let _ = idle.stream.set_nodelay(true);

    let service = service_fn(|request: hyper::Request<Incoming>| {
        let (front, line) = (&front, &line);
        Box::pin(async move {
            let _in_request = line.request();
            Ok::<_, Infallible>(front.respond(request, dialled).await)
        })
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_time)
        .max_buf_size(limits.head_bytes.max(LEAST_HEAD_BYTES))
        .serve_connection(TokioIo::new(Patience::new(idle, limits.write_time)), service);

    // How a connection ended is the client's affair: nothing of it is logged, or any client could fill the log.
    let passed_on = tokio::select! {
        biased;
        _ = &mut connection => return None,
        closing = closing.wait_for(|closing| *closing != Closing::Not) => {
            matches!(closing.as_deref(), Ok(Closing::PassOn))
        }
    };
    // hyper is done at once with a connection that is between two requests. In the answer to any other request it says that the connection closes.
    let (is_open, begun) = (line.is_quiet(), line.requests());
    Pin::new(&mut connection).graceful_shutdown();
    let mut done = poll_fn(|cx| connection.poll_without_shutdown(cx));
    let is_done = match tokio::time::timeout(QUIET_GRACE, &mut done).await {
        Ok(done) => done.is_ok(),
        // Nothing but a part of the first head has come, and nothing was said.
        Err(_) if line.requests() == 0 => passed_on,
        // A request, or an answer that is being written.
        Err(_) => done.await.is_ok(),
    };
    // Whose answer said that the connection closes is not to wait for more.
    let goes_on = passed_on && is_open && is_done && line.requests() == begun;
    goes_on.then(|| {
        let parts = connection.into_parts();
        parts.io.into_inner().into_inner().after(parts.read_buf)
    })
}
