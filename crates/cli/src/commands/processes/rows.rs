//! A process as it is shown.

use coordinator::machine::{Activity, Pid};
use serde::Serialize;

use super::view::{Identity, View};
use crate::census::{Classified, Facts, ProcessKind, source, version};
use crate::fields::{activity_word, ms};

/// One line, or one object.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Row {
    pub(super) pid: u32,
    #[serde(rename = "type")]
    pub(super) kind: ProcessKind,
    /// The identity that it belongs to.
    pub(super) name: Option<String>,
    pub(super) source: String,
    pub(super) version: Option<String>,
    pub(super) epoch: Option<u64>,
    pub(super) state: &'static str,
    pub(super) cpu_percent: f64,
    pub(super) cpu_ms: u64,
    pub(super) memory_bytes: u64,
    pub(super) age_ms: u64,
    pub(super) ports: Vec<u16>,
    pub(super) started_by: Option<String>,
    pub(super) program: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) why: Option<String>,
}

/// The rows of the identity that was asked for, or of all, and of the strays: the worker's first, then as they came.
pub(super) fn rows(view: &View, all: bool) -> Vec<Row> {
    let shown = if all { &view.identities[..] } else { &view.identities[..1] };
    let mut rows = Vec::new();
    for identity in shown {
        let mut of_it: Vec<Row> =
            identity.members.iter().filter_map(|(pid, told)| row(view, *pid, told, Some(identity))).collect();
        sort(&mut of_it);
        rows.extend(of_it);
    }
    let mut strays: Vec<Row> =
        view.strays.iter().filter_map(|(pid, told)| row(view, *pid, told, None)).collect();
    sort(&mut strays);
    rows.extend(strays);
    rows
}

/// The row of one process, told to be this.
pub(super) fn row_of(view: &View, pid: Pid, told: &Classified) -> Option<Row> {
    row(view, pid, told, None)
}

fn sort(rows: &mut [Row]) {
    rows.sort_by_key(|row| (row.kind, std::cmp::Reverse(row.age_ms), row.pid));
}

fn row(view: &View, pid: Pid, told: &Classified, identity: Option<&Identity>) -> Option<Row> {
    let facts = view.census.mine.get(&pid)?;
    let in_office = identity.filter(|_| matches!(told.kind, ProcessKind::Worker | ProcessKind::Supervisor));
    Some(Row {
        pid: pid.0,
        kind: told.kind,
        name: identity.map(|identity| identity.name.clone()),
        source: source(facts),
        version: in_office.and_then(|identity| identity.version.clone()).or_else(|| version(facts)),
        epoch: in_office.and_then(|identity| identity.epoch),
        state: in_office.map_or(activity(facts), |identity| identity.state.word()),
        cpu_percent: (facts.cpu_percent() * 10.0).round() / 10.0,
        cpu_ms: ms(facts.cpu_time),
        memory_bytes: facts.memory,
        age_ms: ms(facts.age),
        ports: facts.ports.clone(),
        started_by: started_by(view, facts, in_office),
        program: facts.program.to_string_lossy().into_owned(),
        why: told.why.clone(),
    })
}

fn activity(facts: &Facts) -> &'static str {
    if facts.traced { activity_word(Activity::Traced) } else { activity_word(facts.activity) }
}

/// The session that launched it, else its parent.
fn started_by(view: &View, facts: &Facts, in_office: Option<&Identity>) -> Option<String> {
    if let Some(session) = in_office.and_then(|identity| identity.launched_by) {
        return Some(format!("session {session}"));
    }
    let parent = facts.parent.filter(|parent| parent.0 > 0)?;
    let name = view.census.names.get(&parent).map_or("?", String::as_str);
    Some(format!("{name} ({parent})"))
}
