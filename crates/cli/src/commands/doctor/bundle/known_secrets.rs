//! The secrets that are known: they are removed wherever they stand.

use std::path::{Path, PathBuf};

use coordinator::{default_state_dir, layout};
use serde_json::Value;

use super::gather::end_of;
use super::secrets::{Secrets, is_secret_name};
use crate::request::Request;

/// Those that are known: keys of this identity, and values of variables that have a secret's name or are handed on.
pub(super) fn known_secrets(request: &Request) -> Secrets {
    let mut secrets = Secrets::default();
    let dir = request.ensure.id().state_dir();
    for name in [layout::TOKEN, layout::PROOF_KEY] {
        let Ok(text) = end_of(&dir.join(name)) else { continue };
        if let Ok(value) = serde_json::from_str::<Value>(&text) {
            texts(&value, &mut |text| secrets.know(text));
        }
        text.lines().for_each(|line| secrets.know(line));
    }
    let passed: Vec<&str> = request.settings.env_pass.iter().map(|name| name.value.as_str()).collect();
    let plan = &request.settings.plan.value;
    let parts = || plan.command.iter().chain(&plan.helpers);
    for (name, value) in std::env::vars_os() {
        let name = name.to_string_lossy();
        let handed_on =
            passed.contains(&&*name) || parts().any(|part| part.env.pass.iter().any(|known| *known == *name));
        if handed_on || is_secret_name(&name) {
            secrets.know(&value.to_string_lossy());
        }
    }
    parts().flat_map(|part| part.env.set.values()).for_each(|value| secrets.know(value));
    let homes =
        [std::env::var_os("HOME").map(Into::into), std::env::home_dir(), home_of_the_default(request)];
    homes.into_iter().flatten().for_each(|home| secrets.at_home_in(&home.to_string_lossy()));
    secrets
}

/// The home that the password database names, by where a state directory is without anything said.
fn home_of_the_default(request: &Request) -> Option<PathBuf> {
    let default = default_state_dir(&request.settings.name.value).ok()?;
    let below = [".local", "state", "oneworker", request.settings.name.value.as_str()];
    default
        .ends_with(below.iter().collect::<PathBuf>())
        .then(|| default.ancestors().nth(4).map(Path::to_owned))?
}

fn texts(value: &Value, know: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => know(text),
        Value::Array(items) => items.iter().for_each(|item| texts(item, know)),
        Value::Object(map) => map.values().for_each(|value| texts(value, know)),
        _ => {}
    }
}
