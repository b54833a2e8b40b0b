//! Schedules that somebody else decides on: what he may choose from, and what makes two states the same.

use std::cell::Cell;
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
        // What nobody else can notice comes first, and nobody dies before it.
        let unnoticed = able.iter().copied().find(|task| self.reduced && self.is_unnoticed(*task));
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
        if self.kills > 0 && unnoticed.is_none() && !(able.is_empty() && self.sessions_are_over()) {
            let may_die = |key: &Key| self.may_die.is_none_or(|only| only == *key);
            options.extend(self.shared.kernel().mortals().filter(may_die).map(Step::Kill));
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
        if !matches!(step, Step::Run(..)) {
            self.may_die = None;
        }
        Some(step)
    }

    fn decide(&mut self, options: &[Step], goes_on: bool) -> Option<Step> {
        let (tasks, last) = (&self.tasks, self.last);
        let (kills, waits, preemptions) = (self.kills, self.waits, self.preemptions);
        let kernel = self.shared.kernel();
        let asked = Cell::new(false);
        let digest = || {
            asked.set(true);
            let budget = mix(kernel.digest() ^ (u64::from(kills) << 32) ^ u64::from(waits));
            let (digest, last) = digest_tasks(tasks, &kernel, last);
            let digest = mix(budget ^ digest);
            // Who went on last is part of the state only if it costs something not to let him.
            preemptions
                .map_or(digest, |left| mix(digest ^ (u64::from(left) << 40) ^ if goes_on { last } else { 0 }))
        };
        let Schedule::Asked(ask) = &mut self.schedule else { return None };
        let chosen = ask(options, &digest);
        drop(kernel);
        self.on_new_ground |= asked.get();
        chosen.map(|chosen| options[chosen])
    }

    /// Whether it makes no difference if a task's next step comes before or after what other processes do, up to their deaths and its own: it is
    /// not noticed by them, and while it is due they can't set another task of its process going.
    fn is_unnoticed(&self, task: usize) -> bool {
        let kernel = self.shared.kernel();
        let slot = &self.tasks[task];
        // The first step of a task comes before its first call.
        slot.stepped == 0
            || self.goes_on_alone(&kernel, slot)
                && (kernel.announced.get(&slot.id))
                    .map_or_else(|| kernel.wakes_unnoticed(slot.key), |announced| announced.unnoticed)
    }

    /// Whether no other task of the same process can go on until this one has: none can now, and a question would set none going.
    fn goes_on_alone(&self, kernel: &Kernel, slot: &Slot) -> bool {
        let able = |other: &&Slot| other.key == slot.key && other.flag.0.load(Ordering::Relaxed);
        let unasked = !kernel.ports.published || kernel.process(slot.key).await_question.is_empty();
        unasked && self.tasks.iter().filter(able).count() == 1
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
