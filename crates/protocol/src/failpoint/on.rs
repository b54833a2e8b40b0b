use std::sync::OnceLock;

static HOOK: OnceLock<fn(&str)> = OnceLock::new();

/// Has `hook` called at every point, with its name. The first hook stays.
pub fn install(hook: fn(&str)) {
    let _ = HOOK.set(hook);
}

/// This point was reached.
pub fn hit(name: &str) {
    if let Some(hook) = HOOK.get() {
        hook(name);
    }
}
