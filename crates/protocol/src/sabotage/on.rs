use std::sync::OnceLock;

use super::Sabotage;

static HOOK: OnceLock<fn(Sabotage) -> bool> = OnceLock::new();

/// Has `hook` asked which protections are to be left out. The first hook stays.
pub fn install(hook: fn(Sabotage) -> bool) {
    let _ = HOOK.set(hook);
}

/// Whether this protection is to be left out.
pub fn on(sabotage: Sabotage) -> bool {
    HOOK.get().is_some_and(|hook| hook(sabotage))
}
