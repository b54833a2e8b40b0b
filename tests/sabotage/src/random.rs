//! Random bytes that are none.

use std::io;
use std::sync::Arc;

use oneworker_protocol::machine::Random;

use crate::Sabotage;
use crate::switch::on;

/// As many bytes as a challenge has. Secrets are longer.
const CHALLENGE_BYTES: usize = 16;

pub(crate) struct Sabotaged(pub(crate) Arc<dyn Random>);

impl Random for Sabotaged {
    fn fill(&self, bytes: &mut [u8]) -> io::Result<()> {
        if bytes.len() == CHALLENGE_BYTES && on(Sabotage::ChallengeReused) {
            bytes.fill(0);
            return Ok(());
        }
        self.0.fill(bytes)
    }
}
