//! One process, in full.

use std::time::Duration;

use super::super::table::{age, size};
use super::sample::SampledProcess;
use crate::census::ProcessKind;
use crate::output::printable;

/// As wide as the longest heading, and two spaces.
const HEADING: usize = 12;

/// What is known of it, in lines of at most so many columns; nothing is cut off but the log's lines.
pub(super) fn text(seen: &SampledProcess, columns: usize) -> Vec<String> {
    let row = &seen.row;
    let ports: Vec<String> = row.ports.iter().map(u16::to_string).collect();
    let spent = format!(
        "CPU {:.1} %, {:.1} s of it so far; RAM {}; {} old",
        row.cpu_percent,
        Duration::from_millis(row.cpu_ms).as_secs_f64(),
        size(row.memory_bytes),
        age(row.age_ms)
    );
    let mut fields = vec![
        ("process", format!("{} ({}, {})", row.pid, row.kind.word(), row.state.replace('_', " "))),
        ("what", what(row.kind).to_owned()),
    ];
    fields.extend(row.why.clone().map(|why| ("why", why)));
    fields.extend(row.name.clone().map(|name| ("identity", name)));
    fields.extend(row.epoch.map(|epoch| ("epoch", epoch.to_string())));
    fields.extend(row.version.clone().map(|version| ("version", version)));
    fields.push(("program", row.program.clone()));
    fields.push(("arguments", seen.arguments.join(" ")));
    fields.extend(seen.parent.clone().map(|parent| ("parent", parent)));
    fields.extend(row.started_by.clone().map(|who| ("started by", who)));
    fields.extend((!ports.is_empty()).then(|| ("ports", ports.join(", "))));
    fields.push(("use", spent));
    let mut lines: Vec<String> =
        fields.iter().flat_map(|(heading, value)| field(heading, value, columns)).collect();
    if let Some((path, tail)) = &seen.log {
        lines.push(String::new());
        lines.extend(wrapped(&format!("The end of {path}:"), columns));
        lines.extend(tail.lines().map(|line| clean(line).chars().take(columns).collect()));
    }
    lines
}

/// A process of this kind, in a sentence.
fn what(kind: ProcessKind) -> &'static str {
    match kind {
        ProcessKind::Worker => "in office, and serves",
        ProcessKind::Supervisor => "in office; a command serves in its place",
        ProcessKind::Guardian => "above the worker, to end what that leaves behind",
        ProcessKind::Command => "serves in the worker's place, or comes from what does",
        ProcessKind::Helper => "was started by the worker, or comes from what was",
        ProcessKind::Session => "a session that has a lease",
        ProcessKind::Stray => "looks like the worker's program, and belongs to no worker",
    }
}

fn field(heading: &str, value: &str, columns: usize) -> Vec<String> {
    let width = columns.saturating_sub(HEADING).max(1);
    let lines = wrapped(value, width);
    let headings = std::iter::once(heading).chain(std::iter::repeat(""));
    let line = |(heading, line): (&str, String)| {
        format!("{heading:<HEADING$}{line}").chars().take(columns).collect()
    };
    headings.zip(lines).map(line).collect()
}

fn wrapped(text: &str, width: usize) -> Vec<String> {
    let characters: Vec<char> = clean(text).chars().collect();
    if characters.is_empty() {
        return vec![String::new()];
    }
    characters.chunks(width.max(1)).map(|line| line.iter().collect()).collect()
}

fn clean(text: &str) -> String {
    printable(text).replace(['\n', '\t'], " ")
}
