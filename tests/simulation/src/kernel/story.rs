//! What happened, call by call: for people as a trace, for the search as a digest.

use std::fmt::{self, Write};
use std::io;

use coordinator::lock_scheme::RecordHolder;
use coordinator::machine::{FileStamp, Pid, PortOwner, ProcessInfo, SignalOutcome};

use super::files::{Bytes, Inode};
use super::processes::{Key, Role};

/// The calls made so far, if anybody wants to read them, and whether digests are wanted.
#[derive(Debug, Default)]
pub(crate) struct Story {
    pub(crate) lines: Option<Vec<String>>,
    pub(crate) digests: bool,
}

impl Story {
    pub(crate) fn wanted(&self) -> bool {
        self.lines.is_some()
    }

    pub(crate) fn tell(&mut self, now: u64, who: &dyn fmt::Display, what: &dyn fmt::Display) {
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{:>12.3} ms  {who:<12} {what}", now as f64 / 1e6));
        }
    }

    pub(crate) fn call(
        &mut self,
        now: u64,
        role: Role,
        pid: Pid,
        call: &str,
        object: &str,
        result: &dyn Show,
    ) {
        if self.wanted() {
            let mut shown = String::new();
            let _ = result.show(&mut shown);
            let mut end = shown.len().min(160);
            while !shown.is_char_boundary(end) {
                end -= 1;
            }
            let who = format!("{role} [{pid}]");
            self.tell(now, &format_args!("{who:<20}"), &format_args!("{call} {object} = {}", &shown[..end]));
        }
    }
}

/// FNV-1a (Fowler, Noll, Vo): takes what is shown and keeps a digest of it.
pub(crate) struct Digest(pub(crate) u64);

impl Write for Digest {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        for byte in s.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Ok(())
    }
}

/// What a call's result looks like to who made the call.
pub(crate) trait Show {
    fn show(&self, out: &mut dyn Write) -> fmt::Result;
}

impl<T: Show> Show for io::Result<T> {
    fn show(&self, out: &mut dyn Write) -> fmt::Result {
        match self {
            Ok(value) => value.show(out),
            Err(error) => write!(out, "error: {error}"),
        }
    }
}

impl<T: Show> Show for Option<T> {
    fn show(&self, out: &mut dyn Write) -> fmt::Result {
        match self {
            Some(value) => value.show(out),
            None => out.write_str("none"),
        }
    }
}

impl<T: Show, U: Show> Show for (T, U) {
    fn show(&self, out: &mut dyn Write) -> fmt::Result {
        self.0.show(out)?;
        out.write_str(", ")?;
        self.1.show(out)
    }
}

impl Show for Bytes {
    fn show(&self, out: &mut dyn Write) -> fmt::Result {
        let mut blank = true;
        for c in String::from_utf8_lossy(self).chars() {
            if !(c.is_whitespace() && blank) {
                out.write_char(if c.is_whitespace() { ' ' } else { c })?;
            }
            blank = c.is_whitespace();
        }
        Ok(())
    }
}

impl Show for FileStamp {
    fn show(&self, out: &mut dyn Write) -> fmt::Result {
        write!(out, "inode {:x} size {} at {}", self.inode, self.size, self.modified)
    }
}

impl Show for ProcessInfo {
    fn show(&self, out: &mut dyn Write) -> fmt::Result {
        let ProcessInfo { identity, activity, cpu_time, starved, program, .. } = self;
        write!(
            out,
            "pid {} since {} {activity:?} {cpu_time:?} {starved:?} {program}",
            identity.pid, identity.start_time.0
        )
    }
}

impl Show for Key {
    fn show(&self, out: &mut dyn Write) -> fmt::Result {
        write!(out, "process #{}", self.0)
    }
}

macro_rules! shown_as_debug {
    ($($kind:ty),*) => { $(impl Show for $kind {
        fn show(&self, out: &mut dyn Write) -> fmt::Result { write!(out, "{self:?}") }
    })* };
}
shown_as_debug!(
    (),
    bool,
    u16,
    u64,
    usize,
    String,
    RecordHolder,
    SignalOutcome,
    Inode,
    super::locks::OpenFile,
    PortOwner
);
