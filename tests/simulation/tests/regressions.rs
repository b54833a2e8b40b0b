//! What random stories have found in the protocol, each told again in the least words that break it.

#![allow(missing_docs, reason = "the names say it")]

use std::time::Duration;

use coordinator::layout;
use oneworker_simulation::scenario::{Scenario, Visit};
use oneworker_simulation::{Blow, Fault, Havoc, StandardWorker, When, Whom};

fn visit(after: Duration, deadline: Duration) -> Visit {
    Visit { after, deadline, version: 0, protocol: 1, port: None }
}

fn holds(scenario: &Scenario) {
    if let Err(broken) = scenario.tell(true) {
        panic!("{}\n{}", broken.what, broken.trace.join("\n"));
    }
}

/// The machine loses its power, and the first worker of the new boot gets stuck before its first record; its lock file is deleted. The old
/// boot's record spoke of "another machine", so nobody ended it, ever.
#[test]
fn a_record_of_an_earlier_boot_does_not_protect_a_worker_that_is_stuck_in_this_one() {
    let ms = Duration::from_millis;
    holds(&Scenario {
        seed: 67125,
        visits: vec![visit(ms(12), ms(20)), visit(Duration::ZERO, ms(20))],
        faults: vec![
            Fault::Havoc(ms(1), Havoc::PowerFailure),
            Fault::Blow(Whom::Worker(1), When::Call(7), Blow::Wedge { spinning: false }),
            Fault::Havoc(ms(13), Havoc::Delete(layout::WORKER_LOCK)),
        ],
        manner: StandardWorker::default(),
        hang_limit: ms(1_000),
        zombies: false,
    });
}
