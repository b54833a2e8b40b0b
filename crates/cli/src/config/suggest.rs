//! What somebody meant who wrote a key that does not exist.

use super::key::Key;

/// A hint for a key that is not known in `table` (empty: the top): the nearest name there, the same name in another table, or
/// what is known there.
pub(crate) fn suggest(table: &str, written: &str) -> String {
    let here = names(table);
    // Nothing is near to what is much longer than every name, and the comparison takes memory for each of its letters.
    let written: String = written.to_lowercase().replace('-', "_").chars().take(64).collect();
    let distance = |name: &str| strsim::damerau_levenshtein(name, &written);
    let close = |name: &&'static str| distance(name) <= 1 + name.len() / 4;
    if let Some(name) = here.iter().copied().filter(close).min_by_key(|name| distance(name)) {
        return format!("did you mean {name:?}?");
    }
    let elsewhere = Key::ALL
        .iter()
        .map(|key| key.table_and_leaf())
        .filter(|(_, leaf)| close(leaf))
        .min_by_key(|(_, leaf)| distance(leaf));
    match elsewhere {
        Some(("", leaf)) => format!("did you mean {leaf:?} at the top, before any table?"),
        Some((other, leaf)) => format!("did you mean {leaf:?} in [{other}]?"),
        None => format!("known here: {}", here.join(", ")),
    }
}

/// The keys and tables of a table.
fn names(table: &str) -> Vec<&'static str> {
    let mut names = Vec::new();
    for (of, leaf) in Key::ALL.iter().map(|key| key.table_and_leaf()) {
        let name = if of == table { leaf } else { of };
        let is_here = of == table || table.is_empty();
        if is_here && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}
