//! Protections that are left out in the programs of tests (`oneworker-sabotage`).

/// Has the protections of [`oneworker_sabotage::VARIABLE`] left out in this process. To be called first thing in `main`.
///
/// # Panics
/// If the variable names a sabotage that there is not, or if it is set in a build that has no sabotages: one without
/// `--cfg oneworker_test`, or without debug assertions.
pub fn install() {
    #[cfg(all(oneworker_test, debug_assertions))]
    {
        oneworker_sabotage::install();
        coordinator::system::wrap(oneworker_sabotage::sabotaged);
    }
    #[cfg(not(all(oneworker_test, debug_assertions)))]
    assert!(
        std::env::var_os(oneworker_sabotage::VARIABLE).is_none(),
        "{} is set, and this build has no sabotages",
        oneworker_sabotage::VARIABLE
    );
}
