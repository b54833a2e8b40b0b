//! How often a child is restarted, and after which pause.

use std::collections::VecDeque;
use std::time::Duration;

use coordinator::machine::Random;
use tokio::time::Instant;

use crate::plan::RestartPolicy;

/// The restarts of one child so far.
pub(crate) struct Restarts {
    policy: RestartPolicy,
    /// The times of the restarts that count towards the limit.
    past: VecDeque<Instant>,
}

impl Restarts {
    pub(crate) fn new(policy: RestartPolicy) -> Self {
        Self { policy, past: VecDeque::new() }
    }

    /// Returns the pause before the next restart, or `None` if the limit is reached.
    pub(crate) fn next(&mut self, now: Instant, random: &dyn Random) -> Option<Duration> {
        while self.past.front().is_some_and(|first| now.duration_since(*first) > self.policy.within) {
            self.past.pop_front();
        }
        let before = u32::try_from(self.past.len()).unwrap_or(u32::MAX);
        if before >= self.policy.limit {
            return None;
        }
        self.past.push_back(now);
        let factor = 1u32.checked_shl(before).unwrap_or(u32::MAX);
        let pause = self.policy.base.saturating_mul(factor).min(self.policy.max);
        Some(pause + pause.mul_f64(chance(random) / 2.0))
    }
}

/// Returns a number from 0 to 1. Without random bytes all children wait equally long.
fn chance(random: &dyn Random) -> f64 {
    let mut byte = [0];
    let _ = random.fill(&mut byte);
    f64::from(byte[0]) / 255.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_the_longest_and_end_at_the_limit() {
        let policy = RestartPolicy { max: Duration::from_secs(1), limit: 5, ..RestartPolicy::default() };
        let (within, random) = (policy.within, coordinator::system::machine().random);
        let mut restarts = Restarts::new(policy);
        let begun = Instant::now();
        for base in [200, 400, 800, 1000, 1000] {
            let pause = restarts.next(begun, &*random).unwrap();
            let base = Duration::from_millis(base);
            assert!(base <= pause && pause <= base * 3 / 2, "{pause:?}");
        }
        assert_eq!(restarts.next(begun, &*random), None);
        let later = begun + within + Duration::from_millis(1);
        assert!(
            restarts.next(later, &*random).unwrap() <= Duration::from_millis(300),
            "the past is forgotten"
        );
    }
}
