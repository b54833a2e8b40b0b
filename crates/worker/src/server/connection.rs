//! One connection, from its acceptance to its end.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::admission::Line;
use super::patience::Patience;
use super::{Front, Office};
use crate::options::Limits;

/// How long a connection without a request in progress may live on once the server closes: enough for a head that is on its way.
const QUIET_GRACE: Duration = Duration::from_millis(100);

/// The least that hyper takes for a head.
const LEAST_HEAD_BYTES: usize = 8 * 1024;

/// Serves one connection until its client, a limit or the end of the server closes it.
pub(super) async fn converse<O: Office>(
    stream: TcpStream,
    front: Arc<Front<O>>,
    line: Arc<Line>,
    limits: Limits,
    mut closing: watch::Receiver<bool>,
) {
    // Where the client dialled to, as the kernel saw it: part of the proof.
    let Ok(dialled) = stream.local_addr() else { return };
    // Answers are small and complete: nothing is gained by Nagle's algorithm, and up to 40 ms lost.
    let _ = stream.set_nodelay(true);

    let service = service_fn(|request: hyper::Request<Incoming>| {
        let (front, line) = (&front, &line);
        async move {
            let _in_request = line.request();
            Ok::<_, Infallible>(front.respond(request, dialled).await)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_time)
        .max_buf_size(limits.head_bytes.max(LEAST_HEAD_BYTES))
        .serve_connection(TokioIo::new(Patience::new(stream, limits.write_time)), service);
    let mut connection = pin!(connection);

    // How a connection ended is the client's affair: nothing of it is logged, or any client could fill the log.
    tokio::select! {
        biased;
        _ = connection.as_mut() => return,
        _ = closing.wait_for(|closing| *closing) => connection.as_mut().graceful_shutdown(),
    }
    tokio::select! {
        biased;
        _ = connection.as_mut() => return,
        () = tokio::time::sleep(QUIET_GRACE) => {}
    }
    if !line.is_quiet() {
        let _ = connection.await;
    }
}
