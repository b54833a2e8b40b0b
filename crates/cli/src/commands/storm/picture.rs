//! A storm as a time line: one line for each session, and a letter for each worker.

use std::io::IsTerminal;
use std::time::Duration;

use super::sessions::StormSession;

/// The columns of a window, where nothing says how many there are.
const WINDOW: usize = 80;
/// The least and the most that the longest session takes of them.
const BAR: std::ops::RangeInclusive<usize> = 20..=120;

/// The columns of standard output.
pub(super) fn window() -> usize {
    if !std::io::stdout().is_terminal() {
        return WINDOW;
    }
    crossterm::terminal::size().map_or(WINDOW, |(columns, _)| usize::from(columns))
}

/// The picture, in a window of so many columns.
pub(super) fn draw(sessions: &[StormSession], window: usize) -> String {
    let outcome = sessions.iter().map(|session| session.outcome.chars().count()).max().unwrap_or_default();
    // A space and a letter, two spaces and the outcome, a space and the time.
    let width = window.saturating_sub(2 + 2 + outcome + 1 + 9).clamp(*BAR.start(), *BAR.end());
    let longest = sessions.iter().map(|session| session.end).max().unwrap_or_default();
    let mut workers: Vec<u32> = Vec::new();
    let lines = sessions.iter().map(|session| {
        let letter = session.worker.map_or('!', |pid| {
            let at = workers.iter().position(|known| *known == pid).unwrap_or_else(|| {
                workers.push(pid);
                workers.len() - 1
            });
            ('A'..='Z').cycle().nth(at).unwrap_or('A')
        });
        let (begin, end) =
            (column(session.begin, longest, width), column(session.end, longest, width).max(1));
        let bar: String = (0..width).map(|at| if (begin..end).contains(&at) { '─' } else { ' ' }).collect();
        let took = session.end.saturating_sub(session.begin).as_millis();
        format!("{bar} {letter}  {:<outcome$} {took:>6} ms", session.outcome)
    });
    let mut picture: Vec<String> = lines.collect();
    picture.push(format!("0 … {} ms", longest.as_millis()));
    picture.join("\n")
}

fn column(time: Duration, longest: Duration, width: usize) -> usize {
    let share = time.as_micros() * width as u128 / longest.as_micros().max(1);
    usize::try_from(share).unwrap_or(width).min(width)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_session_has_its_line_and_each_worker_its_letter() {
        let session = |begin, end, worker| StormSession {
            begin: Duration::from_millis(begin),
            end: Duration::from_millis(end),
            outcome: "started".to_owned(),
            worker,
        };
        let picture = draw(
            &[
                session(0, 30, Some(7)),
                session(30, 60, Some(9)),
                session(0, 60, Some(7)),
                session(0, 60, None),
            ],
            81,
        );
        let lines: Vec<&str> = picture.lines().collect();
        assert_eq!(lines[0], format!("{}{} A  started     30 ms", "─".repeat(30), " ".repeat(30)));
        assert_eq!(lines[1], format!("{}{} B  started     30 ms", " ".repeat(30), "─".repeat(30)));
        assert!(lines[2].contains("─ A ") && lines[3].contains("─ ! "), "{picture}");
        assert_eq!(lines[4], "0 … 60 ms");
        assert!(lines.iter().all(|line| line.chars().count() <= 81), "{picture}");
    }
}
