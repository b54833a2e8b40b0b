//! How the help is arranged: commands in groups, and no line longer than a terminal of 80 columns.

use std::fmt::Write as _;

use clap::{Arg, Command};

use super::setting_flags::with_help;

/// The longest line.
const WIDTH: usize = 80;
/// What `--help` leaves to the text of a flag: it stands below the flag, indented.
const BELOW_A_FLAG: usize = WIDTH - 10;

/// A group's heading, and its commands.
pub(super) type Group = (&'static str, &'static [&'static str]);

/// The whole definition, arranged.
pub(super) fn arranged(command: Command, groups: &[Group]) -> Command {
    let template = grouped(&command, groups);
    wrapped(command).help_template(template)
}

/// Wraps the long texts of a command and of those below it.
fn wrapped(command: Command) -> Command {
    let about = command.get_long_about().map(|text| fill(&text.to_string(), WIDTH));
    let command = match about {
        Some(about) => command.long_about(about),
        None => command,
    };
    command.mut_args(explained).mut_subcommands(wrapped)
}

/// Wraps the long text of a flag. Values for which `-h` has no room are named here.
fn explained(arg: Arg) -> Arg {
    let arg = with_help(arg);
    let Some(text) = arg.get_long_help().or(arg.get_help()) else { return arg };
    let mut text = text.to_string();
    if arg.is_hide_possible_values_set() {
        let values: Vec<_> =
            arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
        text.push_str(&format!("\n\n[possible values: {}]", values.join(", ")));
    }
    arg.long_help(fill(&text, BELOW_A_FLAG))
}

/// The template of the whole program's help: clap has no groups of commands.
fn grouped(program: &Command, groups: &[Group]) -> String {
    let style = program.get_styles().get_header();
    let mut text = "{about-with-newline}\n{usage-heading} {usage}\n".to_owned();
    let longest = program.get_subcommands().map(|command| command.get_name().len()).max().unwrap_or(0);
    for (heading, commands) in groups {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n{style}{heading}:{style:#}\n");
        let is_here = |name: &str| commands.iter().any(|command| command.eq_ignore_ascii_case(name));
        for command in program.get_subcommands().filter(|command| is_here(command.get_name())) {
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            let _ = writeln!(text, "  {:longest$}  {about}", command.get_name());
        }
    }
    let _ = write!(text, "\n{style}Options:{style:#}\n{{options}}{{after-help}}");
    text
}

/// Breaks lines at spaces, so that none is longer than `width`; a single word may be.
fn fill(text: &str, width: usize) -> String {
    let mut filled = String::with_capacity(text.len() + text.len() / width);
    for (n, line) in text.lines().enumerate() {
        if n > 0 {
            filled.push('\n');
        }
        let mut column = 0;
        for word in line.split(' ') {
            let length = word.chars().count();
            if column > 0 && column + 1 + length > width {
                filled.push('\n');
                column = 0;
            } else if column > 0 {
                filled.push(' ');
                column += 1;
            }
            filled.push_str(word);
            column += length;
        }
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_at_spaces() {
        assert_eq!(fill("a bb ccc dddd", 6), "a bb\nccc\ndddd");
        assert_eq!(fill("one\n\ntwo three", 5), "one\n\ntwo\nthree");
        assert_eq!(fill("unbreakable x", 4), "unbreakable\nx");
    }
}
