//! What is shown and asked on a terminal: `ps --watch`, the questions of `reap` and `purge`, `storm`.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use oneworker_tests::{Bystander, Run, Terminal, is_alive, terminate, wait_for, wait_until_gone};

use crate::mess::{Mess, Unmanaged};
use crate::{BINARY, identity};

const SIZES: [(u16, u16); 2] = [(80, 24), (200, 50)];

/// A worker and two strays.
fn watched() -> (Mess, u32, [Unmanaged; 2]) {
    let mess = Mess::new();
    let worker = mess.identity.patient();
    let strays = [mess.daemon(&mess.marketplace, &[]), mess.daemon(&mess.cache, &[])];
    (mess, worker.pid, strays)
}

fn watch(mess: &Mess, (columns, rows): (u16, u16)) -> Terminal {
    mess.identity.command("ps").args(["--watch", "--interval", "200ms"]).on_terminal(columns, rows)
}

/// Where the row of a process is, counted from the first one.
fn place(terminal: &Terminal, pid: u32) -> usize {
    let is_its = |line: &String| line.split_whitespace().next() == Some(&pid.to_string());
    // Below the title and the headings.
    terminal.wait_for(&format!("process {pid}"), |lines| lines.iter().position(is_its)) - 2
}

fn leave(mut terminal: Terminal) {
    terminal.press("q");
    assert!(terminal.status().success(), "{}", terminal.written());
    wait_until_as_before(&terminal);
}

fn wait_until_as_before(terminal: &Terminal) {
    wait_for("the terminal as it was", || terminal.is_as_before().then_some(()));
}

#[test]
fn the_table_is_live_and_a_key_ends_the_chosen_stray_and_nobody_else() {
    let (mess, worker, [one, other]) = watched();
    let mut bystander = Bystander::start();
    let mut terminal = watch(&mess, (80, 24));
    place(&terminal, worker);
    terminal.press(&"j".repeat(place(&terminal, other.pid())));
    terminal.press("s");
    terminal.wait_for_text(&format!("End the stray {}? [y/N]", other.pid()));
    terminal.press("n");
    terminal.wait_for_text("nothing was ended");
    assert!(is_alive(other.pid()));
    terminal.press("sy");
    terminal.wait_for_text(&format!("process {} has ended", other.pid()));
    wait_until_gone(other.pid());
    terminal.wait_for("a table without it", |lines| lines[0].contains("2 processes, 1 strays").then_some(()));
    assert!(is_alive(worker) && is_alive(one.pid()));
    bystander.assert_untouched();
    leave(terminal);
}

#[test]
fn the_worker_is_stopped_by_a_key_and_the_next_one_is_seen() {
    let (mess, worker, _strays) = watched();
    let mut terminal = watch(&mess, (80, 24));
    assert_eq!(place(&terminal, worker), 0, "the worker comes first");
    terminal.press("s");
    terminal.wait_for_text(&format!("pid {worker}? [y/N]"));
    terminal.press("y");
    terminal.wait_for_text(&format!("the worker {worker} has stopped"));
    wait_until_gone(worker);
    assert!(mess.identity.log().contains("oneworker ps --watch"), "{}", mess.identity.log());
    let next = mess.identity.patient();
    assert_eq!(place(&terminal, next.pid), 0);
    leave(terminal);
}

#[test]
fn a_worker_that_took_office_after_the_question_is_not_stopped() {
    let (mess, worker, _strays) = watched();
    let mut terminal = mess.identity.command("ps").args(["--watch", "--interval", "1h"]).on_terminal(80, 24);
    place(&terminal, worker);
    terminal.press("s");
    terminal.wait_for_text("[y/N]");
    mess.identity.stop();
    let next = mess.identity.patient();
    terminal.press("y");
    terminal.wait_for_text(&format!("process {worker} is not in office any more"));
    assert!(is_alive(next.pid));
    leave(terminal);
}

#[test]
fn nothing_wraps_in_any_size_and_a_resized_window_is_filled_anew() {
    let (mess, worker, strays) = watched();
    let mut terminal = watch(&mess, SIZES[1]);
    place(&terminal, worker);
    let wide = terminal.lines();
    assert!(wide[1].contains("STARTED BY") && wide[1].contains("COMMAND"), "{wide:#?}");
    assert!(wide[49].contains("q quit"), "{wide:#?}");
    terminal.resize(80, 24);
    terminal.wait_for("keys in the last line", |lines| lines.get(23)?.contains("q quit").then_some(()));
    for pid in [worker, strays[0].pid(), strays[1].pid()] {
        place(&terminal, pid);
    }
    assert!(!terminal.lines()[1].contains("COMMAND") && !terminal.wraps(), "{:#?}", terminal.lines());
    // A window that is too small for anything is no reason to fail.
    terminal.resize(3, 2);
    terminal.resize(80, 24);
    terminal.wait_for("keys in the last line", |lines| lines.get(23)?.contains("q quit").then_some(()));
    leave(terminal);
}

/// `docs/screens.md` shows what such runs showed.
#[test]
fn the_documentation_shows_the_headings_and_the_keys() {
    let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let document = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/screens.md");
    let document: Vec<String> = std::fs::read_to_string(document).unwrap().lines().map(squeezed).collect();
    let (mess, worker, _strays) = watched();
    let mut terminal = watch(&mess, SIZES[1]);
    place(&terminal, worker);
    // Which columns have room in a small window is for what stands in them to say.
    let headings = terminal.lines()[1].clone();
    terminal.press("s");
    terminal.wait_for_text("[y/N]");
    let question = terminal.lines()[49].clone();
    terminal.press("ni");
    terminal.wait_for_text("in office, and serves");
    for line in [&headings, &question, &terminal.lines()[49]] {
        assert!(document.contains(&squeezed(line)), "docs/screens.md does not show {line:?}");
    }
    leave(terminal);
}

