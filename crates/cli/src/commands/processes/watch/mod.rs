//! `oneworker ps --watch`: the table, live, with keys to look closer and to stop.
//!
//! Three parts that know little of each other. `model` is what is shown and what keys mean: a state, and what each event makes of it. `picture`
//! makes lines of a state and a size. Both are plain values and functions. `looker` is a thread that looks at the processes again and again, and
//! ends one where it was ordered to: a worker that does not answer makes no key wait. `screen` is the terminal, and gives it back as it was.

mod looker;
mod model;
mod pane;
mod picture;
mod screen;

use std::io::IsTerminal;

use crate::args::PsArgs;
use crate::exit;
use crate::failure::Failure;
use crate::output::{self, Mode};
use crate::request::{Done, Request};
use looker::Looker;
use model::{Event, Step, Watch};
use screen::Screen;

/// Watches until the user has seen enough.
pub(super) fn run(args: &PsArgs, request: Request) -> Done {
    if args.output.mode() != Mode::Human
        || !std::io::stdin().is_terminal()
        || !std::io::stdout().is_terminal()
    {
        let message = "ps --watch needs a terminal for standard input and output, to itself".to_owned();
        let help =
            format!("For a program, run {} in a loop, with a pause.", request.words.command("ps --json"));
        return Err(Failure::plain("usage", message, help));
    }
    let lost = |error| Failure::io("the terminal can't be used", &error);
    let size = Screen::size().map_err(lost)?;
    let mut watch = Watch::new(request.settings.name.value.as_str(), args.interval(), size);
    let mut screen = Screen::open().map_err(lost)?;
    // After the screen: should it panic, there is one to give back.
    let looker = Looker::start(request, args.all, args.interval())
        .map_err(|error| Failure::io("the processes can't be watched", &error))?;
    let mut waits_for_end = false;
    loop {
        screen.show(picture::lines(&watch)).map_err(lost)?;
        let event = match looker.news() {
            Some(news) => news,
            None => match screen.event().map_err(lost)? {
                Some(event) => event,
                None => continue,
            },
        };
        waits_for_end &= !matches!(event, Event::Ended(_));
        match watch.step(event) {
            Step::Stay => {}
            Step::End(target) => {
                waits_for_end = true;
                looker.order(target);
            }
            Step::Leave => break,
        }
    }
    drop(screen);
    // What was begun is not left half done: one that was asked to end and does not is still to be killed.
    while waits_for_end {
        match looker.wait() {
            Event::Ended(words) => {
                output::note(&words);
                waits_for_end = false;
            }
            Event::Lost => break,
            _ => {}
        }
    }
    if watch.is_lost() {
        let error = std::io::Error::other("nobody looks at the processes any more");
        return Err(Failure::io("ps --watch can't go on", &error));
    }
    Ok(exit::OK)
}
