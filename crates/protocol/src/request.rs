//! What a session wants: [`EnsureRequest`].

use std::time::Duration;

use crate::backoff::Backoff;
use crate::launch_command::LaunchCommand;
use crate::request_error::RequestError;
use crate::upgrade::{UpgradeLimits, UpgradePolicy};
use crate::worker_id::WorkerId;

/// Makes [`EnsureRequest`] and its builder from one table of what a session may choose.
macro_rules! choices {
    ($($(#[$doc:meta])+ $field:ident: $type:ty = $default:expr;)+) => {
        /// What a session wants: which worker, how it is started, and how long to try.
        ///
        /// ```
        /// use oneworker_protocol::{EnsureRequest, LaunchCommand, WorkerId};
        /// # use std::time::Duration;
        /// let id = WorkerId::builder().name("my-tool").state_dir("/tmp/my-tool-state").build()?;
        /// let request = EnsureRequest::builder(id, LaunchCommand::new("my-daemon", ["--serve"]))
        ///     .deadline(Duration::from_secs(2))
        ///     .build()?;
        /// assert_eq!(request.deadline(), Duration::from_secs(2));
        /// # Ok::<(), oneworker_protocol::RequestError>(())
        /// ```
        #[derive(Clone, Debug)]
        pub struct EnsureRequest {
            pub(crate) id: WorkerId,
            pub(crate) launch: LaunchCommand,
            $($(#[$doc])+ pub(crate) $field: $type,)+
        }

        impl EnsureRequest {
            /// Returns a request with the usual choices.
            pub fn new(id: WorkerId, launch: LaunchCommand) -> Self {
                Self { id, launch, $($field: $default,)+ }
            }

            $($(#[$doc])+ pub fn $field(&self) -> $type {
                self.$field
            })+
        }

        impl EnsureRequestBuilder {
            $($(#[$doc])+ pub fn $field(mut self, $field: $type) -> Self {
                self.0.$field = $field;
                self
            })+
        }
    };
}

choices! {
    /// Whether a worker may be started, or only be found. Default: it may be started.
    may_start: bool = true;
    /// How long a call may take: 10 ms to 1 hour. Default: 5 s.
    deadline: Duration = Self::DEFAULT_DEADLINE;
    /// How long the worker may be silent before it is replaced: 500 ms to 1 hour. Default: 10 s. Measured
    /// across sessions, on a clock that excludes sleep.
    hang_limit: Duration = Self::DEFAULT_HANG_LIMIT;
    /// How launches are held back after failures.
    backoff: Backoff = Backoff::default();
    /// What is wanted of a worker in another version that this session can talk to. Default:
    /// [`UpgradePolicy::Reuse`].
    upgrade: UpgradePolicy = UpgradePolicy::default();
    /// How often versions may replace each other, and when one counts as bad.
    upgrade_limits: UpgradeLimits = UpgradeLimits::default();
}

impl EnsureRequest {
    /// The deadline of a request that names none.
    pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(5);
    /// The hang limit of a request that names none.
    pub const DEFAULT_HANG_LIMIT: Duration = Duration::from_secs(10);

    /// Begins a request with the usual choices.
    pub fn builder(id: WorkerId, launch: LaunchCommand) -> EnsureRequestBuilder {
        EnsureRequestBuilder(Self::new(id, launch))
    }

    /// Returns the identity of the worker.
    pub fn id(&self) -> &WorkerId {
        &self.id
    }

    /// Returns the program that becomes the worker.
    pub fn launch(&self) -> &LaunchCommand {
        &self.launch
    }

    /// Returns the same request with another program that becomes the worker.
    pub(crate) fn launching(&self, launch: LaunchCommand) -> Self {
        Self { launch, ..self.clone() }
    }
}

/// Builds an [`EnsureRequest`], and checks what it is given.
#[derive(Clone, Debug)]
#[must_use]
pub struct EnsureRequestBuilder(EnsureRequest);

impl EnsureRequestBuilder {
    /// Returns the request.
    ///
    /// # Errors
    /// [`RequestError::OutOfRange`].
    pub fn build(self) -> Result<EnsureRequest, RequestError> {
        let Self(request) = self;
        let hour = Duration::from_secs(3600);
        within("deadline", request.deadline, Duration::from_millis(10), hour)?;
        within("hang limit", request.hang_limit, Duration::from_millis(500), hour)?;
        within("probation", request.upgrade_limits.probation, Duration::ZERO, 24 * hour)?;
        within("longest backoff", request.backoff.max, request.backoff.base, 24 * hour)?;
        Ok(request)
    }
}

fn within(what: &'static str, given: Duration, min: Duration, max: Duration) -> Result<(), RequestError> {
    if given < min || given > max {
        return Err(RequestError::OutOfRange { what, given, min, max });
    }
    Ok(())
}
