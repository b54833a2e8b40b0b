//! What the one who starts a worker may decide: [`ServeOptions`] and [`Limits`].

use std::path::PathBuf;
use std::time::Duration;

use coordinator::Predecessor;
use supervisor::Plan;

use crate::log::LogLevel;
use crate::service_manager::ServiceManager;

/// How a worker serves. The identity, its port and its directory are the spec's.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServeOptions {
    /// Somebody watches: standard error is not the log file and is left as it is, nothing is rotated, and a hang-up of the terminal ends the worker.
    pub foreground: bool,
    /// The least important line that is logged; by default what `ONEWORKER_LOG` says, else [`LogLevel::Info`].
    pub log_level: Option<LogLevel>,
    /// The log is rotated when it is larger than this many bytes; 5 MiB by default.
    pub log_max_bytes: u64,
    /// So many rotated logs are kept; 3 by default. With 0, a full log is begun anew.
    pub log_keep: u32,
    /// How long running requests may take to end once the stop has begun; 5 s by default.
    pub drain: Duration,
    /// The process is ended when its event loop has been stuck for so long. By default the spec's hang limit, after which sessions would
    /// replace the worker anyway.
    pub watchdog: Option<Duration>,
    /// Wait for office instead of ending when somebody else has it. By default so under a service manager (`NOTIFY_SOCKET`), which
    /// would take an early end for a failure and start the worker over and over.
    pub stand_by: bool,
    /// Whom this worker takes over from. By default what the one who launched it said.
    pub predecessor: Option<Predecessor>,
    /// What clients may use up.
    pub limits: Limits,
    /// The worker leaves when nobody has needed it for so long: no session has a lease, nobody was given it, and nobody asked for its data.
    /// 30 min by default; zero: never.
    pub idle_timeout: Duration,
    /// The database; by default `worker.db` in the state directory.
    pub database: Option<PathBuf>,
    /// Observations are dropped after so long; zero, the default: never.
    pub keep_for: Duration,
    /// The oldest observations are dropped when the database is larger than so many bytes; 0, the default: never.
    pub keep_bytes: u64,
    /// Whether each commit waits for the disk, so that what was answered survives a power failure: `synchronous=FULL`. On by default.
    pub synced: bool,
    /// What is started in this worker's place and beside it; nothing by default.
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

/// What clients may use up. Everything a client can make the worker hold is bounded by one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Connections at a time; 256 by default. One more closes the connection that has been quiet for longest, and is refused with 503
    /// only if every connection is in the middle of a request.
    pub connections: usize,
    /// Bytes of request line and headers; 16 KiB by default, and never less than 8 KiB.
    pub head_bytes: usize,
    /// Bytes of a body; 64 KiB by default.
    pub body_bytes: usize,
    /// Bytes of a body of observations; 1 MiB by default. Bodies that are being sent, and what waits to be written, have 8 MiB together.
    pub batch_bytes: usize,
    /// How long a connection may take to send a complete head, its first or its next; 10 s by default.
    pub head_time: Duration,
    /// How long a request may take from its head to its answer, the client's sending of the body included; 10 s by default.
    pub request_time: Duration,
    /// How long a client may leave an answer unread that does not fit into the kernel's buffers; 10 s by default.
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
