//! The table of settings: one row for each.
//!
//! A row is
//!
//! ```text
//! Key field: Type = method(KIND, default, "the default in words") { the rest of its definition }
//! ```
//!
//! `method` is one of [`Layers`](super::layers::Layers). It is called with the key, a kind of
//! [`kind`](super::kind) and the default. A default may use the settings above it. It needs words only
//! if it is not a plain value.
//!
//! Made from the rows are the keys ([`key`](super::key)), what is known of each key
//! ([`definitions`](super::definitions)), and the settings of one call
//! ([`settings`](super::settings)). From the definitions come flags, help, variables, the check of the
//! file, `config show`, the worker's own command line and the reference.

/// Gives all rows to a macro.
macro_rules! with_rows {
    ($make:ident) => {
        $make! {
            layers;

            Name name: Setting<Name> = pick(NAME, Name::default()) {
                path: "name",
                variable: "ONEWORKER_NAME",
                flag: "--name",
                help: "The identity's name",
                more: "There is one worker for each name, user and state directory. A name has 1 to 64 of the \
                       characters a-z, 0-9, `-`, `_` and `.`.",
                ..IDENTITY
            }
            Port port: Setting<PortChoice> = pick(PORT, PortChoice::default()) {
                path: "port",
                variable: "ONEWORKER_PORT",
                flag: "--port",
                help: "The worker's port on 127.0.0.1",
                more: "`auto` takes any free port.",
                ..IDENTITY
            }
            StateDir state_dir: Setting<PathBuf> = pick(
                DIRECTORY, coordinator::default_state_dir(&name.value)?, "below the user's home, by name"
            ) {
                path: "state_dir",
                variable: "ONEWORKER_STATE_DIR",
                flag: "--state-dir",
                help: "The identity's directory, an absolute path",
                more: "",
                ..IDENTITY
            }
            Deadline deadline: Setting<Duration> = pick(TIME, EnsureRequest::DEFAULT_DEADLINE) {
                path: "deadline",
                variable: "ONEWORKER_DEADLINE",
                flag: "--deadline",
                help: "How long the command may take",
                more: "For example 250ms, 5s or 30m; 10ms to 1h.",
                ..PATIENCE
            }
            HangLimit hang_limit: Setting<Duration> = pick(TIME, EnsureRequest::DEFAULT_HANG_LIMIT) {
                path: "hang_limit",
                variable: "ONEWORKER_HANG_LIMIT",
                flag: "--hang-limit",
                help: "How long a worker may be silent",
                more: "A worker that is silent for longer is replaced. 500ms to 1h.",
                ..PATIENCE
            }

            BackoffFree backoff_free: Setting<u32> = pick(COUNT, Backoff::default().free) {
                path: "backoff.free",
                variable: "ONEWORKER_BACKOFF_FREE",
                flag: "--backoff-free",
                help: "Failed starts in a row that are retried without delay",
                more: "",
                ..BACKOFF
            }
            BackoffBase backoff_base: Setting<Duration> = pick(TIME, Backoff::default().base) {
                path: "backoff.base",
                variable: "ONEWORKER_BACKOFF_BASE",
                flag: "--backoff-base",
                help: "The delay after the next failed start",
                more: "Each further failed start doubles it. 0: no delay.",
                ..BACKOFF
            }
            BackoffMax backoff_max: Setting<Duration> = pick(TIME, Backoff::default().max) {
                path: "backoff.max",
                variable: "ONEWORKER_BACKOFF_MAX",
                flag: "--backoff-max",
                help: "The longest delay",
                more: "Up to 24h, and not less than the base.",
                ..BACKOFF
            }
            BackoffStableAfter backoff_stable_after: Setting<Duration> = pick(TIME, Backoff::default().stable_after) {
                path: "backoff.stable_after",
                variable: "ONEWORKER_BACKOFF_STABLE_AFTER",
                flag: "--backoff-stable-after",
                help: "A worker that served for this long did not fail",
                more: "",
                ..BACKOFF
            }

            Upgrade upgrade: Setting<UpgradePolicy> = pick(POLICY, UpgradePolicy::default()) {
                path: "upgrade.policy",
                variable: "ONEWORKER_UPGRADE",
                flag: "--upgrade",
                help: "How versions are replaced",
                more: "Of a worker in another version: `reuse` it, have an older one hand over to the `newest`, or \
                       have `exact` this version.",
                ..UPGRADE
            }
            UpgradePerHour upgrade_per_hour: Setting<u32> = pick(COUNT, UpgradeLimits::default().per_hour) {
                path: "upgrade.per_hour",
                variable: "ONEWORKER_UPGRADE_PER_HOUR",
                flag: "--upgrade-per-hour",
                help: "The most hand-overs in an hour",
                more: "At most 500.",
                ..UPGRADE_LIMIT
            }
            UpgradeProbation upgrade_probation: Setting<Duration> =
                pick(TIME, UpgradeLimits::default().probation)
            {
                path: "upgrade.probation",
                variable: "ONEWORKER_UPGRADE_PROBATION",
                flag: "--upgrade-probation",
                help: "How long a new version must serve to have stood the test",
                more: "Up to 24h.",
                ..UPGRADE_LIMIT
            }
            UpgradeFailures upgrade_failures: Setting<u32> = pick(COUNT, UpgradeLimits::default().failures) {
                path: "upgrade.failures",
                variable: "ONEWORKER_UPGRADE_FAILURES",
                flag: "--upgrade-failures",
                help: "Failures that a new version may have until then",
                more: "After one more it is not started for a day.",
                ..UPGRADE_LIMIT
            }

            Drain drain: Setting<Duration> = pick(TIME, ServeOptions::default().drain) {
                path: "serve.drain",
                variable: "ONEWORKER_DRAIN",
                flag: "--drain",
                help: "How long requests may take to end",
                more: "It counts from when the worker stops.",
                ..SERVING_TIME
            }
            // A worker that is stuck for so long would be replaced anyway, but only if a session comes.
            Watchdog watchdog: Setting<Duration> = pick(POSITIVE, hang_limit.value, "the hang limit") {
                path: "serve.watchdog",
                variable: "ONEWORKER_WATCHDOG",
                flag: "--watchdog",
                help: "End a worker that is stuck for this long",
                more: "A worker is stuck if its event loop does not turn. More than 0.",
                ..SERVING_TIME
            }
            IdleTimeout idle_timeout: Setting<Duration> =
                pick(IDLE, layers.idle_timeout()?, "30m; with a command: 0")
            {
                path: "serve.idle_timeout",
                variable: "ONEWORKER_IDLE_TIMEOUT",
                flag: "--idle-timeout",
                help: "Leave when not needed for this long",
                more: "At least 1s. 0: never.",
                ..SERVING_TIME
            }

            Database database: Setting<PathBuf> = pick(
                FILE, state_dir.value.join(coordinator::layout::WORKER_DB), "worker.db in the state directory"
            ) {
                path: "store.database",
                variable: "ONEWORKER_DATABASE",
                flag: "--database",
                help: "The file for the data, an absolute path",
                more: "",
                ..DATA
            }
            KeepFor keep_for: Setting<Duration> = pick(TIME, ServeOptions::default().keep_for, "0") {
                path: "store.keep_for",
                variable: "ONEWORKER_KEEP_FOR",
                flag: "--keep-for",
                help: "Drop what is older than this",
                more: "0: never.",
                ..DATA
            }
            KeepBytes keep_bytes: Setting<u64> = pick(BYTES, ServeOptions::default().keep_bytes) {
                path: "store.keep_bytes",
                variable: "ONEWORKER_KEEP_BYTES",
                flag: "--keep-bytes",
                help: "The most bytes of data",
                more: "When the database is larger, the oldest observations are dropped. 0: never.",
                ..DATA
            }
            /// Whether a commit waits for the disk.
            Synchronous synchronous: Setting<bool> = pick(SYNCHRONOUS, ServeOptions::default().synced) {
                path: "store.synchronous",
                variable: "ONEWORKER_SYNCHRONOUS",
                flag: "--synchronous",
                help: "Whether commits are synced",
                more: "`full`: what was answered survives a power failure. `normal`: faster, and it survives all else.",
                ..DATA
            }

            LogMaxBytes log_max_bytes: Setting<u64> =
                pick(BYTES, ServeOptions::default().log_max_bytes, "5MiB")
            {
                path: "serve.log_max_bytes",
                variable: "ONEWORKER_LOG_MAX_BYTES",
                flag: "--log-max-bytes",
                help: "Rotate the log when it is larger than this",
                more: "",
                ..LOG
            }
            LogKeep log_keep: Setting<u32> = pick(COUNT, ServeOptions::default().log_keep) {
                path: "serve.log_keep",
                variable: "ONEWORKER_LOG_KEEP",
                flag: "--log-keep",
                help: "The number of rotated logs to keep",
                more: "",
                ..LOG
            }
            LogLevel log_level: Setting<LogLevel> = pick(LEVEL, LogLevel::default()) {
                path: "serve.log_level",
                variable: "ONEWORKER_LOG",
                flag: "--log-level",
                help: "Log what is at least this important",
                more: "One of error, warn, info and debug.",
                ..LOG
            }

            /// What is started in the worker's place and beside it.
            Plan plan: Setting<Plan> = plan(PLAN, Plan::default()) {
                path: "worker",
                variable: "ONEWORKER_PLAN",
                flag: "--plan",
                scope: Scope::Both,
                help: "The command and its helpers, as JSON",
                more: "What is started in the worker's place and beside it. In the file these are the tables [worker] \
                       and [[helper]].",
                ..SERVING
            }
            /// Which processes look like the worker's program.
            Strays strays: Setting<Strays> = pick(STRAYS, Strays::default()) {
                path: "strays",
                variable: "ONEWORKER_STRAYS",
                flag: "--strays",
                group: Group::Strays,
                scope: Scope::Session,
                heading: Heading::Processes,
                help: "What strays look like, as JSON",
                more: "Strays are processes that look like the worker's program. In the file this is the table \
                       [strays].",
                ..IDENTITY
            }
            /// Variables that the worker gets, besides those that it always gets: those of all sources.
            EnvPass env_pass: Vec<Setting<String>> = all(VARIABLE, Vec::new(), "") {
                path: "env.pass",
                variable: "ONEWORKER_ENV_PASS",
                flag: "--env",
                group: Group::Passing,
                // A worker passes on its own environment, which it has already.
                scope: Scope::Session,
                help: "Pass this environment variable on",
                more: "A worker that is started gets it, and its command too. Repeat the flag for more variables; in \
                       the variable they are separated by commas.",
                ..IDENTITY
            }
        }
    };
}

pub(super) use with_rows;
