//! What a power failure does to one that was not synced.

use crate::Dice;

/// How a power failure goes: nothing may come through, or everything, or some.
#[derive(Debug)]
pub(crate) struct Luck {
    /// Of 16 changes so many are kept, and so many torn.
    kept: u64,
    torn: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Kept,
    Torn,
    Lost,
}

impl Luck {
    pub(crate) fn new(dice: &mut Dice) -> Self {
        let (kept, torn) = match dice.below(6) {
            0 => (0, 0),
            1 => (16, 0),
            2 => (2, 4),
            3 => (12, 2),
            _ => (6, 5),
        };
        Self { kept, torn }
    }

    pub(crate) fn fate(&self, dice: &mut Dice) -> Fate {
        match dice.below(16) {
            n if n < self.kept => Fate::Kept,
            n if n < self.kept + self.torn => Fate::Torn,
            _ => Fate::Lost,
        }
    }
}
