//! Showing the board: a table redrawn in place on a terminal, plain lines anywhere else.

use std::env;
use std::io::{self, IsTerminal, Write};

use rustix::termios::tcgetwinsize;

use super::board::{Board, Cell, Row, Way};
use super::table;

/// The width of a table nobody's terminal limits.
const PLAIN_WIDTH: usize = 110;
const MAX_WIDTH: usize = 140;

/// Standard output, as the demo uses it.
#[derive(Debug)]
pub(super) struct Screen {
    mode: Mode,
    width: usize,
    colour: bool,
    /// Lines of the table on the screen, to be drawn over.
    drawn: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// The table is drawn again in its place.
    Live,
    /// A line for each thing that becomes known, the table once at the end.
    Lines,
}

impl Screen {
    /// Looks at what standard output is. `lines` is what a live table needs.
    pub(super) fn new(lines: usize) -> Self {
        let stdout = io::stdout();
        let size = tcgetwinsize(&stdout).ok().filter(|_| stdout.is_terminal());
        let (columns, rows) = size.map_or((0, 0), |size| (size.ws_col.into(), size.ws_row.into()));
        Self {
            mode: match columns >= table::MIN_WIDTH && rows > lines {
                true => Mode::Live,
                false => Mode::Lines,
            },
            width: match columns {
                0 => PLAIN_WIDTH,
                columns => columns.clamp(table::MIN_WIDTH, MAX_WIDTH),
            },
            colour: size.is_some() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
            drawn: 0,
        }
    }

    /// Something on the board has changed: `row` of it, that `way`, or only the status.
    pub(super) fn update(&mut self, board: &Board, changed: Option<(&Row, Way)>) -> io::Result<()> {
        match self.mode {
            Mode::Live => self.draw(board),
            Mode::Lines => match changed {
                Some((row, way)) => print_line(row, way),
                None => writeln!(io::stdout(), "-- {}", board.status),
            },
        }
    }

    /// The board is final.
    pub(super) fn finish(&mut self, board: &Board) -> io::Result<()> {
        if self.mode == Mode::Lines {
            writeln!(io::stdout())?;
        }
        self.draw(board)?;
        self.drawn = 0;
        Ok(())
    }

    /// Writes lines below the table.
    pub(super) fn say(&self, lines: &[table::Line]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        for line in lines {
            writeln!(out, "{}", line.render(self.colour))?;
        }
        out.flush()
    }

    /// The columns there are.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    fn draw(&mut self, board: &Board) -> io::Result<()> {
        let lines = table::lines(board, self.width);
        let mut text = String::new();
        if self.drawn > 0 {
            // Back to the first line of the table, and clear from there.
            text.push_str(&format!("\x1b[{}A\x1b[J", self.drawn));
        }
        for line in &lines {
            text.push_str(&line.render(self.colour));
            text.push('\n');
        }
        self.drawn = lines.len();
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }
}

fn print_line(row: &Row, way: Way) -> io::Result<()> {
    let Cell::Done { good, seen } = row.cell(way) else {
        return Ok(());
    };
    let way = match way {
        Way::Without => "without Weir",
        Way::With => "with Weir",
    };
    let verdict = table::verdict(row.kind, *good);
    writeln!(
        io::stdout(),
        "{way:<13} {:<30} {verdict:<8} {seen}",
        row.name
    )
}
