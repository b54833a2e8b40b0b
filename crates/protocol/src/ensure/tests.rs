//! The picture in `mod.rs` is the code.

use std::collections::{BTreeMap, BTreeSet};

const PICTURE: &str = include_str!("mod.rs");

/// The steps' files.
const STEPS: [(&str, &str); 9] = [
    ("await_claim", include_str!("await_claim.rs")),
    ("diagnosis", include_str!("diagnosis.rs")),
    ("election", include_str!("election.rs")),
    ("fast_path", include_str!("fast_path.rs")),
    ("find", include_str!("find.rs")),
    ("handover", include_str!("handover.rs")),
    ("launch", include_str!("launch.rs")),
    ("replacement", include_str!("replacement.rs")),
    ("retirement", include_str!("retirement.rs")),
];

/// The files below the steps, each below the ones after it.
const LEAVES: [(&str, &str); 14] = [
    ("worker", include_str!("worker.rs")),
    ("published", include_str!("published.rs")),
    ("budget", include_str!("budget.rs")),
    ("suspicion", include_str!("suspicion.rs")),
    ("state", include_str!("state.rs")),
    ("context", include_str!("context.rs")),
    ("probe", include_str!("probe.rs")),
    ("holder", include_str!("holder.rs")),
    ("next", include_str!("next.rs")),
    ("reuse", include_str!("reuse.rs")),
    ("failure", include_str!("failure.rs")),
    ("backoff", include_str!("backoff.rs")),
    ("rollback", include_str!("rollback.rs")),
    ("successor", include_str!("successor.rs")),
];

/// The product code of a file, without comments and tests.
fn product(source: &str) -> String {
    let code = source.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The files of this directory that a file uses.
fn used(source: &str) -> BTreeSet<String> {
    let code = product(source);
    let names = code
        .split("super::")
        .skip(1)
        .map(|rest| rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect::<String>());
    names.filter(|name| !name.is_empty() && name != "super").collect()
}

/// The words in backticks of one column.
fn quoted(column: &str) -> BTreeSet<&str> {
    column.split('`').skip(1).step_by(2).collect()
}

#[test]
fn the_table_of_steps_is_the_code() {
    let mut drawn = BTreeMap::new();
    for line in PICTURE.lines().filter_map(|line| line.strip_prefix("//! | `")) {
        if let [_, file, next] = line.split(" | ").collect::<Vec<_>>()[..] {
            drawn.insert(quoted(file).into_iter().collect::<String>(), quoted(next));
        }
    }
    let sources = STEPS.map(|(file, source)| (file, product(source)));
    let coded: BTreeMap<_, _> = sources
        .iter()
        .map(|(file, code)| {
            let returned = code.split("Next::").skip(1).map(|rest| {
                let end = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
                &rest[..end]
            });
            ((*file).to_owned(), returned.collect::<BTreeSet<_>>())
        })
        .collect();
    assert_eq!(drawn, coded);
}

#[test]
fn no_step_names_another_step() {
    let steps: BTreeSet<String> = STEPS.iter().map(|(file, _)| (*file).to_owned()).collect();
    for (file, source) in STEPS {
        let others: Vec<_> = used(source).intersection(&steps).cloned().collect();
        assert!(others.is_empty(), "{file} uses {others:?}");
    }
}

#[test]
fn leaves_use_only_leaves_below_them() {
    let mut below = BTreeSet::new();
    for (file, source) in LEAVES {
        let above: Vec<_> = used(source).difference(&below).cloned().collect();
        assert!(above.is_empty(), "{file} uses {above:?}");
        below.insert(file.to_owned());
    }
}

#[test]
fn only_one_file_touches_the_state_directory_and_one_has_durations() {
    for (file, source) in STEPS.into_iter().chain(LEAVES) {
        let code = product(source);
        assert!(file == "state" || !code.contains(".files."), "{file} touches the state directory");
        assert!(file == "budget" || !code.contains("Duration::from_secs"), "{file} has durations");
        let millis = file == "suspicion" || file == "budget";
        assert!(millis || !code.contains("Duration::from_millis"), "{file} has durations");
    }
}
