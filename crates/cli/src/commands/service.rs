//! `oneworker service`: the worker as a service of the system.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Done, consent, settings};
use crate::args::{ServiceArgs, ServiceChange, ServiceCommand};
use crate::config::FileChoice;
use crate::exit;
use crate::failure::Failure;
use crate::output::{self, Mode, SCHEMA};
use crate::service::{Kind, Service};
use crate::written::{Refused, WrittenFile, difference};

pub(super) fn run(command: &ServiceCommand) -> (Mode, Done) {
    match command {
        ServiceCommand::Install(args) => (args.service.output.mode(), install(&args.service, args)),
        ServiceCommand::Uninstall(args) => (args.service.output.mode(), uninstall(&args.service, args)),
        ServiceCommand::Show(args) => (args.output.mode(), show(args)),
    }
}

/// The shape of success.
#[derive(Serialize)]
struct Answer<'a> {
    schema: u32,
    outcome: &'a str,
    path: &'a Path,
    text: &'a str,
    next: &'a str,
}

/// A service, and where it is written down.
struct Place {
    kind: Kind,
    service: Service,
    path: PathBuf,
}

fn place(args: &ServiceArgs) -> Result<Place, Failure> {
    let mut flags = args.common.flags();
    args.tuning.add_to(&mut flags);
    args.supervised.add_to(&mut flags);
    let file = args.common.file();
    let settings = settings(&flags, &file)?;
    let program = std::env::current_exe()
        .map_err(|error| Failure::io("this program's own path can't be found", &error))?;
    let service = Service::new(&program, &settings, file == FileChoice::None).map_err(Failure::usage)?;
    let kind = args.manager.unwrap_or_else(Kind::here);
    let path = service.path(kind, &|variable| std::env::var_os(variable)).ok_or_else(|| {
        Failure::usage("no variable names the home directory, where services are".to_owned())
    })?;
    Ok(Place { kind, service, path })
}

fn show(args: &ServiceArgs) -> Done {
    let Place { kind, service, path } = place(args)?;
    let text = service.text(kind);
    let installed = WrittenFile::read(&path)?.text;
    let outcome = match installed {
        None => "not_installed",
        Some(installed) if installed == text => "installed",
        Some(_) => "differs",
    };
    let next = service.enable(kind, &path);
    let words = format!("# {}: {}\n{text}", path.display(), outcome.replace('_', " "));
    output::result(
        args.output.mode(),
        words.trim_end(),
        &Answer { schema: SCHEMA, outcome, path: &path, text: &text, next: &next },
    )?;
    Ok(exit::OK)
}

fn install(args: &ServiceArgs, change: &ServiceChange) -> Done {
    let Place { kind, service, path } = place(args)?;
    let text = service.text(kind);
    let next = service.enable(kind, &path);
    let answer = |outcome| Answer { schema: SCHEMA, outcome, path: &path, text: &text, next: &next };
    let mode = args.output.mode();
    let file = WrittenFile::read(&path)?;
    if file.text.as_deref() == Some(&text) {
        let words = format!("{} is as it should be. To start it: {next}", path.display());
        output::result(mode, &words, &answer("unchanged"))?;
        return Ok(exit::OK);
    }
    let diff = difference(&path, file.text.as_deref().unwrap_or_default(), &text);
    if change.consent.dry_run {
        output::result(mode, &output::printable(diff.trim_end()), &answer("would_change"))?;
        return Ok(exit::OK);
    }
    consent::obtain(&change.consent, mode, &diff)?;
    file.write(&text)?;
    output::result(
        mode,
        &format!("{} is written. To start it: {next}", path.display()),
        &answer("installed"),
    )?;
    Ok(exit::OK)
}

fn uninstall(args: &ServiceArgs, change: &ServiceChange) -> Done {
    let Place { kind, service, path } = place(args)?;
    let next = service.disable(kind);
    let mode = args.output.mode();
    let file = WrittenFile::read(&path)?;
    let text = file.text.clone().unwrap_or_default();
    let answer = |outcome| Answer { schema: SCHEMA, outcome, path: &path, text: &text, next: &next };
    if file.text.is_none() {
        output::result(mode, &format!("there is no {}", path.display()), &answer("unchanged"))?;
        return Ok(exit::OK);
    }
    let diff = difference(&path, &text, "");
    if change.consent.dry_run {
        output::result(mode, &output::printable(diff.trim_end()), &answer("would_change"))?;
        return Ok(exit::OK);
    }
    // The manager has to forget it while the file is there.
    if kind == Kind::Systemd && enabled(&path) {
        let message = format!("{} is enabled: first run {next}", path.display());
        return Err(Refused(message).into());
    }
    consent::obtain(&change.consent, mode, &diff)?;
    file.remove()?;
    output::result(
        mode,
        &format!("{} is gone. If it still runs: {next}", path.display()),
        &answer("uninstalled"),
    )?;
    Ok(exit::OK)
}

/// Whether systemd has its link to the unit, as `systemctl enable` makes it.
fn enabled(path: &Path) -> bool {
    let link =
        path.parent().zip(path.file_name()).map(|(dir, name)| dir.join("default.target.wants").join(name));
    link.is_some_and(|link| std::fs::symlink_metadata(link).is_ok())
}
