//! What is shown, as lines. None is wider than the window, and there are no more than it has.

use super::super::rows::Row;
use super::super::table::{HEAD, RIGHT, cells, padded, size};
use super::model::{SortOrder, ViewMode, WatchModel};
use super::pane;
use super::sample::SampledProcess;
use super::window::{self, FRAME, WindowSize};
use crate::census::ProcessKind;
use crate::output::printable;

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StyledLine {
    pub(super) text: String,
    pub(super) style: LineStyle,
}

/// The style of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineStyle {
    Plain,
    /// A heading.
    Bold,
    /// A worker that is well, one that is not, a stray.
    Well,
    Unwell,
    Stray,
    /// What keys are for.
    Selected,
}

/// Columns that are always there, and those that are there if they have room, in this order. By their place in [`HEAD`].
const ALWAYS: [usize; 6] = [0, 1, 5, 6, 8, 9];
const IF_ROOM: [usize; 6] = [2, 10, 3, 7, 4, 11];
/// Words can be long; a column of them is not.
const WIDEST: usize = 24;
/// Between two columns.
const GAP: usize = 2;
/// With at least so much left there is a column of the whole command.
const COMMAND: usize = 16;

const TABLE_KEYS: &str = "↑↓ select  i inspect  s stop  c by CPU  m by memory  q quit";
const PANE_KEYS: &str = "↑↓ scroll  Esc back to the table  q quit";
const QUESTION_KEYS: &str = "y yes  any other key no";

/// As many lines as the window has.
pub(super) fn lines(watch: &WatchModel) -> Vec<StyledLine> {
    let WindowSize { columns, rows } = watch.size;
    let mut lines = vec![StyledLine { text: title(watch), style: LineStyle::Bold }];
    let keys = match (&watch.mode, watch.selected()) {
        (ViewMode::Pane(top), Some(seen)) => {
            let room = window::pane_lines(watch.size);
            let text = pane::text(seen, columns);
            let top = (*top).min(text.len().saturating_sub(room));
            let shown = text.into_iter().skip(top).take(room);
            lines.extend(shown.map(|text| StyledLine { text, style: LineStyle::Plain }));
            PANE_KEYS
        }
        (ViewMode::Question(..), _) => {
            table(watch, &mut lines);
            QUESTION_KEYS
        }
        _ => {
            table(watch, &mut lines);
            TABLE_KEYS
        }
    };
    let plain = |text: &str| StyledLine { text: text.to_owned(), style: LineStyle::Plain };
    lines.truncate(rows.saturating_sub(1));
    let below = if matches!(watch.mode, ViewMode::Pane(_)) { 1 } else { 2 };
    lines.resize(rows.saturating_sub(below).max(lines.len()), plain(""));
    if below == 2 {
        lines.truncate(rows.saturating_sub(below).max(1));
        let (text, style) = match &watch.mode {
            ViewMode::Question(_, question) => (format!("{question} [y/N]"), LineStyle::Bold),
            _ => (said(watch), LineStyle::Plain),
        };
        lines.push(StyledLine { text: printable(&text).replace(['\n', '\t'], " "), style });
    }
    lines.push(plain(keys));
    lines.truncate(rows);
    for line in &mut lines {
        line.text = line.text.chars().take(columns).collect();
    }
    lines
}

/// What came of the last order, and why nothing new is seen.
fn said(watch: &WatchModel) -> String {
    let parts = [Some(&watch.message).filter(|message| !message.is_empty()), watch.trouble.as_ref()];
    parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join("; ")
}

fn title(watch: &WatchModel) -> String {
    let Some(seen) = &watch.seen else { return format!("oneworker {}: looking…", watch.name) };
    let rows = || seen.iter().map(|process| &process.row);
    let strays = rows().filter(|row| row.kind == ProcessKind::Stray).count();
    let cpu: f64 = rows().map(|row| row.cpu_percent).sum();
    let sort = match watch.sort {
        SortOrder::Kind => "",
        SortOrder::Cpu => ", by CPU",
        SortOrder::Memory => ", by memory",
    };
    format!(
        "oneworker {}: {} processes, {strays} strays, CPU {cpu:.1} %, RAM {}; every {}{sort}",
        watch.name,
        seen.len(),
        size(rows().map(|row| row.memory_bytes).sum()),
        humantime::format_duration(watch.interval)
    )
}

