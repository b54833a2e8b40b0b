//! What is written down is what is.

use coordinator::machine::Pid;
use coordinator::notes::Writer;
use coordinator::record::{READ_LIMIT, WorkerState};
use coordinator::{PortChoice, layout};

use super::notes::contents;
use super::{Case, Finding};
use crate::commands::doctor::repair::Repair;

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
    let shown = path.display();
    if sight.record.is_none()
        && let Some(found) = contents(&path, READ_LIMIT)
    {
        let help = if sight.in_office {
            "The worker writes it again within two seconds; if not, restart it."
        } else {
            "The next worker writes it again."
        };
        let repair = Repair::Note { name: layout::RECORD, found, writer: Writer::InOffice };
        let finding = Finding::warning(format!("{shown} can't be read as a record"), help);
        findings.push(finding.mended_by((!sight.in_office).then_some(repair)));
    }
    if let Some(record) = sight.record.as_ref().filter(|record| record.name != case.settings.name.value) {
        let help = "One directory is one identity: name the other one with --name, or another directory with --state-dir.";
        let message = format!(
            "{shown} is of the identity {:?}, and not of {:?}",
            record.name.as_str(),
            case.settings.name.value.as_str()
        );
        findings.push(Finding::problem(message, help));
    }
    if !sight.in_office
        && let Some(record) = sight.record.as_ref().filter(|record| record.state != WorkerState::Stopped)
    {
        let message = format!(
            "{shown} says {:?} of process {}, and nobody is in office: that worker crashed, or was killed",
            record.state, record.process.pid
        );
        let help = format!(
            "The next worker writes it again. {} tells what happened.",
            case.words.command("explain --last")
        );
        findings.push(Finding::warning(message, help));
    }
    if sight.in_office && sight.record.is_some() && case.office().is_none() {
        let holder = sight.holder.map(|Pid(pid)| format!(" {pid}")).unwrap_or_default();
        let help =
            format!("{} ends the one in office, and starts another.", case.words.command("restart --force"));
        findings
            .push(Finding::problem(format!("{shown} is not of process{holder}, which is in office"), help));
    }
    if sight.in_office && sight.health.is_none() && sight.trouble.is_some() {
        let trouble = sight.trouble.clone().unwrap_or_default();
        let help = format!("{} ends it, and starts another.", case.words.command("restart --force"));
        findings
            .push(Finding::problem(format!("the worker in office does not prove itself: {trouble}"), help));
    }
    findings.extend(other_port(case));
    findings
}

/// The worker serves at another port than sessions ask for.
fn other_port(case: &Case<'_>) -> Option<Finding> {
    let PortChoice::Fixed(asked) = case.settings.port.value else { return None };
    let record = case.office()?;
    let address = record.service.map(|service| service.address).or(record.address)?;
    (address.port() != asked.get()).then(|| {
        let message = format!(
            "the worker in office serves at port {}, and port {} is what is asked for ({})",
            address.port(),
            asked.get(),
            case.settings.port.source
        );
        let help = format!(
            "{} starts one at the other port; sessions find this one as well.",
            case.words.command("restart")
        );
        Finding::warning(message, help)
    })
}
