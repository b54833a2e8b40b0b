//! Who decides what comes next: chance, or somebody who is asked.

use crate::kernel::mix;
use crate::kernel::processes::Key;

/// What the scheduler can do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Lets a task of this process go on; the second number tells its tasks apart.
    Run(Key, usize),
    /// Kills this process.
    Kill(Key),
    /// Lets time pass.
    Wait,
}

/// Is shown the steps that are possible, and says which is taken; `None` ends the run. He may ask for a digest of the state.
pub type Chooser = dyn FnMut(&[Step], &dyn Fn() -> u64) -> Option<usize> + Send;

/// Who decides between the steps that are possible.
pub enum Schedule {
    /// Chance, from a seed.
    Random(Dice),
    /// Somebody who is asked each time there is a choice.
    Asked(Box<Chooser>),
}

/// Repeatable chance, and how it is used.
#[derive(Clone, Debug)]
pub struct Dice {
    state: u64,
    manner: Manner,
}

#[derive(Clone, Copy, Debug)]
enum Manner {
    /// Everybody is as likely.
    Fair,
    /// Whoever went on last goes on, but for one time in so many.
    Sticky(u64),
    /// Tasks have priorities, which change now and then (Burckhardt and others, "A Randomized Scheduler with Probabilistic Guarantees
    /// of Finding Bugs", 2010).
    Priorities,
}

impl Dice {
    /// Dice that fall the same way for the same seed.
    pub fn new(seed: u64) -> Self {
        let manner = match mix(seed) % 4 {
            0 | 1 => Manner::Fair,
            2 => Manner::Sticky(2 + mix(seed ^ 1) % 30),
            _ => Manner::Priorities,
        };
        Self { state: mix(seed ^ 0xd1ce), manner }
    }

    pub(crate) fn roll(&mut self) -> u64 {
        self.state = self.state.wrapping_add(1);
        mix(self.state)
    }

    /// One of those that can go on; `id` names a task for as long as it lives, and `last` is the one that went on last.
    pub(crate) fn pick(&mut self, able: &[usize], id: impl Fn(usize) -> u64, last: u64) -> usize {
        if let [only] = able {
            return *only;
        }
        let roll = self.roll();
        let fair = able[(roll % able.len() as u64) as usize];
        match self.manner {
            Manner::Fair => fair,
            Manner::Sticky(n) if !(roll >> 32).is_multiple_of(n) => {
                able.iter().copied().find(|task| id(*task) == last).unwrap_or(fair)
            }
            Manner::Sticky(_) => fair,
            Manner::Priorities => {
                let era = self.state / 64;
                able.iter().copied().max_by_key(|task| mix(id(*task) ^ era)).unwrap_or(fair)
            }
        }
    }
}
