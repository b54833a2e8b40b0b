//! Notes that are read as they are not.

use oneworker_protocol::machine::{Activity, Machine, ProcessIdentity};
use oneworker_protocol::record::{self, LaunchNote, LaunchOutcome, Record};
use oneworker_protocol::{Successor, layout};

use crate::Sabotage;
use crate::switch::on;

/// What a session takes a file's contents for.
pub(crate) async fn misread(machine: &Machine, name: &str, bytes: Vec<u8>) -> Option<Vec<u8>> {
    match name {
        layout::UPGRADES if on(Sabotage::LedgerIgnored) => None,
        layout::SUSPECT if on(Sabotage::SilenceNotRemembered) => None,
        layout::SUCCESSOR => Some(successor(machine, bytes)),
        layout::RECORD if on(Sabotage::BootIgnored) => Some(record_of_this_boot(machine, bytes)),
        layout::LAUNCH => Some(match record::parse(&bytes) {
            Some(note) => record::render(&launch(machine, note).await),
            None => bytes,
        }),
        _ => Some(bytes),
    }
}

/// `successor.json`. A reservation for another process is no reservation.
pub(crate) fn successor(machine: &Machine, bytes: Vec<u8>) -> Vec<u8> {
    let for_me = |successor: Successor| successor.process == machine.processes.me();
    let counts = !on(Sabotage::SuccessorIgnored) || record::parse(&bytes).is_some_and(for_me);
    if counts { bytes } else { Vec::new() }
}

/// A record without its epoch.
pub(crate) fn without_epoch(bytes: Vec<u8>) -> Vec<u8> {
    match record::parse::<Record>(&bytes) {
        Some(found) => record::render(&Record { epoch: None, ..found }),
        None => bytes,
    }
}

fn record_of_this_boot(machine: &Machine, bytes: Vec<u8>) -> Vec<u8> {
    match record::parse::<Record>(&bytes) {
        Some(mut found) => {
            found.process.boot_id = machine.clock.boot_id();
            record::render(&found)
        }
        None => bytes,
    }
}

async fn launch(machine: &Machine, mut note: LaunchNote) -> LaunchNote {
    if on(Sabotage::BootIgnored) {
        note.boot_id = machine.clock.boot_id();
        note.at = note.at.min(machine.clock.now());
    }
    if on(Sabotage::BackoffNotShared) {
        note.failures = 0;
        if has_ended(machine, &note).await {
            note.outcome = Some(LaunchOutcome::Replaced);
        }
    }
    if on(Sabotage::LaunchNoteIgnored) && note.outcome.is_none() {
        note.outcome = Some(LaunchOutcome::AlreadyRunning);
    }
    note
}

/// Whether a launch has come to an end, and not by a taken port: that is no failure that holds other
/// launches back for a time.
async fn has_ended(machine: &Machine, note: &LaunchNote) -> bool {
    match (&note.outcome, &note.process) {
        (Some(LaunchOutcome::PortTaken { .. }), _) => false,
        (None, Some(process)) => !lives(machine, process).await,
        _ => true,
    }
}

async fn lives(machine: &Machine, process: &ProcessIdentity) -> bool {
    let info = machine.processes.look(process.pid).await.ok().flatten();
    info.is_some_and(|info| info.identity == *process && info.activity != Activity::Zombie)
}
