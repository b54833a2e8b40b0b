//! What the program that starts a worker may choose: [`ServeOptions`] and [`Limits`].

use std::path::PathBuf;
use std::time::Duration;

use coordinator::Predecessor;
use oneworker_supervisor::Plan;

use crate::log::LogLevel;
use crate::service_manager::ServiceManager;

/// How a worker serves. The identity, its port and its directory are in `WorkerId`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServeOptions {
    /// Run in a terminal: standard error is not the log file, nothing is rotated, and a hang-up of
    /// the terminal ends the worker.
    pub foreground: bool,
    /// The least important line that is logged. Default: the value of `ONEWORKER_LOG`, otherwise
    /// [`LogLevel::Info`].
    pub log_level: Option<LogLevel>,
    /// The log is rotated when it is larger than this many bytes. Default: 5 MiB.
    pub log_max_bytes: u64,
    /// How many rotated logs are kept. With 0, a full log is overwritten. Default: 3.
    pub log_keep: u32,
    /// How long requests in progress may take to end once the stop has begun. Default: 5 s.
    pub drain: Duration,
    /// The process is ended when its event loop has been stuck for this long. Default: 10 s, after
    /// which sessions with the usual hang limit would replace the worker anyway.
    pub watchdog: Option<Duration>,
    /// Stand by instead of ending when another worker is running. Default: on under a service
    /// manager (`NOTIFY_SOCKET`), which would take an early end for a failure and restart the
    /// worker in a loop.
    pub stand_by: bool,
    /// The worker that this one takes over from. Default: what the launching process has passed on.
    pub predecessor: Option<Predecessor>,
    /// What clients may use.
    pub limits: Limits,
    /// The worker stops when it has not been needed for this long: no session has a lease, none was
    /// given this worker, and no client asked for its data. Default: 30 min. Zero means never.
    pub idle_timeout: Duration,
    /// The database. Default: `worker.db` in the state directory.
    pub database: Option<PathBuf>,
    /// Observations are dropped after this long. Zero, the default, means never.
    pub keep_for: Duration,
    /// The oldest observations are dropped when the database is larger than this many bytes. Zero,
    /// the default, means never.
    pub keep_bytes: u64,
    /// Whether each commit waits for the disk, so that acknowledged data survives a power failure:
    /// `synchronous=FULL`. Default: on.
    pub synced: bool,
    /// The commands that run in this worker's place and beside it. Default: none.
    pub children: Plan,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            foreground: false,
            log_level: None,
            log_max_bytes: 5 * 1024 * 1024,
            log_keep: 3,
            drain: Duration::from_secs(5),
            watchdog: None,
            stand_by: ServiceManager::present(),
            predecessor: Predecessor::from_environment(),
            limits: Limits::default(),
            idle_timeout: Duration::from_secs(30 * 60),
            database: None,
            keep_for: Duration::ZERO,
            keep_bytes: 0,
            synced: true,
            children: Plan::default(),
        }
    }
}

/// What clients may use. Everything that a client can make the worker hold has one of these bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Connections at a time. One more closes the connection that has been quiet for longest. It is
    /// refused with 503 only if every connection is in the middle of a request. Default: 256.
    pub connections: usize,
    /// Bytes of request line and headers, at least 8 KiB. Default: 16 KiB.
    pub head_bytes: usize,
    /// Bytes of a body. Default: 64 KiB.
    pub body_bytes: usize,
    /// Bytes of a body of observations. Bodies in transit and waiting writes share 8 MiB. Default:
    /// 1 MiB.
    pub batch_bytes: usize,
    /// How long a connection may take to send a complete head, its first or its next. Default: 10
    /// s.
    pub head_time: Duration,
    /// How long a request may take from its head to its response, including the transfer of its
    /// body. Default: 10 s.
    pub request_time: Duration,
    /// How long a client may leave a response unread that does not fit into the kernel's buffers.
    /// Default: 10 s.
    pub write_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 256,
            head_bytes: 16 * 1024,
            body_bytes: 64 * 1024,
            batch_bytes: 1024 * 1024,
            head_time: Duration::from_secs(10),
            request_time: Duration::from_secs(10),
            write_time: Duration::from_secs(10),
        }
    }
}
