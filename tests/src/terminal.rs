use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, OutputModes, Winsize, tcgetattr, tcsetwinsize};

/// A command on a terminal of its own (pty(7)), whose screen can be read. Ended when dropped.
pub struct Terminal {
    child: Child,
    keyboard: File,
    /// Held open, so that what was written last can be read after the command has ended.
    line: OwnedFd,
    seen: Arc<Mutex<Seen>>,
    modes: (LocalModes, OutputModes),
}

struct Seen {
    parser: vt100::Parser,
    bytes: Vec<u8>,
}

impl Terminal {
    /// Starts it: the terminal is its input, its output, and what ends it when it hangs up.
    pub fn start(mut command: Command, columns: u16, rows: u16) -> Self {
        let master =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("a terminal");
        grantpt(&master).expect("its rights");
        unlockpt(&master).expect("its lock");
        let name = ptsname(&master, Vec::new()).expect("its name");
        let line = rustix::fs::open(&*name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty())
            .expect("its other side");
        tcsetwinsize(&master, size(columns, rows)).expect("its size");
        let modes = modes(&line);
        let end = || line.try_clone().expect("a descriptor");
        command.stdin(end()).stdout(end()).stderr(end()).env("TERM", "xterm-256color");
        let become_its_own = || {
            rustix::process::setsid()?;
            // SAFETY: standard input is the terminal, and stays open.
            rustix::process::ioctl_tiocsctty(unsafe { std::os::fd::BorrowedFd::borrow_raw(0) })?;
            Ok(())
        };
        // SAFETY: the closure makes two system calls and allocates nothing.
        let child =
            unsafe { command.pre_exec(become_its_own) }.spawn().expect("the binary under test starts");
        let seen = Seen { parser: vt100::Parser::new(some(rows), some(columns), 1000), bytes: Vec::new() };
        let (seen, keyboard) = (Arc::new(Mutex::new(seen)), File::from(master));
        let (mut screen, shared) = (keyboard.try_clone().expect("a descriptor"), Arc::clone(&seen));
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // Ends with an error (EIO) when the last one has closed the other side.
            while let Ok(length @ 1..) = screen.read(&mut buffer) {
                let mut seen = shared.lock().unwrap_or_else(PoisonError::into_inner);
                seen.parser.process(&buffer[..length]);
                seen.bytes.extend_from_slice(&buffer[..length]);
            }
        });
        Self { child, keyboard, line, seen, modes }
    }

    /// The command's pid.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    fn look<T>(&self, what: impl FnOnce(&Seen) -> T) -> T {
        what(&self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What stands on the screen, line by line, without the blanks at their ends.
    pub fn lines(&self) -> Vec<String> {
        self.look(|seen| {
            let columns = seen.parser.screen().size().1;
            seen.parser.screen().rows(0, columns.get()).map(|line| line.trim_end().to_owned()).collect()
        })
    }

    /// Whether a line of the screen goes on in the next one.
    pub fn wraps(&self) -> bool {
        self.look(|seen| {
            (0..seen.parser.screen().size().0.get()).any(|row| seen.parser.screen().row_wrapped(row))
        })
    }

    /// All that was ever written.
    pub fn written(&self) -> String {
        self.look(|seen| String::from_utf8_lossy(&seen.bytes).into_owned())
    }

    /// Whether a program has the whole screen to itself.
    pub fn is_taken(&self) -> bool {
        self.look(|seen| seen.parser.screen().alternate_screen())
    }

    /// Whether it is as it was before: keys are lines and are echoed, the cursor is seen, and what was there before is there.
    pub fn is_as_before(&self) -> bool {
        let shown =
            self.look(|seen| !seen.parser.screen().alternate_screen() && !seen.parser.screen().hide_cursor());
        // What wraps its lines again was switched off before, so it was said.
        let wraps = self.written().rfind("\u{1b}[?7h") >= self.written().rfind("\u{1b}[?7l");
        shown && wraps && modes(&self.line) == self.modes
    }

    /// Waits until the screen is so.
    pub fn wait_for<T>(&self, what: &str, mut condition: impl FnMut(&[String]) -> Option<T>) -> T {
        let deadline = std::time::Instant::now() + crate::PATIENCE;
        loop {
            let lines = self.lines();
            if let Some(found) = condition(&lines) {
                return found;
            }
            assert!(std::time::Instant::now() < deadline, "no {what} on the screen:\n{}", lines.join("\n"));
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
    }

    /// Waits until this text is on the screen, and gives its line.
    pub fn wait_for_text(&self, text: &str) -> String {
        self.wait_for(&format!("{text:?}"), |lines| lines.iter().find(|line| line.contains(text)).cloned())
    }

    /// Presses these keys.
    pub fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).expect("a keyboard");
    }

    /// Makes it larger or smaller; the command is told (SIGWINCH).
    pub fn resize(&mut self, columns: u16, rows: u16) {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .parser
            .screen_mut()
            .set_size(some(rows), some(columns));
        tcsetwinsize(&self.keyboard, size(columns, rows)).expect("its size");
    }

    /// How the command has ended, when it has.
    pub fn status(&mut self) -> ExitStatus {
        let child = &mut self.child;
        crate::wait_for("the command on the terminal to end", || child.try_wait().expect("its status"))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn some(cells: u16) -> NonZeroU16 {
    NonZeroU16::new(cells).expect("a terminal has a size")
}

fn size(columns: u16, rows: u16) -> Winsize {
    Winsize { ws_col: columns, ws_row: rows, ws_xpixel: 0, ws_ypixel: 0 }
}

fn modes(line: &OwnedFd) -> (LocalModes, OutputModes) {
    let modes = tcgetattr(line).expect("its modes");
    (modes.local_modes, modes.output_modes)
}
