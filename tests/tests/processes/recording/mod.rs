//! Released behaviour stays: exit codes, JSON, and the formats of files are compared with a recording of an earlier program.
//!
//! A *scene* runs commands in one identity, one after the other. What each of them returned is normalised: values that differ from run to run, and
//! texts for people, become markers. `tests/recorded/SCENE.json` has what the recorded program did. The program under test may do more: a new JSON field
//! is no difference. See `docs/testing.md` for making the recording again.

mod normal;
mod scenes;
mod stage;

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::BINARY;
use normal::difference;
use stage::Stage;

/// Names a program that takes the place of the one under test.
const PROGRAM: &str = "RECORDING_PROGRAM";
/// Set: the recording is written and not compared.
const WRITE: &str = "RECORDING_WRITE";

fn program() -> PathBuf {
    std::env::var_os(PROGRAM).map_or_else(|| PathBuf::from(BINARY), PathBuf::from)
}

fn recording(scene: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/recorded/{scene}.json"))
}

/// Plays the scene: all that came of it.
fn played(scene: fn(&mut Stage)) -> Vec<Value> {
    let mut stage = Stage::new(&program());
    scene(&mut stage);
    stage.into_steps()
}

/// Where the two are different, in words.
fn first_difference(recorded: &[Value], now: &[Value]) -> Option<String> {
    let pretty = |step: &Value| serde_json::to_string_pretty(step).unwrap();
    let different = recorded.iter().zip(now).enumerate().find_map(|(number, (was, is))| {
        let what = difference(was, is)?;
        Some(format!("step {number}: {what}\nrecorded: {}\nnow: {}", pretty(was), pretty(is)))
    });
    let other_length = || (recorded.len() != now.len()).then(|| "it has other steps".to_owned());
    different.or_else(other_length)
}

/// Plays the scene, and compares it with its recording. What differs differs each time: a note in the history is best effort, and on a loaded
/// machine one may be missing now and then.
fn is_as_recorded((name, scene): (&str, fn(&mut Stage))) {
    if std::env::var_os(WRITE).is_some() {
        let text = serde_json::to_string_pretty(&played(scene)).unwrap();
        return std::fs::write(recording(name), text + "\n").unwrap();
    }
    let recorded: Vec<Value> = serde_json::from_slice(&std::fs::read(recording(name)).unwrap()).unwrap();
    let mut last = None;
    for _ in 0..3 {
        last = first_difference(&recorded, &played(scene));
        let Some(difference) = &last else { return };
        eprintln!("{name}, {difference}");
    }
    panic!("{name}, {}", last.unwrap_or_default());
}

each! { is_as_recorded:
    fn commands_without_a_worker_are_as_recorded = ("nothing_runs", scenes::nothing_runs);
    fn the_life_of_a_worker_is_as_recorded = ("life", scenes::life);
    fn a_port_of_another_program_is_as_recorded = ("port_taken", scenes::port_taken);
    fn damaged_files_are_as_recorded = ("damaged", scenes::damaged);
    fn commands_that_fail_are_as_recorded = ("failing_command", scenes::failing_command);
    fn a_supervised_command_is_as_recorded = ("supervised", scenes::supervised);
    fn mistakes_of_the_caller_are_as_recorded = ("mistakes", scenes::mistakes);
    fn hooks_are_as_recorded = ("hooks", scenes::hooks);
    fn services_are_as_recorded = ("services", scenes::services);
    fn strays_and_adoption_are_as_recorded = ("strays", scenes::strays);
    fn what_is_generated_is_as_recorded = ("generated", scenes::generated);
}
