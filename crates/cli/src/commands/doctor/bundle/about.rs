//! Where the bundle was made: versions, kernel, limits, and what lies in the state directory.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use serde_json::{Value, json};
use sysinfo::System;

/// All of it. `left_out` says of each file that could not be read why.
pub(super) fn about(state_dir: &Path, left_out: &[(String, String)]) -> Value {
    let left_out: Vec<Value> =
        left_out.iter().map(|(name, why)| json!({ "name": name, "why": why })).collect();
    json!({
        "schema": crate::output::SCHEMA,
        "version": crate::version::of_this_program(),
        "made_at": humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
        "system": System::long_os_version(),
        "kernel": System::kernel_version(),
        "machine": System::cpu_arch(),
        "limits": limits(),
        "state_dir": { "path": state_dir.to_string_lossy(), "entries": entries(state_dir) },
        "left_out": left_out,
    })
}

/// The names, sizes and rights; of no file what is in it.
fn entries(dir: &Path) -> Vec<Value> {
    let mut found: Vec<(String, Value)> = fs::read_dir(dir)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            let about = entry.path().symlink_metadata().ok()?;
            let kind = match about.file_type() {
                kind if kind.is_dir() => "directory",
                kind if kind.is_file() => "file",
                kind if kind.is_symlink() => "link",
                _ => "other",
            };
            Some((
                name.clone(),
                json!({ "name": name, "kind": kind, "bytes": about.len(), "mode": mode(&about) }),
            ))
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found.into_iter().map(|(_, entry)| entry).collect()
}

#[cfg(unix)]
fn mode(about: &fs::Metadata) -> Option<String> {
    use std::os::unix::fs::PermissionsExt;
    Some(format!("{:o}", about.permissions().mode() & 0o7777))
}

#[cfg(not(unix))]
fn mode(_: &fs::Metadata) -> Option<String> {
    None
}

/// Those of this process, which a worker inherits; `null` is without limit.
#[cfg(unix)]
fn limits() -> Value {
    use rustix::process::{Resource, getrlimit};
    let of = |resource| {
        let limit = getrlimit(resource);
        json!({ "soft": limit.current, "hard": limit.maximum })
    };
    json!({
        "open_files": of(Resource::Nofile),
        "processes": of(Resource::Nproc),
        "file_bytes": of(Resource::Fsize),
        "address_space_bytes": of(Resource::As),
        "core_bytes": of(Resource::Core),
        "cpu_seconds": of(Resource::Cpu),
    })
}

#[cfg(not(unix))]
fn limits() -> Value {
    Value::Null
}
