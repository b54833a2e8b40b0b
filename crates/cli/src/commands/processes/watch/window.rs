//! The window, and how its lines are divided.

/// The size of the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WindowSize {
    pub(super) columns: usize,
    pub(super) rows: usize,
}

/// The lines around the rows of the table: title, headings, message, keys.
pub(super) const FRAME: usize = 4;

/// Returns how many lines of a process have room in its pane: all but the title and the keys.
pub(super) fn pane_lines(size: WindowSize) -> usize {
    size.rows.saturating_sub(2).max(1)
}
