//! Files that need each other.

use std::collections::{BTreeMap, BTreeSet};

use crate::imports::{Import, Kind};
use crate::module::{Crate, ModulePath};

/// The groups of files that need each other, each as one line with its shortest circle.
pub(crate) fn of(found: &Crate) -> Vec<String> {
    let edges = edges(found);
    let mut groups: BTreeMap<BTreeSet<String>, Vec<String>> = BTreeMap::new();
    for start in edges.keys() {
        let Some(circle) = shortest_circle(&edges, start) else { continue };
        let reached = reachable(&edges, start);
        let group = reached.into_iter().filter(|file| reachable(&edges, file).contains(start)).collect();
        let known = groups.entry(group).or_insert_with(|| circle.clone());
        if circle.len() < known.len() {
            *known = circle;
        }
    }
    let line = |(group, circle): (BTreeSet<String>, Vec<String>)| {
        let circle = format!("{} → {}", circle.join(" → "), circle[0]);
        format!("{}: {} files need each other: {circle}", found.name, group.len())
    };
    groups.into_iter().map(line).collect()
}

/// The files that a file needs, and those that they need in turn.
fn reachable(edges: &BTreeMap<String, BTreeSet<String>>, start: &String) -> BTreeSet<String> {
    let (mut found, mut open) = (BTreeSet::new(), vec![start]);
    while let Some(file) = open.pop() {
        for target in edges.get(file).into_iter().flatten() {
            if found.insert(target.clone()) {
                open.push(target);
            }
        }
    }
    found
}

/// Which file needs which others.
fn edges(found: &Crate) -> BTreeMap<String, BTreeSet<String>> {
    let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (path, module) in &found.modules {
        let needed = edges.entry(module.file.clone()).or_default();
        for import in module.imports.iter().filter(|import| !matches!(import.kind, Kind::Reexport(_))) {
            for target in resolved(found, path, import, 0) {
                let target = &found.modules[&target].file;
                if *target != module.file {
                    needed.insert(target.clone());
                }
            }
        }
    }
    edges
}

/// The modules with the item that a path names. None if it is of another crate.
fn resolved(found: &Crate, module: &ModulePath, import: &Import, depth: usize) -> Vec<ModulePath> {
    let mut at: ModulePath = module.iter().chain(&import.inside).cloned().collect();
    let mut segments = import.segments.as_slice();
    match segments.first().map(String::as_str) {
        Some("crate") => at.clear(),
        Some("self") => {}
        Some("super") => drop(at.pop()),
        Some(first) if found.modules.contains_key(&below(&at, first)) => at.push(first.to_owned()),
        _ => return Vec::new(),
    }
    segments = &segments[1..];
    while let Some((first, rest)) = segments.split_first() {
        let child = below(&at, first);
        if first == "super" {
            at.pop();
        } else if found.modules.contains_key(&child) {
            at = child;
        } else {
            let passed_on = passed_on(found, &at, first, rest);
            if depth < 20 && !passed_on.is_empty() {
                return passed_on
                    .into_iter()
                    .flat_map(|(module, import)| resolved(found, &module, &import, depth + 1))
                    .collect();
            }
            break;
        }
        segments = rest;
    }
    // An inline module is a part of its file.
    while !found.modules.contains_key(&at) {
        at.pop();
    }
    vec![at]
}

/// What a module has imported under this name, which others can import from it in turn.
fn passed_on(found: &Crate, at: &ModulePath, name: &str, rest: &[String]) -> Vec<(ModulePath, Import)> {
    let Some(module) = found.modules.get(at) else { return Vec::new() };
    let same_name = |import: &&Import| match &import.kind {
        Kind::Use(known) | Kind::Reexport(known) => known == name && import.inside.is_empty(),
        Kind::Item => false,
    };
    let longer = |import: &Import| {
        let segments = import.segments.iter().chain(rest).cloned().collect();
        (at.clone(), Import { segments, ..import.clone() })
    };
    let is_ours = |(module, import): &(ModulePath, Import)| !resolved(found, module, import, 20).is_empty();
    module.imports.iter().filter(same_name).map(longer).filter(is_ours).collect()
}

fn below(module: &ModulePath, name: &str) -> ModulePath {
    module.iter().cloned().chain([name.to_owned()]).collect()
}

/// The files of the shortest way from a file back to itself.
fn shortest_circle(edges: &BTreeMap<String, BTreeSet<String>>, start: &String) -> Option<Vec<String>> {
    let mut ways = vec![vec![start.clone()]];
    let mut seen = BTreeSet::new();
    while !ways.is_empty() {
        let mut next = Vec::new();
        for way in ways {
            for target in edges.get(way.last()?).into_iter().flatten() {
                if target == start {
                    return Some(way);
                }
                if seen.insert(target.clone()) {
                    next.push(way.iter().cloned().chain([target.clone()]).collect());
                }
            }
        }
        ways = next;
    }
    None
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn circles(files: &[(&str, &str)]) -> Vec<String> {
        let read = |path: &Path| {
            let file = files.iter().find(|(name, _)| Path::new("sample/src").join(name) == path);
            file.map(|(_, text)| (*text).to_owned())
        };
        of(&Crate::read(Path::new("sample/src"), &read))
    }

    #[test]
    fn a_circle_is_found_through_uses_paths_and_reexports() {
        let found = circles(&[
            ("lib.rs", "mod a; mod b;"),
            ("a/mod.rs", "mod inner; pub(crate) use inner::Thing;"),
            ("a/inner.rs", "pub(crate) struct Thing; fn f() { crate::b::g() }"),
            ("b.rs", "use crate::a::{Thing as Other, self}; pub(crate) fn g() {}"),
        ]);
        assert_eq!(found, ["sample: 2 files need each other: a/inner.rs → b.rs → a/inner.rs"]);
    }

    #[test]
    fn a_parent_that_uses_its_child_must_not_be_used_by_it() {
        let child = ("a/b.rs", "use super::T; pub(super) fn f(_: T) {}");
        let parent = ("a.rs", "mod b; pub(crate) struct T; pub(crate) fn g() { b::f(T) }");
        assert_eq!(
            circles(&[("lib.rs", "mod a;"), parent, child]),
            ["sample: 2 files need each other: a.rs → a/b.rs → a.rs"]
        );
        let declares = ("a.rs", "mod b; pub(crate) struct T;");
        assert_eq!(circles(&[("lib.rs", "mod a;"), declares, child]), [""; 0]);
    }

    #[test]
    fn tests_inline_modules_and_scopes_make_no_circle() {
        let found = circles(&[
            ("lib.rs", "mod a; mod b;"),
            (
                "a.rs",
                "pub(in crate::b) struct T; mod inner { use super::T; } #[cfg(test)] mod tests { use crate::b::f; }",
            ),
            (
                "b.rs",
                "use crate::a::T; #[cfg(test)] use x::{y}; #[cfg(test)] mod tests; pub(crate) fn f(_: T) {}",
            ),
        ]);
        assert_eq!(found, [""; 0]);
    }
}
