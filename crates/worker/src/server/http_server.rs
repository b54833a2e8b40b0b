//! The server, from its start to the end of its last connection.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::accept::Acceptor;
use super::closing::Closing;
use super::handler::RequestHandler;
use super::idle_connection::IdleConnection;
use super::served_tenure::ServedTenure;
use crate::options::Limits;

/// A server that accepts connections. Dropping it closes all of them at once.
#[derive(Debug)]
pub(crate) struct HttpServer {
    listener: Option<Arc<tokio::net::TcpListener>>,
    closing: watch::Sender<Closing>,
    accepting: JoinHandle<JoinSet<Option<IdleConnection>>>,
    /// The number of requests in progress.
    active_requests: Arc<AtomicUsize>,
}

/// How the connections ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DrainReport {
    /// How many ended by themselves.
    pub(crate) ended: usize,
    /// How many were cut off.
    pub(crate) cut: usize,
}

impl HttpServer {
    /// Serves connections that another server has passed on, and accepts more.
    pub(crate) fn start<T: ServedTenure>(
        listener: TcpListener,
        inherited: Vec<IdleConnection>,
        handler: RequestHandler<T>,
        limits: Limits,
    ) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let listener = Arc::new(tokio::net::TcpListener::from_std(listener)?);
        let closing = watch::Sender::new(Closing::Not);
        let active_requests = handler.active_requests();
        let acceptor = Acceptor::new(handler, limits, closing.subscribe());
        let accepting = tokio::spawn(acceptor.run(listener.clone(), inherited));
        Ok(Self { listener: Some(listener), closing, accepting, active_requests })
    }

    /// Returns whether no request is in progress.
    pub(crate) fn is_quiet(&self) -> bool {
        self.active_requests.load(Ordering::Relaxed) == 0
    }

    /// Returns the listening socket.
    #[cfg(unix)]
    pub(crate) fn socket(&self) -> Option<std::os::fd::BorrowedFd<'_>> {
        self.listener.as_ref().map(std::os::fd::AsFd::as_fd)
    }

    /// Stops accepting at once. Lets requests in progress end for at most `limit` or until
    /// `hurried` is ready, then cuts them off.
    pub(crate) async fn drain(self, limit: Duration, hurried: impl Future<Output = ()>) -> DrainReport {
        self.end(Closing::Close, limit, hurried).await.0
    }

    /// Drains, but gives back the connections between two requests as they are. Meanwhile new
    /// connections wait in the kernel, if another process has the listening socket too.
    pub(crate) async fn pass_on(
        self,
        limit: Duration,
        hurried: impl Future<Output = ()>,
    ) -> (DrainReport, Vec<IdleConnection>) {
        self.end(Closing::PassOn, limit, hurried).await
    }

    async fn end(
        mut self,
        how: Closing,
        limit: Duration,
        hurried: impl Future<Output = ()>,
    ) -> (DrainReport, Vec<IdleConnection>) {
        self.listener = None;
        self.closing.send_replace(how);
        let mut connections = (&mut self.accepting).await.unwrap_or_default();
        let (mut report, mut given_back) = (DrainReport { ended: 0, cut: 0 }, Vec::new());
        let all_ended = async {
            while let Some(ended) = connections.join_next().await {
                match ended {
                    Ok(Some(idle)) => given_back.push(idle),
                    _ => report.ended += 1,
                }
            }
        };
        tokio::select! {
            () = all_ended => {}
            () = tokio::time::sleep(limit) => {}
            () = hurried => {}
        }
        report.cut = connections.len();
        connections.shutdown().await;
        (report, given_back)
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
