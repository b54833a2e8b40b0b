//! A simulated machine runs on one thread and switches them on there, by [`switch_on`]. Real processes are told by a variable:
//! `ONEWORKER_SABOTAGE="record_believed,no_healing"`.

#![allow(clippy::missing_const_for_thread_local, reason = "it is; for Windows, clippy does not see that")]

use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;
use std::sync::OnceLock;

use super::Sabotage;

/// The variable that switches sabotages on, their names separated by commas. Read once.
pub const VARIABLE: &str = "ONEWORKER_SABOTAGE";

thread_local! {
    static HERE: RefCell<Vec<Sabotage>> = const { RefCell::new(Vec::new()) };
}

/// Whether this protection is to be left out.
///
/// # Panics
/// If [`VARIABLE`] names a sabotage that there is not: a test that breaks nothing proves nothing.
pub fn on(sabotage: Sabotage) -> bool {
    static EVERYWHERE: OnceLock<Vec<Sabotage>> = OnceLock::new();
    let everywhere = EVERYWHERE.get_or_init(|| {
        let text = std::env::var(VARIABLE).unwrap_or_default();
        let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        names.map(|name| name.parse().unwrap_or_else(|unknown| panic!("{VARIABLE}: {unknown}"))).collect()
    });
    // A destructor may ask while the thread ends.
    everywhere.contains(&sabotage)
        || HERE.try_with(|here| here.borrow().contains(&sabotage)).unwrap_or_default()
}

/// Leaves this protection out on this thread, until the switch is dropped.
pub fn switch_on(sabotage: Sabotage) -> Switch {
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

impl fmt::Display for Sabotage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No sabotage has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no sabotage {0:?}")]
pub struct UnknownSabotage(pub String);

impl FromStr for Sabotage {
    type Err = UnknownSabotage;

    fn from_str(name: &str) -> Result<Self, UnknownSabotage> {
        let found = Self::ALL.iter().find(|sabotage| sabotage.name() == name);
        found.copied().ok_or_else(|| UnknownSabotage(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_read_back_and_none_is_given_twice() {
        for (i, sabotage) in Sabotage::ALL.iter().enumerate() {
            assert_eq!(sabotage.name().parse(), Ok(*sabotage));
            assert!(!Sabotage::ALL[..i].contains(sabotage));
        }
        assert!("nothing".parse::<Sabotage>().is_err());
    }

    #[test]
    fn a_switch_holds_on_its_thread_until_it_is_dropped() {
        assert!(!on(Sabotage::NoHealing));
        let outer = switch_on(Sabotage::NoHealing);
        drop(switch_on(Sabotage::NoHealing));
        assert!(on(Sabotage::NoHealing) && !on(Sabotage::BootIgnored));
        assert!(!std::thread::spawn(|| on(Sabotage::NoHealing)).join().unwrap());
        drop(outer);
        assert!(!on(Sabotage::NoHealing));
    }
}
