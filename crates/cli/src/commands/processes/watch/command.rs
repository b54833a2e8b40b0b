//! The command: a loop over events.

use std::io::IsTerminal;

use super::event::WatchEvent;
use super::model::{NextStep, WatchModel};
use super::picture;
use super::sampler::Sampler;
use super::screen::Screen;
use crate::args::PsArgs;
use crate::exit;
use crate::failure::Failure;
use crate::output::{self, Mode};
use crate::request::{Done, Request};

/// Shows the table until the user leaves it.
pub(in super::super) fn run(args: &PsArgs, request: Request) -> Done {
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
    let mut watch = WatchModel::new(request.settings.name.value.as_str(), args.interval(), size);
    let mut screen = Screen::open().map_err(lost)?;
    // After the screen: should it panic, there is one to give back.
    let sampler = Sampler::start(request, args.all, args.interval())
        .map_err(|error| Failure::io("the processes can't be watched", &error))?;
    let mut waits_for_end = false;
    loop {
        screen.show(picture::lines(&watch)).map_err(lost)?;
        let event = match sampler.news() {
            Some(news) => news,
            None => match screen.event().map_err(lost)? {
                Some(event) => event,
                None => continue,
            },
        };
        waits_for_end &= !matches!(event, WatchEvent::Ended(_));
        match watch.step(event) {
            NextStep::Stay => {}
            NextStep::End(target) => {
                waits_for_end = true;
                sampler.order(target);
            }
            NextStep::Leave => break,
        }
    }
    drop(screen);
    // What was begun is not left half done: one that was asked to end and does not is still to be killed.
    while waits_for_end {
        match sampler.wait() {
            WatchEvent::Ended(words) => {
                output::note(&words);
                waits_for_end = false;
            }
            WatchEvent::Lost => break,
            _ => {}
        }
    }
    if watch.is_lost() {
        let error = std::io::Error::other("nobody looks at the processes any more");
        return Err(Failure::io("ps --watch can't go on", &error));
    }
    Ok(exit::OK)
}
