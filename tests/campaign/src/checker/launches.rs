//! Nobody launches a worker beside one that is in office: between its election and its launch, a session looks at the tenure lock.

use super::{Round, Tenure, Violation};
use crate::plan::Fault;

pub(super) fn check(round: &Round, violations: &mut Vec<Violation>) {
    for &(session, launched) in &round.launches {
        let elections = round.elections.get(&session).into_iter().flatten();
        let Some(&elected) = elections.filter(|at| **at <= launched).max() else { continue };
        // All the while, so it was in office at the look, too.
        let beside = |tenure: &&Tenure| {
            tenure.taken < elected && tenure.held_until > launched && !was_replaced(round, tenure)
        };
        if let Some(tenure) = round.tenures.iter().find(beside) {
            violations.push(Violation {
                kind: "a launch beside a worker in office",
                what: format!(
                    "session {session} was elected {} us after process {} had taken office, and launched another",
                    (elected - tenure.taken) / 1000,
                    tenure.pid
                ),
                at: launched,
            });
        }
    }
}

/// Whether the worker's directory was, or may have been, taken away: then the session looked at another.
fn was_replaced(round: &Round, tenure: &Tenure) -> bool {
    round
        .harms
        .iter()
        .filter(|harm| matches!(harm.fault, Fault::ReplaceDirectory { .. }))
        .any(|harm| harm.gone.is_none_or(|gone| tenure.dir.is_none_or(|dir| dir == gone)))
}
