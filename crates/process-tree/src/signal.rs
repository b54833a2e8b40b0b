//! Signals for a process of the tree.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A signal for a process of the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Signal {
    /// SIGTERM.
    Terminate,
    /// SIGINT.
    Interrupt,
    /// SIGQUIT.
    Quit,
    /// SIGHUP.
    HangUp,
    /// SIGKILL.
    Kill,
    /// SIGUSR1.
    User1,
    /// SIGUSR2.
    User2,
}

impl Signal {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Terminate, Self::Interrupt, Self::Quit, Self::HangUp, Self::Kill, Self::User1, Self::User2];

    /// Its name, as in signal(7).
    pub fn name(self) -> &'static str {
        match self {
            Self::Terminate => "SIGTERM",
            Self::Interrupt => "SIGINT",
            Self::Quit => "SIGQUIT",
            Self::HangUp => "SIGHUP",
            Self::Kill => "SIGKILL",
            Self::User1 => "SIGUSR1",
            Self::User2 => "SIGUSR2",
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Signal {
    type Err = UnknownSignal;

    /// By its name, with or without `SIG`.
    fn from_str(name: &str) -> Result<Self, UnknownSignal> {
        let short = name.strip_prefix("SIG").unwrap_or(name);
        let found = Self::ALL.into_iter().find(|signal| &signal.name()[3..] == short);
        found.ok_or_else(|| UnknownSignal(name.to_owned()))
    }
}

/// No signal of this name can be sent to a process of the tree.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0:?} is none of SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGKILL, SIGUSR1 and SIGUSR2")]
pub struct UnknownSignal(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_read_by_its_name_with_and_without_the_prefix() {
        for signal in Signal::ALL {
            assert_eq!(signal.name().parse(), Ok(signal));
            assert_eq!(signal.name().trim_start_matches("SIG").parse(), Ok(signal));
        }
        for other in ["", "SIG", "term", "SIGSIGTERM", "SIGSTOP", "15"] {
            assert_eq!(other.parse::<Signal>(), Err(UnknownSignal(other.to_owned())));
        }
    }
}
