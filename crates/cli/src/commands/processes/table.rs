//! Rows as a table: columns as wide as they have to be, and colours on a terminal that wants them.

use std::io::IsTerminal;
use std::time::Duration;

use super::rows::Row;
use crate::census::ProcessKind;
use crate::output::printable;

pub(super) const HEAD: [&str; 12] = [
    "PID",
    "TYPE",
    "SOURCE",
    "VERSION",
    "EPOCH",
    "STATE",
    "CPU%",
    "TIME",
    "RAM",
    "AGE",
    "PORT",
    "STARTED BY",
];
/// Numbers stand right.
pub(super) const RIGHT: [bool; 12] =
    [true, false, false, false, true, false, true, true, true, true, true, false];

/// Whether standard output shows colours (<https://no-color.org>).
pub(super) fn coloured() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty())
}

/// The table with its totals.
pub(super) fn table(rows: &[Row], colours: bool) -> String {
    let cells: Vec<[String; 12]> = rows.iter().map(cells).collect();
    let head = HEAD.map(str::to_owned);
    let width = |column: usize| {
        std::iter::once(&head).chain(&cells).map(|row| row[column].chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..HEAD.len()).map(width).collect();
    let mut lines = vec![line(&head, &widths)];
    for (row, cells) in rows.iter().zip(&cells) {
        lines.push(painted(&line(cells, &widths), row, colours));
    }
    lines.push(totals(rows));
    lines.join("\n")
}

fn line(cells: &[String; 12], widths: &[usize]) -> String {
    let padded =
        cells.iter().zip(widths).zip(RIGHT).map(|((cell, width), right)| padded(cell, *width, right));
    padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
}

/// A cell of a column that is so wide.
pub(super) fn padded(cell: &str, width: usize, right: bool) -> String {
    if right { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
}

fn painted(line: &str, row: &Row, colours: bool) -> String {
    let colour = match row.kind {
        _ if !colours => return line.to_owned(),
        ProcessKind::Worker | ProcessKind::Supervisor if row.state == "ready" => "32",
        ProcessKind::Worker | ProcessKind::Supervisor => "33",
        ProcessKind::Stray => "31",
        _ => return line.to_owned(),
    };
    format!("\u{1b}[{colour}m{line}\u{1b}[0m")
}

/// What the columns say of a row.
pub(super) fn cells(row: &Row) -> [String; 12] {
    let ports: Vec<String> = row.ports.iter().map(u16::to_string).collect();
    [
        row.pid.to_string(),
        row.kind.word().to_owned(),
        row.source.clone(),
        row.version.clone().unwrap_or_default(),
        row.epoch.map(|epoch| epoch.to_string()).unwrap_or_default(),
        row.state.replace('_', " "),
        format!("{:.1}", row.cpu_percent),
        format!("{:.1}s", Duration::from_millis(row.cpu_ms).as_secs_f64()),
        size(row.memory_bytes),
        age(row.age_ms),
        ports.join(","),
        row.started_by.clone().unwrap_or_default(),
    ]
    .map(|cell| printable(&cell).replace(['\n', '\t'], " "))
}

fn totals(rows: &[Row]) -> String {
    let strays = rows.iter().filter(|row| row.kind == ProcessKind::Stray).count();
    let memory = rows.iter().map(|row| row.memory_bytes).sum();
    let cpu: f64 = rows.iter().map(|row| row.cpu_percent).sum();
    let time: u64 = rows.iter().map(|row| row.cpu_ms).sum();
    let time = Duration::from_millis(time).as_secs_f64();
    format!(
        "{} processes, {strays} strays, CPU {cpu:.1} %, CPU time {time:.1}s, RAM {}",
        rows.len(),
        size(memory)
    )
}

/// With as many digits as say something.
#[allow(clippy::cast_precision_loss, reason = "a tenth of a unit is shown")]
pub(super) fn size(bytes: u64) -> String {
    let mib = bytes as f64 / f64::from(1 << 20);
    match mib {
        mib if mib >= 1024.0 => format!("{:.1} GiB", mib / 1024.0),
        mib if mib >= 10.0 => format!("{mib:.0} MiB"),
        mib => format!("{mib:.1} MiB"),
    }
}

/// In its two largest units at most.
pub(super) fn age(ms: u64) -> String {
    let seconds = ms / 1000;
    match (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60) {
        (0, 0, 0, seconds) => format!("{seconds}s"),
        (0, 0, minutes, seconds) => format!("{minutes}m{seconds:02}s"),
        (0, hours, minutes, _) => format!("{hours}h{minutes:02}m"),
        (days, hours, ..) => format!("{days}d{hours:02}h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(pid: u32, kind: ProcessKind) -> Row {
        Row {
            pid,
            kind,
            name: None,
            source: "cache/10.2.4\u{1b}[2J".to_owned(),
            version: Some("10.2.4".to_owned()),
            epoch: None,
            state: "alive",
            cpu_percent: 1.25,
            cpu_ms: 1500,
            memory_bytes: 3 << 20,
            age_ms: 3_720_000,
            ports: vec![80, 81],
            started_by: Some("sh (1)".to_owned()),
            program: "x".to_owned(),
            why: None,
        }
    }

    #[test]
    fn the_columns_stand_below_each_other_and_the_totals_below_them() {
        let table = table(&[row(7, ProcessKind::Worker), row(12345, ProcessKind::Stray)], false);
        let lines: Vec<&str> = table.lines().collect();
        assert!(!table.contains('\u{1b}'), "nothing commands the terminal: {table}");
        assert!(lines[1].starts_with("    7  worker") && lines[2].starts_with("12345  stray "), "{table}");
        assert!(lines[1].ends_with("1.5s  3.0 MiB  1h02m  80,81  sh (1)"), "{table}");
        assert_eq!(lines[3], "2 processes, 1 strays, CPU 2.5 %, CPU time 3.0s, RAM 6.0 MiB");
    }

    #[test]
    fn a_stray_is_red_where_there_are_colours() {
        let table = table(&[row(7, ProcessKind::Stray)], true);
        assert!(table.lines().nth(1).unwrap().starts_with("\u{1b}[31m"), "{table:?}");
    }
}
