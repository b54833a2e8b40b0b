//! Election and tenure locks. See `docs/protocol.md` for why these locks and no others.

#[cfg_attr(unix, path = "unix.rs")]
#[cfg_attr(windows, path = "windows.rs")]
mod imp;

pub(super) use imp::locks;
