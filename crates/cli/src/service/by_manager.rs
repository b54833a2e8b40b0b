//! A service in the terms of its manager: files, and commands.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use coordinator::Port;
use coordinator::system::systemd::{command_words, is_enabled, unit_path};

use super::definition::Service;
use super::manager::Manager;
use super::xml::{between, element};
use super::{launchd, scheduler, systemd};

impl Service {
    /// What the manager reads.
    pub(crate) fn text(&self, manager: Manager) -> String {
        match manager {
            Manager::Systemd => systemd::text(self),
            Manager::Launchd => launchd::text(self),
            Manager::Schtasks => scheduler::text(self),
        }
    }

    /// The file that it reads it from; `None` if the environment names no home.
    pub(crate) fn path(
        &self,
        manager: Manager,
        environment: &dyn Fn(&str) -> Option<OsString>,
    ) -> Option<PathBuf> {
        let set = |variable: &str| environment(variable).map(PathBuf::from).filter(|path| path.is_absolute());
        match manager {
            Manager::Systemd => unit_path(&self.name, environment),
            Manager::Launchd => launchd::path(self, &set),
            Manager::Schtasks => scheduler::path(self, &set),
        }
    }

    /// What systemd reads of the socket that it opens at this port in the worker's place, and where from. No other manager has the like.
    pub(crate) fn socket_text(&self, port: Port) -> String {
        systemd::socket_text(self, port)
    }

    /// The file that it reads that from.
    pub(crate) fn socket_path(&self, environment: &dyn Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
        systemd::socket_path(self, environment)
    }

    /// Whether systemd starts the unit at this path, or listens for it.
    pub(crate) fn is_enabled(&self, path: &Path) -> bool {
        is_enabled(&self.name, path)
    }

    /// The program that an installed file names, if it is understood.
    pub(crate) fn program(manager: Manager, text: &str) -> Option<PathBuf> {
        match manager {
            Manager::Systemd => command_words(text)?.into_iter().next().map(PathBuf::from),
            Manager::Launchd => {
                between(text, "<array>", "</array>").and_then(|words| element(words, "string"))
            }
            Manager::Schtasks => element(text, "Command"),
        }
    }

    /// The command that makes the manager start it, now and from then on.
    pub(crate) fn enable(&self, manager: Manager, path: &Path, by_socket: bool) -> String {
        match manager {
            Manager::Systemd => systemd::enable(self, by_socket),
            Manager::Launchd => launchd::enable(path),
            Manager::Schtasks => scheduler::enable(self, path),
        }
    }

    /// The command that makes it forget the service.
    pub(crate) fn disable(&self, manager: Manager, by_socket: bool) -> String {
        match manager {
            Manager::Systemd => systemd::disable(self, by_socket),
            Manager::Launchd => launchd::disable(self),
            Manager::Schtasks => scheduler::disable(self),
        }
    }
}

#[cfg(test)]
mod tests;
