//! How often, and after which pause, a part is started again.

use std::collections::VecDeque;
use std::time::Duration;

use coordinator::machine::Random;
use tokio::time::Instant;

use super::plan::Restart;

/// The restarts of one part so far.
pub(super) struct Restarts {
    rule: Restart,
    /// When they were, as far as they count.
    past: VecDeque<Instant>,
}

impl Restarts {
    pub(super) fn new(rule: Restart) -> Self {
        Self { rule, past: VecDeque::new() }
    }

    /// The pause before the next one; `None` if there have been too many.
    pub(super) fn next(&mut self, now: Instant, random: &dyn Random) -> Option<Duration> {
        while self.past.front().is_some_and(|first| now.duration_since(*first) > self.rule.within) {
            self.past.pop_front();
        }
        let before = u32::try_from(self.past.len()).unwrap_or(u32::MAX);
        if before >= self.rule.limit {
            return None;
        }
        self.past.push_back(now);
        let factor = 1u32.checked_shl(before).unwrap_or(u32::MAX);
        let pause = self.rule.base.saturating_mul(factor).min(self.rule.max);
        Some(pause + pause.mul_f64(chance(random) / 2.0))
    }
}

/// From 0 to 1. Without random bytes everybody waits equally long, which harms nobody.
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
        let rule = Restart { max: Duration::from_secs(1), limit: 5, ..Restart::default() };
        let (within, random) = (rule.within, coordinator::system::machine().random);
        let mut restarts = Restarts::new(rule);
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
