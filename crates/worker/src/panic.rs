//! A worker that panics in one of its tasks and lives on is the half-dead daemon of so many bug reports: it has the lock and the port, but
//! not the part that panicked. So every panic ends the process, in every build profile, with its reason in the log.

/// Makes every panic of this process end it. For processes that are nothing but a worker.
pub(crate) fn end_process_on_panic() {
    std::panic::set_hook(Box::new(|panic| {
        // The default hook's lines, but past the locks and buffers of the standard streams.
        let backtrace = std::backtrace::Backtrace::capture();
        let mut words = format!("{panic}; this process ends now, so that a successor can take office");
        if backtrace.status() == std::backtrace::BacktraceStatus::Captured {
            words = format!("{words}\n{backtrace}");
        }
        crate::stderr::last_words(&words);
        std::process::abort()
    }));
}
