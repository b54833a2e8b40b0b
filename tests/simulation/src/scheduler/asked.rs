//! Schedules that somebody else decides on: what he may choose from, and what makes two states the same.

use std::sync::atomic::Ordering;

use super::{Simulation, Slot};
use crate::kernel::processes::{Key, Role};
use crate::kernel::{Kernel, mix};
use crate::schedule::{Schedule, Step};

impl Simulation {
    /// Asks which of the steps that are possible is made. Where nobody can go on, that time passes is one of them.
    pub(super) fn ask(&mut self, able: &[usize]) -> Option<Step> {
        // First of all whoever went on last: everything else is a preemption.
        let mut order: Vec<usize> = able.to_vec();
        order.sort_by_key(|task| (self.tasks[*task].id != self.last, self.tasks[*task].id));
        let goes_on = order.first().is_some_and(|task| self.tasks[*task].id == self.last);
        // What nobody else can notice comes first: it makes no difference whether it comes before or after what others do.
        let unnoticed = able.iter().copied().find(|task| self.waits == 0 && self.is_unnoticed(*task));
        if let Some(unnoticed) = unnoticed {
            order = vec![unnoticed];
        } else if goes_on && self.preemptions == Some(0) {
            order.truncate(1);
        }
        let mut options: Vec<Step> =
            order.iter().map(|task| Step::Run(self.tasks[*task].key, *task)).collect();
        if able.is_empty() || (self.waits > 0 && self.shared.kernel().next_timer().is_some()) {
            options.push(Step::Wait);
        }
        if self.kills > 0 && !(able.is_empty() && self.sessions_are_over()) {
            options.extend(self.shared.kernel().mortals().map(Step::Kill));
        }
        let step = match options[..] {
            [only] => only,
            _ => self.decide(&options, goes_on)?,
        };
        match step {
            Step::Run(_, task) => {
                self.unnoticed = unnoticed.is_some();
                if goes_on && unnoticed.is_none() && self.tasks[task].id != self.last {
                    self.preemptions = self.preemptions.map(|left| left - 1);
                }
            }
            Step::Kill(_) => self.kills -= 1,
            Step::Wait if able.is_empty() => {}
            Step::Wait => self.waits -= 1,
        }
        Some(step)
    }

    fn decide(&mut self, options: &[Step], goes_on: bool) -> Option<Step> {
        let (tasks, last) = (&self.tasks, self.last);
        let (kills, waits, preemptions) = (self.kills, self.waits, self.preemptions);
        let kernel = self.shared.kernel();
        let digest = || {
            let budget = mix(kernel.digest() ^ (u64::from(kills) << 32) ^ u64::from(waits));
            let (digest, last) = digest_tasks(tasks, &kernel, last);
            let digest = mix(budget ^ digest);
            // Who went on last is part of the state only if it costs something not to let him.
            preemptions
                .map_or(digest, |left| mix(digest ^ (u64::from(left) << 40) ^ if goes_on { last } else { 0 }))
        };
        let Schedule::Asked(ask) = &mut self.schedule else { return None };
        ask(options, &digest).map(|chosen| options[chosen])
    }

    /// Whether a task's next step concerns nobody but its own process. Asked only of processes with a single task that can do anything: of
    /// a session, and of a worker before it listens, when nobody can ask it anything.
    fn is_unnoticed(&self, task: usize) -> bool {
        let kernel = self.shared.kernel();
        let slot = &self.tasks[task];
        kernel.ports.of(slot.key).is_none() && kernel.unnoticed.get(&slot.id).copied().unwrap_or(true)
    }
}

impl Kernel {
    /// Who can be killed.
    fn mortals(&self) -> impl Iterator<Item = Key> {
        let mortal = |key: &Key| self.process(*key).alive() && self.process(*key).role != Role::Stranger;
        (0..self.processes.len()).filter_map(|n| u32::try_from(n).ok()).map(Key).filter(mortal)
    }
}

/// A digest of what the tasks know and of who can go on, and what the task of this number is in it. Numbers of tasks have no part in it, since
/// what they are depends on the order of what makes no difference; of those of a process that wait, the order in which they began to has,
/// since they may wait for one another.
fn digest_tasks(tasks: &[Slot], kernel: &Kernel, last: u64) -> (u64, u64) {
    let knows = |slot: &Slot| {
        let told = kernel.told.get(&slot.id).copied().unwrap_or_default();
        mix(u64::from(slot.key.0) ^ mix(told))
    };
    let mut waiting: Vec<&Slot> = Vec::new();
    let mut digest = 0_u64;
    for slot in tasks {
        if slot.flag.0.load(Ordering::Relaxed) {
            digest = digest.wrapping_add(mix(knows(slot)));
        } else {
            waiting.push(slot);
        }
    }
    waiting.sort_by_key(|slot| (slot.key, slot.stepped));
    let digest = waiting.into_iter().fold(digest, |digest, slot| mix(digest ^ knows(slot)));
    (digest, tasks.iter().find(|slot| slot.id == last).map_or(0, knows))
}
