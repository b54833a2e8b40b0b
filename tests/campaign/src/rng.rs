//! Seeded random numbers.

use std::ops::Range;

/// A seeded source of random numbers (SplitMix64, Steele, Lea and Flood 2014): the same seed gives the same plan on every machine.
pub struct Rng(u64);

impl Rng {
    /// From a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// One of the range, which must not be empty.
    pub fn within(&mut self, range: Range<u64>) -> u64 {
        range.start + self.draw() % (range.end - range.start)
    }

    /// True so many times in a hundred.
    pub fn percent(&mut self, chance: u64) -> bool {
        self.within(0..100) < chance
    }

    /// One of these.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.draw() as usize % of.len()]
    }
}

/// The seed of a round: round 0 has the campaign's own, so that `--seed S --rounds 1` repeats a round.
pub fn round_seed(base: u64, round: u64) -> u64 {
    if round == 0 { base } else { Rng::new(base ^ round.wrapping_mul(0x2545_f491_4f6c_dd1d)).draw() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_and_round_zero_is_the_campaigns_own() {
        let draw = |seed| {
            let mut rng = Rng::new(seed);
            (0..10).map(|_| rng.draw()).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        assert_eq!(round_seed(7, 0), 7);
        assert_ne!(round_seed(7, 1), round_seed(7, 2));
    }
}
