//! `oneworker service`: the worker as a service of the system.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use coordinator::PortChoice;
use oneworker_agents::settings::{FileError, WrittenFile, difference};
use serde::Serialize;
use worker::SocketMode;

use super::consent;
use crate::args::{ServiceArgs, ServiceChange, ServiceCommand};
use crate::config::FileChoice;
use crate::exit;
use crate::failure::Failure;
use crate::installs;
use crate::output::{self, Mode, SCHEMA};
use crate::request::{Done, settings};
use crate::service::{Manager, Service};

pub(super) fn run(command: &ServiceCommand) -> (Mode, Done) {
    match command {
        ServiceCommand::Install(args) => (args.service.output.mode(), install(&args.service, args)),
        ServiceCommand::Uninstall(args) => (args.service.output.mode(), uninstall(&args.service, args)),
        ServiceCommand::Show(args) => (args.output.mode(), show(args)),
    }
}

/// The shape of success.
#[derive(Serialize)]
struct ServiceOutput<'a> {
    schema: u32,
    outcome: &'a str,
    path: &'a Path,
    text: &'a str,
    /// The socket unit, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    socket: Option<SocketUnit<'a>>,
    next: &'a str,
}

#[derive(Serialize)]
struct SocketUnit<'a> {
    path: &'a Path,
    text: &'a str,
}

/// The files of a service: first its own, then its socket's if it has one.
struct ServiceFiles {
    manager: Manager,
    service: Service,
    files: Vec<FileText>,
}

/// A path, and what the file there must contain.
type FileText = (PathBuf, String);

impl ServiceFiles {
    /// The service's file; there always is one.
    fn path(&self) -> &Path {
        self.files.first().map_or(Path::new(""), |(path, _)| path)
    }

    fn names(&self) -> String {
        let names: Vec<String> = self.files.iter().map(|(path, _)| path.display().to_string()).collect();
        names.join(" and ")
    }

    fn answer<'a>(&'a self, outcome: &'a str, next: &'a str) -> ServiceOutput<'a> {
        let socket = self.files.get(1).map(|(path, text)| SocketUnit { path, text });
        let text = self.files.first().map_or("", |(_, text)| text);
        ServiceOutput { schema: SCHEMA, outcome, path: self.path(), text, socket, next }
    }

    /// Each file as it is now, with what it is to hold.
    fn read(&self) -> Result<Vec<(WrittenFile, &FileText)>, FileError> {
        self.files.iter().map(|file| Ok((WrittenFile::read(&file.0)?, file))).collect()
    }
}

fn environment(variable: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(variable)
}

fn no_home() -> Failure {
    Failure::usage("no variable names the home directory, where services are".to_owned())
}

fn service_files(args: &ServiceArgs) -> Result<ServiceFiles, Failure> {
    let mut flags = args.common.flags();
    args.tuning.add_to(&mut flags);
    args.supervised.add_to(&mut flags);
    let file = args.common.file();
    let settings = settings(&flags, &file)?;
    let program = std::env::current_exe()
        .map_err(|error| Failure::io("this program's own path can't be found", &error))?;
    let service = Service::new(&program, &settings, file == FileChoice::None).map_err(Failure::usage)?;
    let manager = args.manager.unwrap_or_else(Manager::here);
    let path = service.path(manager, &environment).ok_or_else(no_home)?;
    let mut files = vec![(path, service.text(manager))];
    if args.socket {
        if manager != Manager::Systemd {
            let message = "--socket: only systemd opens sockets for a worker; leave it out for this manager";
            return Err(Failure::usage(message.to_owned()));
        }
        let PortChoice::Fixed(port) = settings.port.value else {
            let message = "--socket: any free port can't be listened at before the worker has one; name a port with --port";
            return Err(Failure::usage(message.to_owned()));
        };
        if settings.plan.value.command.as_ref().is_some_and(|command| command.socket == SocketMode::Own) {
            let message = "--socket: the command makes a socket of its own on the same port; give it socket = \"pass\" if it can take one";
            return Err(Failure::usage(message.to_owned()));
        }
        let path = service.socket_path(&environment).ok_or_else(no_home)?;
        files.push((path, service.socket_text(port)));
    }
    Ok(ServiceFiles { manager, service, files })
}

