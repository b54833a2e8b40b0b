//! Reports of a starting worker, as they arrive in pieces.

use oneworker_protocol::machine::WorkerReport;

/// The longest line that a worker may report.
const MAX_REPORT: usize = 16 * 1024;

/// What a worker has said over its readiness channel, as far as it was not yet understood.
#[derive(Default)]
pub(super) struct Spoken(pub(super) Vec<u8>);

impl Spoken {
    /// The next report. A line that is none comes from a program that does not know what this channel is for, and is passed over.
    pub(super) fn next_report(&mut self) -> Option<WorkerReport> {
        while let Some(end) = self.0.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.0.drain(..=end).collect();
            if let Ok(report) = serde_json::from_slice(&line) {
                return Some(report);
            }
        }
        None
    }

    /// Whether the line that has begun can't become a report any more.
    pub(super) fn is_babble(&self) -> bool {
        self.0.len() > MAX_REPORT
    }
}

/// What is understood of a channel's bytes, read in these pieces: for tests that have no process at hand.
#[doc(hidden)]
pub fn reports_in<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<WorkerReport> {
    let (mut spoken, mut reports) = (Spoken::default(), Vec::new());
    for piece in pieces {
        spoken.0.extend_from_slice(piece);
        if spoken.is_babble() {
            break;
        }
        reports.extend(std::iter::from_fn(|| spoken.next_report()));
    }
    reports
}

#[cfg(test)]
mod tests {
    use oneworker_protocol::Epoch;

    use super::*;

    #[test]
    fn a_report_is_found_between_lines_that_are_none() {
        let mut spoken = Spoken(
            b"Listening on 8080\n{}\n{\"event\":\"ready\",\"epoch\":7,\"new\":1}\n{\"event\"".to_vec(),
        );
        assert_eq!(spoken.next_report(), Some(WorkerReport::Ready { epoch: Epoch(7) }));
        assert_eq!(spoken.next_report(), None);
        assert_eq!(spoken.0, b"{\"event\"", "half a line waits for its other half");
        assert!(!spoken.is_babble());
        spoken.0.resize(MAX_REPORT + 1, b'x');
        assert!(spoken.is_babble());
    }
}
