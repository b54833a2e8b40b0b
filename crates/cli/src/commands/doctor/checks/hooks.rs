//! The hooks of ours in agents' settings run a program that is there.

use std::path::{Path, PathBuf};

use oneworker_agents::settings::{WrittenFile, commands, replace_command};
use oneworker_agents::{Installable, Scope};

use super::{Case, Finding};
use crate::commands::doctor::repair::Repair;
use crate::installs::{self, PROGRAM};
use crate::version;

pub(super) fn examine(_: &Case<'_>) -> Vec<Finding> {
    let Ok(working_dir) = std::env::current_dir() else { return Vec::new() };
    let environment = |variable: &str| std::env::var_os(variable);
    let mut files: Vec<(Installable, PathBuf)> = Vec::new();
    for agent in Installable::ALL {
        for scope in Scope::ALL {
            let path = agent.registry().path(scope, &working_dir, &environment);
            files.extend(path.filter(|path| path.is_file()).map(|path| (agent, path)));
        }
    }
    files.dedup();
    files.into_iter().flat_map(|(agent, path)| of_file(agent, &path)).collect()
}

fn of_file(agent: Installable, path: &Path) -> Vec<Finding> {
    let shown = path.display();
    let Ok(file) = WrittenFile::read(path) else { return Vec::new() };
    let Some(text) = file.text() else { return Vec::new() };
    let mut commands = match commands(text) {
        Ok(commands) => commands,
        // The agent says so itself, where there is a hook of ours that it can't find.
        Err(_) => return Vec::new(),
    };
    commands.sort();
    commands.dedup();
    let installed = !installs::in_path().is_empty();
    let missing = commands.iter().filter_map(|command| {
        let (program, rest) = ours(command)?;
        if program == Path::new(PROGRAM) {
            let message =
                format!("a hook of {} in {shown} runs {PROGRAM}, which is not in PATH", agent.name());
            let help = format!("Put {} into a folder of PATH.", here());
            return (!installed).then(|| Finding::problem(message, help));
        }
        if !program.is_absolute() {
            return None;
        }
        if installs::is_program(&program) {
            return of_another_version(agent, path, &program);
        }
        let message =
            format!("a hook of {} in {shown} runs {}, which is not there", agent.name(), program.display());
        let help =
            format!("Write {PROGRAM} in its place, as `oneworker hook install` does, and have that in PATH.");
        let mended = format!("{PROGRAM}{rest}");
        let after = replace_command(text, command, &mended).ok().filter(|_| installed);
        let repair = after.map(|after| Repair::Settings {
            path: path.to_owned(),
            before: text.to_owned(),
            after,
            shown: [command.clone(), mended],
        });
        Some(Finding::problem(message, help).mended_by(repair))
    });
    missing.collect()
}

/// Sessions of that agent then have another version than those of others.
fn of_another_version(agent: Installable, path: &Path, program: &Path) -> Option<Finding> {
    let here = version::of_this_program();
    let there = installs::version_of(program).filter(|there| there.to_string() != here)?;
    let message = format!(
        "a hook of {} in {} runs {}, which is of version {there}, and this program of {here}",
        agent.name(),
        path.display(),
        program.display()
    );
    Some(Finding::warning(message, "Bring both to one version, or have the hook run this program."))
}

fn here() -> String {
    std::env::current_exe().map_or_else(|_| PROGRAM.to_owned(), |me| me.display().to_string())
}

/// The program of a command that is a hook of ours, and what follows it. A path that a shell has yet to make something of is not understood.
fn ours(command: &str) -> Option<(PathBuf, &str)> {
    let command = command.trim();
    let (program, rest) = match command.chars().next()? {
        quote @ ('"' | '\'') => command[1..].split_once(quote)?,
        _ => command.split_at(command.find(char::is_whitespace)?),
    };
    let name = Path::new(program).file_name()?.to_str()?;
    let is_hook = rest.split_whitespace().next() == Some("hook");
    let plain = !program.contains(['$', '~', '%', '`']) && (cfg!(windows) || !program.contains('\\'));
    (name.strip_suffix(".exe").unwrap_or(name) == PROGRAM && is_hook && plain)
        .then(|| (PathBuf::from(program), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hooks_of_ours_are_told_from_those_of_others() {
        let found = |command| ours(command).map(|(program, rest)| (program.display().to_string(), rest));
        let some = |program: &str, rest| Some((program.to_owned(), rest));
        assert_eq!(found("oneworker hook codex"), some("oneworker", " hook codex"));
        assert_eq!(
            found("'/opt/a b/oneworker' hook codex --x"),
            some("/opt/a b/oneworker", " hook codex --x")
        );
        for other in
            ["", "oneworker", "oneworker ensure", "other hook", "echo oneworker hook", "$X/oneworker hook a"]
        {
            assert_eq!(found(other), None, "{other}");
        }
    }
}