fn table(watch: &WatchModel, lines: &mut Vec<StyledLine>) {
    let seen = watch.seen.as_deref().unwrap_or_default();
    let cells: Vec<[String; 12]> = seen.iter().map(|process| shortened(cells(&process.row))).collect();
    let head = HEAD.map(str::to_owned);
    let columns = columns(&head, &cells, watch.size.columns);
    let left = watch.size.columns.saturating_sub(columns.iter().map(|(_, width)| width + GAP).sum());
    let line = |cells: &[String; 12], command: &str| {
        let mut parts: Vec<String> =
            columns.iter().map(|(at, width)| padded(&cells[*at], *width, RIGHT[*at])).collect();
        if left >= COMMAND {
            parts.push(command.to_owned());
        }
        parts.join("  ").trim_end().to_owned()
    };
    lines.push(StyledLine { text: line(&head, "COMMAND"), style: LineStyle::Bold });
    let room = watch.size.rows.saturating_sub(FRAME).max(1);
    // The selected one is always among those that are shown.
    let top = (watch.at() + 1).saturating_sub(room);
    for (at, (process, cells)) in seen.iter().zip(&cells).enumerate().skip(top).take(room) {
        let style = if at == watch.at() { LineStyle::Selected } else { style(&process.row) };
        let mut text = line(cells, &command(process));
        if style == LineStyle::Selected {
            let length = text.chars().count();
            text.push_str(&" ".repeat(watch.size.columns.saturating_sub(length)));
        }
        lines.push(StyledLine { text, style });
    }
    if watch.seen.is_some() && seen.is_empty() {
        let text = "no worker, and nothing that looks like one".to_owned();
        lines.push(StyledLine { text, style: LineStyle::Plain });
    }
}

/// Which columns have room, in the order of the headings, each as wide as its widest cell.
fn columns(head: &[String; 12], cells: &[[String; 12]], room: usize) -> Vec<(usize, usize)> {
    let width = |at: usize| {
        std::iter::once(head).chain(cells).map(|row| row[at].chars().count()).max().unwrap_or_default()
    };
    let mut chosen: Vec<(usize, usize)> = ALWAYS.iter().map(|at| (*at, width(*at))).collect();
    let mut used: usize = chosen.iter().map(|(_, width)| width + GAP).sum();
    for at in IF_ROOM {
        // The last one needs no gap behind it.
        if used + width(at) <= room {
            chosen.push((at, width(at)));
            used += width(at) + GAP;
        }
    }
    chosen.sort_unstable();
    chosen
}

fn shortened(cells: [String; 12]) -> [String; 12] {
    cells.map(|cell| {
        if cell.chars().count() > WIDEST {
            cell.chars().take(WIDEST - 1).chain(['…']).collect()
        } else {
            cell
        }
    })
}

fn command(process: &SampledProcess) -> String {
    let words = std::iter::once(&process.row.program).chain(&process.arguments);
    printable(&words.map(String::as_str).collect::<Vec<_>>().join(" ")).replace(['\n', '\t'], " ")
}

fn style(row: &Row) -> LineStyle {
    match row.kind {
        ProcessKind::Worker | ProcessKind::Supervisor if row.state == "ready" => LineStyle::Well,
        ProcessKind::Worker | ProcessKind::Supervisor => LineStyle::Unwell,
        ProcessKind::Stray => LineStyle::Stray,
        _ => LineStyle::Plain,
    }
}

#[cfg(test)]
mod tests {
    use super::super::event::{KeyPress, WatchEvent};
    use super::super::model::tests::{sample, sampled, watch};
    use super::*;

    fn texts(watch: &WatchModel) -> Vec<String> {
        lines(watch).into_iter().map(|line| line.text).collect()
    }

    fn sized(watch: &mut WatchModel, columns: usize, rows: usize) {
        watch.step(WatchEvent::Resized(WindowSize { columns, rows }));
    }

    /// One that has a worker with everything that is long, and so many strays.
    fn busy(strays: u32) -> WatchModel {
        let mut all = vec![sampled(7, ProcessKind::Worker)];
        all[0].arguments = vec!["serve".to_owned(), "x".repeat(300)];
        all[0].log =
            Some(("/state/logs/worker.log".to_owned(), format!("first\n{}\n\u{1b}[2J\n", "y".repeat(300))));
        all.extend((0..strays).map(|n| sampled(100 + n, ProcessKind::Stray)));
        let mut watch = watch();
        watch.step(WatchEvent::Sampled(Ok(sample(0, all))));
        watch
    }

