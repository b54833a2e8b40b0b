//! What sessions were told: a worker in office that proved itself during the call, and epochs that only grow.

use super::{Call, Round, Tenure, Violation};
use crate::plan::Fault;

pub(super) fn check(round: &Round, violations: &mut Vec<Violation>) {
    let mut named = Vec::new();
    for (call, worker, epoch) in round.named() {
        let during = |tenure: &&Tenure| {
            tenure.pid == worker && tenure.taken <= call.ended && tenure.over >= call.begun
        };
        let Some(tenure) = round.tenures.iter().rfind(during) else {
            violations.push(violation(
                "not in office",
                call,
                format!("names process {worker}, epoch {epoch}, which held no office during the call"),
            ));
            continue;
        };
        check_proof(round, call, tenure, violations);
        named.push(Named { call, tenure, epoch });
    }
    check_epochs(round, &named, violations);
}

struct Named<'a> {
    call: &'a Call,
    tenure: &'a Tenure,
    epoch: u64,
}

/// Each answer rests on a proof that was given during the call, while the worker's directory was the one at the path.
fn check_proof(round: &Round, call: &Call, tenure: &Tenure, violations: &mut Vec<Violation>) {
    let empty = Vec::new();
    let proofs = round.proofs.get(&tenure.pid).unwrap_or(&empty);
    let mut during = proofs.iter().filter(|at| (call.begun..=call.ended).contains(at)).peekable();
    if during.peek().is_none() {
        let what = format!("names process {}, which was not asked during the call", tenure.pid);
        violations.push(violation("unproven", call, what));
        return;
    }
    let gone = round
        .harms
        .iter()
        .filter(|harm| matches!(harm.fault, Fault::ReplaceDirectory { .. }))
        .filter(|harm| harm.gone.is_some() && harm.gone == tenure.dir)
        .map(|harm| harm.to)
        .min();
    if let Some(gone) = gone
        && during.all(|at| *at > gone)
    {
        let what = format!("names process {}, whose directory was no longer at the path", tenure.pid);
        violations.push(violation("superseded", call, what));
    }
}

fn check_epochs(round: &Round, named: &[Named<'_>], violations: &mut Vec<Violation>) {
    for (index, a) in named.iter().enumerate() {
        for b in &named[index + 1..] {
            let (a, b) = if a.tenure.taken <= b.tenure.taken { (a, b) } else { (b, a) };
            if a.tenure == b.tenure {
                if a.epoch != b.epoch {
                    let what = format!(
                        "calls {} and {} were told epochs {} and {} of process {}",
                        a.call.number, b.call.number, a.epoch, b.epoch, a.tenure.pid
                    );
                    violations.push(violation("one tenure, two epochs", b.call, what));
                }
                continue;
            }
            let one_line = a.tenure.dir.is_none_or(|a| b.tenure.dir.is_none_or(|b| a == b));
            if !one_line || round.line_may_begin(a.tenure.taken, b.call.ended) {
                continue;
            }
            if a.epoch == b.epoch {
                let what = format!("epoch {} of processes {} and {}", a.epoch, a.tenure.pid, b.tenure.pid);
                violations.push(violation("one epoch, two workers", b.call, what));
            } else if a.epoch > b.epoch {
                let what = format!(
                    "process {} had epoch {}, and process {} after it {}",
                    a.tenure.pid, a.epoch, b.tenure.pid, b.epoch
                );
                violations.push(violation("an epoch went back", b.call, what));
            }
        }
    }
    check_order(round, named, violations);
}

/// Of two calls, one after the other, the second is not told of an earlier worker.
fn check_order(round: &Round, named: &[Named<'_>], violations: &mut Vec<Violation>) {
    for a in named {
        for b in named {
            let after = a.call.ended < b.call.begun;
            let same_dir = a.tenure.dir.is_some() && a.tenure.dir == b.tenure.dir;
            let begun = a.tenure.taken.min(b.tenure.taken);
            if after && same_dir && b.epoch < a.epoch && !round.line_may_begin(begun, b.call.ended) {
                let what =
                    format!("told epoch {} after call {} was told {}", b.epoch, a.call.number, a.epoch);
                violations.push(violation("an answer went back", b.call, what));
            }
        }
    }
}

fn violation(kind: &'static str, call: &Call, what: String) -> Violation {
    Violation { kind, what: format!("call {} ({}): {what}", call.number, call.command), at: call.ended }
}
