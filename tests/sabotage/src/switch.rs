//! What is switched on: on this thread by [`switch_on`], which is how a simulated machine is told, and
//! in the whole process by [`VARIABLE`](crate::VARIABLE).

#![allow(clippy::missing_const_for_thread_local, reason = "it is; for Windows, clippy does not see that")]

use std::cell::RefCell;
use std::marker::PhantomData;
use std::sync::OnceLock;

use crate::{Sabotage, VARIABLE};

thread_local! {
    static HERE: RefCell<Vec<Sabotage>> = const { RefCell::new(Vec::new()) };
}

/// Has the product ask this crate what to leave out, and reads [`VARIABLE`]. To be called first thing
/// in `main`.
///
/// # Panics
/// If [`VARIABLE`] names a sabotage that there is not: a test that breaks nothing proves nothing.
pub fn install() {
    everywhere();
    oneworker_protocol::sabotage::install(|kept| on(kept.into()));
}

/// Leaves this protection out on this thread, until the switch is dropped.
pub fn switch_on(sabotage: Sabotage) -> Switch {
    install();
    HERE.with(|here| here.borrow_mut().push(sabotage));
    Switch { sabotage, of_this_thread: PhantomData }
}

/// A sabotage that is on. Dropping it puts the protection back.
#[must_use = "dropping the switch puts the protection back"]
#[derive(Debug)]
pub struct Switch {
    sabotage: Sabotage,
    of_this_thread: PhantomData<*const ()>,
}

impl Drop for Switch {
    fn drop(&mut self) {
        let _ = HERE.try_with(|here| {
            let mut here = here.borrow_mut();
            if let Some(i) = here.iter().position(|on| *on == self.sabotage) {
                here.swap_remove(i);
            }
        });
    }
}

/// Whether this protection is to be left out.
pub(crate) fn on(sabotage: Sabotage) -> bool {
    // A destructor may ask while the thread ends.
    everywhere().contains(&sabotage)
        || HERE.try_with(|here| here.borrow().contains(&sabotage)).unwrap_or_default()
}

/// Whether any protection is to be left out.
pub(crate) fn any_is_on() -> bool {
    !everywhere().is_empty() || HERE.try_with(|here| !here.borrow().is_empty()).unwrap_or_default()
}

fn everywhere() -> &'static [Sabotage] {
    static EVERYWHERE: OnceLock<Vec<Sabotage>> = OnceLock::new();
    EVERYWHERE.get_or_init(|| {
        let text = std::env::var(VARIABLE).unwrap_or_default();
        let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        names.map(|name| name.parse().unwrap_or_else(|unknown| panic!("{VARIABLE}: {unknown}"))).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use oneworker_protocol::sabotage as product;

    #[test]
    fn a_switch_holds_on_its_thread_until_it_is_dropped() {
        assert!(!on(Sabotage::NoHealing) && !any_is_on());
        let outer = switch_on(Sabotage::NoHealing);
        drop(switch_on(Sabotage::NoHealing));
        assert!(on(Sabotage::NoHealing) && !on(Sabotage::BootIgnored));
        assert!(
            product::on(product::Sabotage::NoHealing) && !product::on(product::Sabotage::DeadlineNotKept)
        );
        assert!(!std::thread::spawn(|| on(Sabotage::NoHealing)).join().unwrap());
        drop(outer);
        assert!(!on(Sabotage::NoHealing) && !product::on(product::Sabotage::NoHealing));
    }
}
