//! Which processes look like the worker's program, although no session has elected them.
//!
//! A pattern is a program and arguments. Each has to match a whole argument of the process: a part of a command line occurs in that of an
//! editor, a `grep` or a shell too.

use std::path::Path;

use serde::{Deserialize, Serialize};

/// The patterns of stray processes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Strays {
    /// Daemons that do what the worker does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) worker: Vec<Pattern>,
    /// What such a daemon starts for itself. One is a stray only if it comes from a stray daemon, or has lost its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) helper: Vec<Pattern>,
}

/// A program, and arguments in their order; others may stand before, between and behind them. `*` stands for any text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Pattern(Vec<String>);

impl Strays {
    /// Checks what the types don't.
    ///
    /// # Errors
    /// The first pattern that would match too much.
    pub(crate) fn check(&self) -> Result<(), String> {
        self.worker.iter().chain(&self.helper).try_for_each(Pattern::check)
    }
}

impl Pattern {
    fn check(&self) -> Result<(), String> {
        let bare = |word: &String| word.chars().all(|c| c == '*');
        match self.0.split_first() {
            Some((program, _)) if !bare(program) => Ok(()),
            _ => Err(format!("{:?}: a pattern begins with a program, which is more than \"*\"", self.0)),
        }
    }

    /// Whether a process is such a one: by the program that it executes, and its arguments without its own name.
    pub(crate) fn matches(&self, program: &Path, arguments: &[String]) -> bool {
        let Some((wanted, words)) = self.0.split_first() else { return false };
        let path = program.to_string_lossy();
        let name = program.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        let named = if wanted.contains('/') { &path } else { &name };
        let mut arguments = arguments.iter();
        is_like(wanted, named) && words.iter().all(|word| arguments.any(|argument| is_like(word, argument)))
    }

    /// As it is written.
    pub(crate) fn words(&self) -> String {
        self.0.join(" ")
    }
}

/// Whether all of the text is as the pattern says. Takes no longer than their lengths multiplied.
fn is_like(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &[&str], program: &str, arguments: &[&str]) -> bool {
        let pattern = Pattern(pattern.iter().map(|word| (*word).to_owned()).collect());
        let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        pattern.matches(Path::new(program), &arguments)
    }

    #[test]
    fn a_process_is_known_by_its_program_and_whole_arguments() {
        let daemon = ["node", "*/worker.cjs", "--daemon"];
        assert!(matches(&daemon, "/usr/bin/node", &["/opt/a/worker.cjs", "--daemon"]));
        assert!(matches(&daemon, "/usr/bin/node", &["--flag", "/opt/a/worker.cjs", "-x", "--daemon", "y"]));
        assert!(!matches(&daemon, "/usr/bin/node", &["--daemon", "/opt/a/worker.cjs"]), "the order");
        assert!(!matches(&daemon, "/usr/bin/node", &["/opt/a/worker.cjs"]));
        assert!(!matches(&daemon, "/usr/bin/node", &["/opt/a/worker.cjs.bak", "--daemon"]));
        assert!(!matches(&daemon, "/usr/bin/vim", &["/opt/a/worker.cjs", "--daemon"]), "an editor");
        assert!(!matches(&daemon, "/bin/sh", &["-c", "node /opt/a/worker.cjs --daemon"]), "a shell");
        assert!(!matches(&daemon, "/usr/bin/grep", &["node */worker.cjs --daemon"]), "a search");
        assert!(
            matches(&["/opt/*/node"], "/opt/a/b/node", &[]) && !matches(&["/opt/*/node"], "/usr/node", &[])
        );
        assert!(!matches(&["node"], "/usr/bin/nodejs", &[]));
    }

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, text) in
            [("a*b*c", "a1b2c"), ("*", ""), ("a*", "a"), ("*aab", "aaab"), ("a**b", "ab"), ("", "")]
        {
            assert!(is_like(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("ab*bc", "abc"), ("a", "ab"), ("", "a"), ("*a", "b"), ("a*b*c", "acb")] {
            assert!(!is_like(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn a_pattern_of_every_program_is_refused() {
        for words in [&[][..], &["*"], &["", "x"], &["**", "x"]] {
            let pattern = Pattern(words.iter().map(|word| (*word).to_owned()).collect());
            assert!(Strays { worker: vec![pattern], helper: Vec::new() }.check().is_err(), "{words:?}");
        }
    }
}
