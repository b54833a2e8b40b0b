//! From which install a process comes, in a word or two.

use std::path::{Component, Path, PathBuf};

use super::Facts;

/// The path that says it: of a script, if an argument is an absolute path to one beside an interpreter; else of the program.
fn place(facts: &Facts) -> PathBuf {
    const INTERPRETERS: [&str; 8] = ["node", "bun", "deno", "python", "ruby", "sh", "bash", "java"];
    let name = facts.name();
    let interprets = INTERPRETERS.iter().any(|known| {
        name.strip_prefix(known).is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit() || c == '.'))
    });
    let script = facts.arguments.iter().map(Path::new).find(|path| path.is_absolute()).filter(|_| interprets);
    script.map_or_else(|| facts.program.clone(), Path::to_owned)
}

fn names(path: &Path) -> Vec<String> {
    let normal = |component: Component<'_>| match component {
        Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
        _ => None,
    };
    path.parent().into_iter().flat_map(Path::components).filter_map(normal).collect()
}

/// The version that is a folder of the install's path.
pub(crate) fn version(facts: &Facts) -> Option<String> {
    version_in(&names(&place(facts)))
}

fn version_in(names: &[String]) -> Option<String> {
    let is_version = |name: &&String| {
        name.trim_start_matches('v').split('.').count() == 3
            && name.trim_start_matches('v').split('.').next().is_some_and(|part| part.parse::<u32>().is_ok())
    };
    names.iter().rev().find(is_version).cloned()
}

/// `marketplace`, `cache/10.2.4`, or the name of the project or folder.
pub(crate) fn source(facts: &Facts) -> String {
    source_of(&names(&place(facts)))
}

fn source_of(names: &[String]) -> String {
    if names.iter().any(|name| name == "marketplaces" || name == "marketplace") {
        return "marketplace".to_owned();
    }
    let cached = names.iter().any(|name| name == "cache");
    if let Some(version) = version_in(names) {
        let before =
            names.iter().position(|name| *name == version).and_then(|at| names.get(at.checked_sub(1)?));
        let above = if cached { "cache" } else { before.map_or("", String::as_str) };
        return format!("{above}/{version}");
    }
    // What is built lies below the project that it is of.
    const BUILT: [&str; 7] = ["target", "node_modules", "dist", "build", "bin", "scripts", "src"];
    let built = names.iter().position(|name| BUILT.contains(&name.as_str()));
    let project = match built {
        Some(at) if at > 0 => names.get(at - 1),
        _ => names.last(),
    };
    project.cloned().unwrap_or_else(|| "?".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_install_has_a_short_name() {
        for (path, source) in [
            ("/home/a/.claude/plugins/marketplaces/x/plugin/scripts/worker.cjs", "marketplace"),
            ("/home/a/.claude/plugins/cache/x/mem/10.2.4/scripts/worker.cjs", "cache/10.2.4"),
            ("/opt/tool/1.2.3-rc1/tool", "tool/1.2.3-rc1"),
            ("/home/a/project/target/debug/oneworker", "project"),
            ("/usr/bin/oneworker", "usr"),
            ("/oneworker", "?"),
        ] {
            assert_eq!(source_of(&names(Path::new(path))), source, "{path}");
        }
    }
}