#[test]
fn a_process_is_looked_at_closely() {
    let (mess, worker, [stray, _]) = watched();
    let mut terminal = watch(&mess, SIZES[1]);
    place(&terminal, worker);
    terminal.press("i");
    terminal.wait_for_text("in office, and serves");
    let log = mess.identity.log();
    let line = log.lines().find(|line| line.contains("in office for")).unwrap();
    let page = terminal.wait_for_text(&line.chars().take(150).collect::<String>());
    assert!(!page.is_empty());
    terminal.press("\u{1b}");
    let at = place(&terminal, stray.pid());
    terminal.press(&format!("{}\r", "\u{1b}[B".repeat(at)));
    terminal.wait_for_text("looks like the worker's program, and belongs to no worker");
    terminal.wait_for_text(&format!("--db {}", mess.database().display()));
    leave(terminal);
}

#[test]
fn every_way_out_gives_the_terminal_back() {
    let (mess, worker, _strays) = watched();
    for keys in ["q", "\u{1b}", "\u{3}"] {
        let mut terminal = watch(&mess, SIZES[0]);
        place(&terminal, worker);
        assert!(terminal.is_taken() && !terminal.is_as_before());
        terminal.press(keys);
        assert!(terminal.status().success(), "{keys:?}");
        wait_until_as_before(&terminal);
    }
    let mut terminal = watch(&mess, SIZES[0]);
    place(&terminal, worker);
    terminate(terminal.pid());
    assert_eq!(terminal.status().signal(), Some(15), "it ends by the signal, as it would have");
    wait_until_as_before(&terminal);
}

#[test]
fn who_was_asked_to_end_is_killed_although_the_user_has_left() {
    let mess = Mess::new();
    mess.identity.patient();
    let deaf = mess.daemon(&mess.cache, &["--deaf"]);
    let mut terminal = watch(&mess, SIZES[0]);
    terminal.press(&"j".repeat(place(&terminal, deaf.pid())));
    terminal.press("syq");
    assert!(terminal.status().success());
    terminal.wait_for_text(&format!("process {} did not obey and was killed", deaf.pid()));
    wait_until_gone(deaf.pid());
    wait_until_as_before(&terminal);
}

#[test]
fn a_panic_is_told_on_the_terminal_as_it_was() {
    let (mess, ..) = watched();
    let watch = mess.identity.command("ps").arg("--watch").env("ONEWORKER_FAILPOINTS", "watch.look=panic");
    let mut terminal = watch.on_terminal(80, 24);
    assert_eq!(terminal.status().code(), Some(50));
    terminal.wait_for_text("failpoint watch.look");
    terminal.wait_for_text("ps --watch can't go on");
    wait_until_as_before(&terminal);
}

#[test]
fn without_a_terminal_there_is_nothing_to_watch() {
    let identity = identity();
    let output = identity.command("ps").arg("--watch").output();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(2) && said.contains("`oneworker ps --json"), "{said}");
    let failure = identity.command("ps").args(["--watch", "--json"]).failure();
    assert_eq!((failure.code.as_str(), failure.status), ("usage", 2));
    let mut terminal = identity.command("ps").args(["--watch", "--quiet"]).on_terminal(80, 24);
    assert_eq!(terminal.status().code(), Some(2));
}

#[test]
fn reap_asks_and_ends_them_after_a_yes_only() {
    let (mess, _, [one, other]) = watched();
    for (answer, code) in [("n\n", 5), ("\n", 5), ("yes\n", 0)] {
        let mut terminal = mess.identity.command("reap").on_terminal(200, 50);
        terminal.wait_for_text("End these 2 processes? [y/N]");
        assert!(is_alive(one.pid()) && is_alive(other.pid()), "nobody has said yes");
        terminal.press(answer);
        assert_eq!(terminal.status().code(), Some(code), "{answer:?}: {}", terminal.written());
    }
    wait_until_gone(one.pid());
    wait_until_gone(other.pid());
}

#[test]
fn purge_asks_and_removes_after_a_yes_only() {
    let identity = identity();
    let worker = identity.patient();
    for (answer, code) in [("n\n", 8), ("x\n", 8), ("\u{4}", 8), ("y\n", 0)] {
        let mut terminal = identity.command("purge").patiently().on_terminal(200, 50);
        terminal.wait_for_text("state? [y/N]");
        assert!(is_alive(worker.pid) && identity.file("worker.db").exists(), "nobody has said yes");
        terminal.press(answer);
        assert_eq!(terminal.status().code(), Some(code), "{answer:?}: {}", terminal.written());
    }
    wait_until_gone(worker.pid);
    assert!(!identity.state_dir().exists());
}

#[test]
fn a_storm_fits_into_the_window() {
    for (columns, rows) in SIZES {
        let temporary = tempfile::tempdir().unwrap();
        let mut command = Command::new(BINARY);
        command.args(["storm", "-n", "20"]).env("TMPDIR", temporary.path());
        let mut terminal = Run::new(command).on_terminal(columns, rows);
        assert!(terminal.status().success(), "{}", terminal.written());
        terminal.wait_for_text("20 sessions, one worker, within ");
        let bars =
            terminal.lines().iter().filter(|line| line.contains(" A  ") && line.ends_with(" ms")).count();
        assert_eq!((bars, terminal.wraps()), (20, false), "{:#?}", terminal.lines());
    }
}
