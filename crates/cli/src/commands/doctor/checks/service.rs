//! A service that was written down for this identity runs a program that is there.

use super::{Case, Finding};
use crate::installs;
use crate::service::{Manager, Service};

pub(super) fn examine(case: &Case<'_>) -> Vec<Finding> {
    let (kind, name) = (Manager::here(), case.settings.name.value.as_str());
    let Some(path) = Service::named(name).path(kind, &|variable| std::env::var_os(variable)) else {
        return Vec::new();
    };
    let Some(program) = std::fs::read_to_string(&path).ok().and_then(|text| Service::program(kind, &text))
    else {
        return Vec::new();
    };
    if installs::is_program(&program) {
        return Vec::new();
    }
    let message = format!("the service {} runs {}, which is not there", path.display(), program.display());
    let help = format!("{} writes it again, with this program.", case.words.command("service install"));
    vec![Finding::problem(message, help)]
}
