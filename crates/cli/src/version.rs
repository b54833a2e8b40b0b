//! Which version of the program this is: what decides who is newer.

/// The version that was built; in test builds, what stands in a file beside the program, if there is one: so a test can have copies of the
/// program in several versions, each at a path of its own.
pub(crate) fn of_this_program() -> &'static str {
    #[cfg(all(oneworker_test, debug_assertions))]
    {
        static BESIDE: std::sync::LazyLock<Option<String>> = std::sync::LazyLock::new(beside_this_program);
        if let Some(version) = &*BESIDE {
            return version;
        }
    }
    env!("CARGO_PKG_VERSION")
}

/// `/path/to/program.version`.
#[cfg(all(oneworker_test, debug_assertions))]
fn beside_this_program() -> Option<String> {
    let mut path = std::env::current_exe().ok()?.into_os_string();
    path.push(".version");
    std::fs::read_to_string(path).ok().map(|version| version.trim().to_owned())
}
