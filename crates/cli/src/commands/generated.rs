//! `oneworker completions` and `oneworker man`: from the very definition that parses the flags.

use std::fs;

use crate::args::{self, CompletionsArgs, ManArgs};
use crate::exit;
use crate::failure::Failure;
use crate::output::{self, Mode};
use crate::request::Done;

const NAME: &str = "oneworker";

pub(super) fn completions(args: &CompletionsArgs) -> Done {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut args::definition(), NAME, &mut script);
    print(&script)
}

pub(super) fn man(args: &ManArgs) -> Done {
    let definition = args::definition().name(NAME);
    let Some(dir) = &args.dir else {
        let mut page = Vec::new();
        clap_mangen::Man::new(definition)
            .render(&mut page)
            .map_err(|error| Failure::io("the page can't be made", &error))?;
        return print(&page);
    };
    let made = fs::create_dir_all(dir).and_then(|()| clap_mangen::generate_to(definition, dir));
    made.map_err(|error| Failure::io(&format!("the pages can't be written to {}", dir.display()), &error))?;
    output::result(Mode::Human, &format!("the pages are in {}", dir.display()), &())?;
    Ok(exit::OK)
}

fn print(text: &[u8]) -> Done {
    output::result(Mode::Human, String::from_utf8_lossy(text).trim_end(), &())?;
    Ok(exit::OK)
}
