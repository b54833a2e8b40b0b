use std::io;

/// Random bytes for secrets and challenges.
pub trait Random: Send + Sync {
    /// Fills `bytes`. On a real machine with bytes that nobody can guess; a simulated machine gives repeatable ones.
    ///
    /// # Errors
    /// What the system says if it gives none.
    fn fill(&self, bytes: &mut [u8]) -> io::Result<()>;
}