    #[test]
    fn the_lines_fit_into_the_window() {
        let mut watch = busy(40);
        for mode in [KeyPress::Letter('j'), KeyPress::Letter('i'), KeyPress::Escape, KeyPress::Letter('s')] {
            watch.step(WatchEvent::Key(mode));
            for (columns, rows) in [(80, 24), (200, 50), (40, 5), (10, 3), (1, 1), (0, 0), (300, 2)] {
                sized(&mut watch, columns, rows);
                let lines = texts(&watch);
                assert_eq!(lines.len(), rows, "{columns} × {rows}: {lines:#?}");
                assert!(lines.iter().all(|line| line.chars().count() <= columns), "{lines:#?}");
                assert!(!lines.concat().contains('\u{1b}'), "something commands the terminal");
            }
        }
    }

    #[test]
    fn the_columns_that_have_room_are_shown_below_their_headings() {
        let mut watch = busy(1);
        let narrow = texts(&watch);
        assert!(narrow[0].starts_with("oneworker notes: 2 processes, 1 strays, CPU "), "{narrow:#?}");
        assert!(
            narrow[1].starts_with("PID  TYPE    SOURCE") && !narrow[1].contains("COMMAND"),
            "{narrow:#?}"
        );
        assert!(
            narrow[2].trim_start().starts_with("7  worker  ") && narrow[3].starts_with("100  stray "),
            "{narrow:#?}"
        );
        sized(&mut watch, 200, 50);
        let wide = texts(&watch);
        for heading in HEAD.into_iter().chain(["COMMAND"]) {
            assert!(wide[1].contains(heading), "{heading}: {wide:#?}");
        }
        assert!(wide[3].contains("/opt/mem-daemon --db"), "{wide:#?}");
    }

    #[test]
    fn the_selected_row_is_always_seen() {
        let mut watch = busy(40);
        for at in [0, 1, 19, 20, 40] {
            watch.step(WatchEvent::Key(KeyPress::First));
            (0..at).for_each(|_| drop(watch.step(WatchEvent::Key(KeyPress::Down))));
            let lines = lines(&watch);
            let selected: Vec<&StyledLine> =
                lines.iter().filter(|line| line.style == LineStyle::Selected).collect();
            let pid = if at == 0 { "  7 ".to_owned() } else { format!("{} ", 99 + at) };
            assert!(selected.len() == 1 && selected[0].text.starts_with(&pid), "{at}: {lines:#?}");
            assert_eq!(selected[0].text.chars().count(), 80, "the bar is as wide as the window");
        }
    }

    #[test]
    fn the_pane_cuts_nothing_off_and_its_end_can_be_reached() {
        let mut watch = busy(0);
        watch.step(WatchEvent::Key(KeyPress::Enter));
        let top = texts(&watch).concat();
        assert!(top.matches('x').count() >= 300 && top.contains("in office, and serves"), "{top}");
        sized(&mut watch, 80, 12);
        watch.step(WatchEvent::Key(KeyPress::Last));
        let end = texts(&watch);
        assert!(end[10].contains("[2J"), "{end:#?}");
        watch.step(WatchEvent::Key(KeyPress::Up));
        assert_ne!(texts(&watch), end, "one line up is one line up");
    }

    #[test]
    fn a_question_and_what_came_of_it_stand_below_the_table() {
        let mut watch = busy(1);
        watch.step(WatchEvent::Key(KeyPress::Down));
        watch.step(WatchEvent::Key(KeyPress::Letter('s')));
        assert_eq!(texts(&watch)[22..], ["End the stray 100? [y/N]", "y yes  any other key no"]);
        watch.step(WatchEvent::Key(KeyPress::Letter('y')));
        watch.step(WatchEvent::Ended("process 100 has ended".to_owned()));
        watch.step(WatchEvent::Sampled(Err("the system shows no processes".to_owned())));
        assert_eq!(texts(&watch)[22], "process 100 has ended; the system shows no processes");
    }

    #[test]
    fn nobody_there_is_said() {
        let mut watch = watch();
        assert!(texts(&watch)[0].contains("looking…"));
        watch.step(WatchEvent::Sampled(Ok(sample(0, Vec::new()))));
        assert!(texts(&watch)[2].contains("no worker, and nothing that looks like one"));
    }
}
