//! Every panic ends the process, in every build profile, with its reason in the log. A worker that
//! survives the panic of a task would keep the lock and the port without that task.

/// Makes every panic end this process. For processes that are nothing but a worker.
pub(crate) fn end_process_on_panic() {
    std::panic::set_hook(Box::new(|panic| {
        // The lines of the default hook, but without the locks and buffers of the standard streams.
        let backtrace = std::backtrace::Backtrace::capture();
        let mut words = format!("{panic}; this process ends now, so that a successor can take office");
        if backtrace.status() == std::backtrace::BacktraceStatus::Captured {
            words = format!("{words}\n{backtrace}");
        }
        crate::stderr::last_words(&words);
        std::process::abort()
    }));
}