fn show(args: &ServiceArgs) -> Done {
    let wanted = service_files(args)?;
    let next = wanted.service.enable(wanted.manager, wanted.path(), args.socket);
    let (mut all, mut outcome) = (String::new(), "installed");
    for (file, (path, text)) in wanted.read()? {
        let state = match file.text() {
            None => "not_installed",
            Some(installed) if installed == text => "installed",
            Some(_) => "differs",
        };
        // What is missing outweighs what differs, and that what is there.
        if outcome != "not_installed" && state != "installed" {
            outcome = state;
        }
        let _ = write!(all, "# {}: {}\n{text}", path.display(), state.replace('_', " "));
    }
    output::result(args.output.mode(), all.trim_end(), &wanted.answer(outcome, &next))?;
    Ok(exit::OK)
}

fn install(args: &ServiceArgs, change: &ServiceChange) -> Done {
    let wanted = service_files(args)?;
    let program = wanted.service.starts();
    if let Some(why) = installs::passing(program) {
        return Err(Failure::usage(format!("the service would start {}, which {why}", program.display())));
    }
    let next = wanted.service.enable(wanted.manager, wanted.path(), args.socket);
    let mode = args.output.mode();
    let changed: Vec<_> =
        wanted.read()?.into_iter().filter(|(file, (_, text))| file.text() != Some(text)).collect();
    if changed.is_empty() {
        let words = format!("{} is as it should be. To start it: {next}", wanted.names());
        output::result(mode, &words, &wanted.answer("unchanged", &next))?;
        return Ok(exit::OK);
    }
    let diff: String = changed
        .iter()
        .map(|(file, (path, text))| difference(path, file.text().unwrap_or_default(), text))
        .collect();
    if change.consent.dry_run {
        output::result(mode, &output::printable(diff.trim_end()), &wanted.answer("would_change", &next))?;
        return Ok(exit::OK);
    }
    consent::obtain(&change.consent, mode, &diff)?;
    for (file, (_, text)) in &changed {
        file.write(text)?;
    }
    let words = format!("{} is written. To start it: {next}", wanted.names());
    output::result(mode, &words, &wanted.answer("installed", &next))?;
    Ok(exit::OK)
}

fn uninstall(args: &ServiceArgs, change: &ServiceChange) -> Done {
    let mut wanted = service_files(args)?;
    // A socket without its service would start nothing.
    if wanted.manager == Manager::Systemd && wanted.files.len() == 1 {
        wanted.files.extend(wanted.service.socket_path(&environment).map(|path| (path, String::new())));
    }
    let mut files = Vec::new();
    for (path, _) in &wanted.files {
        let file = WrittenFile::read(path)?;
        if let Some(text) = file.text().map(str::to_owned) {
            files.push((file, (path.clone(), text)));
        }
    }
    let mode = args.output.mode();
    let by_socket = files.iter().any(|(_, (path, _))| path != wanted.path());
    let next = wanted.service.disable(wanted.manager, by_socket);
    let is_enabled = wanted.manager == Manager::Systemd && wanted.service.is_enabled(wanted.path());
    if files.is_empty() {
        wanted.files.truncate(1);
        wanted.files.iter_mut().for_each(|(_, text)| text.clear());
        let words = format!("there is no {}", wanted.path().display());
        output::result(mode, &words, &wanted.answer("unchanged", &next))?;
        return Ok(exit::OK);
    }
    let (files, written): (Vec<_>, Vec<_>) = files.into_iter().unzip();
    wanted.files = written;
    let diff: String = wanted.files.iter().map(|(path, text)| difference(path, text, "")).collect();
    if change.consent.dry_run {
        output::result(mode, &output::printable(diff.trim_end()), &wanted.answer("would_change", &next))?;
        return Ok(exit::OK);
    }
    // The manager has to forget it while the file is there.
    if is_enabled {
        let message = format!("{} is enabled: first run {next}", wanted.names());
        return Err(Failure::not_written(message));
    }
    consent::obtain(&change.consent, mode, &diff)?;
    for file in &files {
        file.remove()?;
    }
    let words = format!("{} is gone. If it still runs: {next}", wanted.names());
    output::result(mode, &words, &wanted.answer("uninstalled", &next))?;
    Ok(exit::OK)
}
