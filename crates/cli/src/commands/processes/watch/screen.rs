//! The terminal: taken as a whole, and given back as it was on every way out.

use std::io::{self, Write};
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::event::{self, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use crossterm::style::{Attribute, Color, Print, ResetColor, SetAttribute, SetForegroundColor};
use crossterm::terminal::{
    self, BeginSynchronizedUpdate, Clear, ClearType, DisableLineWrap, EnableLineWrap, EndSynchronizedUpdate,
    EnterAlternateScreen, LeaveAlternateScreen,
};
use crossterm::{execute, queue};

use super::super::table::coloured;
use super::event::{KeyPress, WatchEvent};
use super::picture::{LineStyle, StyledLine};
use super::window::WindowSize;

/// The longest wait for a key, and so what may pass before other news are shown.
const TICK: Duration = Duration::from_millis(50);

/// Whether the terminal is ours: a panic on any thread has to give it back. Changed under the lock of standard output only.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// The terminal. Given back when dropped, before a panic is told, and where a signal ends this process.
pub(super) struct Screen {
    shown: Vec<StyledLine>,
    coloured: bool,
    signals: signals::Signals,
}

impl Screen {
    /// Takes it.
    pub(super) fn open() -> io::Result<Self> {
        let signals = signals::Signals::watch()?;
        let tell = panic::take_hook();
        panic::set_hook(Box::new(move |what| {
            give_back();
            tell(what);
        }));
        // From here on, whatever fails gives back what is taken.
        TAKEN.store(true, Ordering::SeqCst);
        let screen = Self { shown: Vec::new(), coloured: coloured(), signals };
        terminal::enable_raw_mode()?;
        // What is too wide for its place, as some characters are, is cut off and does not wrap.
        execute!(io::stdout(), EnterAlternateScreen, DisableLineWrap, Hide, Clear(ClearType::All))?;
        Ok(screen)
    }

    /// How large it is.
    pub(super) fn size() -> io::Result<WindowSize> {
        let (columns, rows) = terminal::size()?;
        Ok(WindowSize { columns: usize::from(columns), rows: usize::from(rows) })
    }

    /// Shows these lines: those that are not there yet.
    pub(super) fn show(&mut self, lines: Vec<StyledLine>) -> io::Result<()> {
        if lines == self.shown {
            return Ok(());
        }
        let mut out = io::stdout().lock();
        // Nothing is drawn over what a panic on another thread has to say.
        if !TAKEN.load(Ordering::SeqCst) {
            return Ok(());
        }
        queue!(out, BeginSynchronizedUpdate)?;
        if lines.len() != self.shown.len() {
            self.shown.clear();
            queue!(out, Clear(ClearType::All))?;
        }
        for (at, line) in lines.iter().enumerate().filter(|(at, line)| self.shown.get(*at) != Some(line)) {
            queue!(out, MoveTo(0, u16::try_from(at).unwrap_or(u16::MAX)))?;
            self.put(&mut out, line)?;
        }
        queue!(out, EndSynchronizedUpdate)?;
        self.shown = lines;
        out.flush()
    }

    fn put(&self, out: &mut impl Write, line: &StyledLine) -> io::Result<()> {
        let colour = match line.style {
            LineStyle::Well => Some(Color::DarkGreen),
            LineStyle::Unwell => Some(Color::DarkYellow),
            LineStyle::Stray => Some(Color::DarkRed),
            LineStyle::Plain | LineStyle::Bold | LineStyle::Selected => None,
        };
        if let Some(colour) = colour.filter(|_| self.coloured) {
            queue!(out, SetForegroundColor(colour))?;
        }
        match line.style {
            LineStyle::Bold => queue!(out, SetAttribute(Attribute::Bold))?,
            LineStyle::Selected => queue!(out, SetAttribute(Attribute::Reverse))?,
            _ => {}
        }
        queue!(out, Print(&line.text), SetAttribute(Attribute::Reset), ResetColor)?;
        queue!(out, Clear(ClearType::UntilNewLine))
    }

    /// What the user does next; nothing, if that takes longer than a moment.
    pub(super) fn event(&mut self) -> io::Result<Option<WatchEvent>> {
        self.signals.obey();
        if !event::poll(TICK)? {
            return Ok(None);
        }
        Ok(match event::read()? {
            event::Event::Key(pressed) => key(pressed).map(WatchEvent::Key),
            event::Event::Resize(..) => {
                // What the terminal made of the old lines is not known.
                self.shown.clear();
                Some(WatchEvent::Resized(Self::size()?))
            }
            _ => None,
        })
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// Does nothing if it was given back already.
fn give_back() {
    // Whoever draws has this lock, which its own thread may take twice.
    let mut out = io::stdout().lock();
    if TAKEN.swap(false, Ordering::SeqCst) {
        // A terminal that has gone needs nothing back.
        let _ = execute!(out, EnableLineWrap, Show, LeaveAlternateScreen);
        let _ = terminal::disable_raw_mode();
    }
}

fn key(pressed: KeyEvent) -> Option<KeyPress> {
    if pressed.kind == KeyEventKind::Release {
        return None;
    }
    let control = pressed.modifiers.contains(KeyModifiers::CONTROL);
    Some(match pressed.code {
        KeyCode::Char('c' | 'C') if control => KeyPress::Interrupt,
        KeyCode::Char(_) if control => return None,
        KeyCode::Char(letter) => KeyPress::Letter(letter),
        KeyCode::Up => KeyPress::Up,
        KeyCode::Down => KeyPress::Down,
        KeyCode::PageUp => KeyPress::PageUp,
        KeyCode::PageDown => KeyPress::PageDown,
        KeyCode::Home => KeyPress::First,
        KeyCode::End => KeyPress::Last,
        KeyCode::Enter => KeyPress::Enter,
        KeyCode::Esc => KeyPress::Escape,
        _ => return None,
    })
}

/// The signals that end a process: they do, once the terminal was given back.
#[cfg(unix)]
mod signals {
    use std::io;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    use signal_hook::{flag, low_level};

    pub(super) struct Signals(Vec<(i32, Arc<AtomicBool>)>);

    impl Signals {
        pub(super) fn watch() -> io::Result<Self> {
            let watch = |signal| {
                let came = Arc::new(AtomicBool::new(false));
                flag::register(signal, Arc::clone(&came))?;
                Ok((signal, came))
            };
            [SIGTERM, SIGINT, SIGHUP, SIGQUIT].into_iter().map(watch).collect::<io::Result<_>>().map(Self)
        }

        /// Ends this process if one of them came.
        pub(super) fn obey(&self) {
            if let Some((signal, _)) = self.0.iter().find(|(_, came)| came.load(Ordering::SeqCst)) {
                super::give_back();
                // As if it had never been caught: whoever waits for this process learns the signal.
                let _ = low_level::emulate_default_handler(*signal);
            }
        }
    }
}

/// A console's end gives nothing back: there is nobody to give it to.
#[cfg(not(unix))]
mod signals {
    pub(super) struct Signals;

    impl Signals {
        pub(super) fn watch() -> std::io::Result<Self> {
            Ok(Self)
        }

        pub(super) fn obey(&self) {}
    }
}
