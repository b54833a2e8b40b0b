//! A storm as a time line: one line for each session, and a letter for each worker.

use std::time::Duration;

use super::sessions::Session;

/// As many columns as the longest one takes.
const WIDTH: usize = 60;

/// The picture.
pub(super) fn draw(sessions: &[Session]) -> String {
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
        let (begin, end) = (column(session.begin, longest), column(session.end, longest).max(1));
        let bar: String = (0..WIDTH).map(|at| if (begin..end).contains(&at) { '─' } else { ' ' }).collect();
        let took = session.end.saturating_sub(session.begin).as_millis();
        format!("{bar} {letter}  {:<8} {took:>6} ms", session.outcome)
    });
    let mut picture: Vec<String> = lines.collect();
    picture.push(format!("{:<WIDTH$}", format!("0 … {} ms", longest.as_millis())).trim_end().to_owned());
    picture.join("\n")
}

fn column(time: Duration, longest: Duration) -> usize {
    let share = time.as_micros() * WIDTH as u128 / longest.as_micros().max(1);
    usize::try_from(share).unwrap_or(WIDTH).min(WIDTH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_session_has_its_line_and_each_worker_its_letter() {
        let session = |begin, end, worker| Session {
            begin: Duration::from_millis(begin),
            end: Duration::from_millis(end),
            outcome: "started".to_owned(),
            worker,
        };
        let picture = draw(&[
            session(0, 30, Some(7)),
            session(30, 60, Some(9)),
            session(0, 60, Some(7)),
            session(0, 60, None),
        ]);
        let lines: Vec<&str> = picture.lines().collect();
        assert_eq!(lines[0], format!("{}{} A  started      30 ms", "─".repeat(30), " ".repeat(30)));
        assert_eq!(lines[1], format!("{}{} B  started      30 ms", " ".repeat(30), "─".repeat(30)));
        assert!(lines[2].contains("─ A ") && lines[3].contains("─ ! "), "{picture}");
        assert_eq!(lines[4], "0 … 60 ms");
    }
}
