//! The corpora of the fuzzers: valid seeds, what a fuzzer found to be worth keeping, and whatever once broke a promise.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use oneworker_tests::hostile::{TARGETS, Target};

use super::readers::feed;

/// The two kinds of folders, each with one folder for each target.
const CORPUS: &str = "corpus";
const REGRESSIONS: &str = "regressions";

fn fuzz(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz").join(path)
}

/// What lies in a folder, in a fixed order; nothing if there is no such folder.
fn entries(path: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<_> =
        fs::read_dir(path).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries
}

fn names(folder: &str) -> BTreeSet<String> {
    entries(&fuzz(folder)).iter().map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

fn inputs(folder: &str, target: Target) -> Vec<PathBuf> {
    entries(&fuzz(folder).join(target.name))
}

#[test]
fn whatever_a_fuzzer_ever_found_stays_harmless() {
    for target in TARGETS {
        for input in [CORPUS, REGRESSIONS].iter().flat_map(|folder| inputs(folder, *target)) {
            // Told only if it fails.
            println!("{}", input.display());
            feed(*target, &fs::read(&input).unwrap());
        }
    }
}

#[test]
fn every_feed_has_a_fuzz_target_and_a_corpus_and_there_are_no_others() {
    let feeds: BTreeSet<_> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    assert_eq!(names("fuzz_targets"), feeds);
    assert_eq!(names(CORPUS), feeds);
    assert!(names(REGRESSIONS).is_subset(&feeds));
    let manifest = fs::read_to_string(fuzz("Cargo.toml")).unwrap();
    let built: BTreeSet<_> = manifest
        .split("[[bin]]\nname = \"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap().to_owned())
        .collect();
    assert_eq!(built, feeds);
    for target in TARGETS {
        let source = fs::read_to_string(fuzz("fuzz_targets").join(target.name).with_extension("rs")).unwrap();
        assert!(source.contains(&format!("(\"{}\", bytes)", target.name)), "{} feeds another", target.name);
        assert!(!inputs(CORPUS, *target).is_empty(), "{} has an empty corpus", target.name);
    }
}

/// A seed that is no longer valid tests the first check of its reader and no more.
#[test]
fn the_corpora_begin_with_the_seeds_of_today() {
    for target in TARGETS {
        for (number, seed) in (target.seeds)().into_iter().enumerate() {
            // SQLite writes its own version, and salts at random, into its files.
            let differs = target.name.starts_with("lifecycle");
            let kept = fs::read(seed_file(*target, number)).unwrap_or_default();
            assert!(
                if differs { kept.len() == seed.len() } else { kept == seed },
                "{} {number}: {HOW}",
                target.name
            );
        }
    }
}

const HOW: &str = "run `cargo test -p oneworker-tests --test hostile_bytes -- --ignored write_the_corpora`";

fn seed_file(target: Target, number: usize) -> PathBuf {
    fuzz(CORPUS).join(target.name).join(format!("seed-{number}"))
}

/// After a format got a new field.
#[test]
#[ignore = "writes into the source tree"]
fn write_the_corpora() {
    for target in TARGETS {
        for (number, seed) in (target.seeds)().into_iter().enumerate() {
            let file = seed_file(*target, number);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, seed).unwrap();
        }
    }
}
