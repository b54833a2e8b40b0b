//! What is written down is what is.

use coordinator::layout;

use super::{Case, Finding};

pub(super) fn examine(case: &Case<'_>) -> Vec<Finding> {
    let sight = match &case.sight {
        Ok(sight) => sight,
        Err(error) => {
            let help = format!("{} may say more.", case.words.command("status"));
            return vec![Finding::problem(format!("it can't be told who is in office: {error}"), help)];
        }
    };
    let mut findings = Vec::new();
    let path = case.dir.join(layout::RECORD);
    if sight.record.is_none() && path.exists() {
        let help = if sight.in_office {
            "The worker writes it again within two seconds; if not, restart it."
        } else {
            "The next worker writes it again."
        };
        findings.push(Finding::warning(format!("{} can't be read", path.display()), help));
    }
    if sight.in_office && sight.record.is_some() && case.office().is_none() {
        let holder = sight.holder.map(|pid| pid.to_string()).unwrap_or_default();
        let help =
            format!("{} ends the one in office, and starts another.", case.words.command("restart --force"));
        findings.push(Finding::problem(
            format!("{} is not of process {holder}, which is in office", path.display()),
            help,
        ));
    }
    if sight.in_office && sight.health.is_none() && sight.trouble.is_some() {
        let trouble = sight.trouble.clone().unwrap_or_default();
        let help = format!("{} ends it, and starts another.", case.words.command("restart --force"));
        findings
            .push(Finding::problem(format!("the worker in office does not prove itself: {trouble}"), help));
    }
    findings
}
