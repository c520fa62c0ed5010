//! The board as lines of text: pure, so that tests can read it.

use super::board::{Board, Cell, Kind, Row, Way};

/// A table narrower than this can't be read.
pub(super) const MIN_WIDTH: usize = 80;
const NAME_WIDTH: usize = 28;

/// How a piece of text looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    Plain,
    Strong,
    Dim,
    Good,
    Bad,
}

impl Look {
    /// The parameters of its SGR sequence (ECMA-48 §8.3.117).
    fn sgr(self) -> &'static str {
        match self {
            Self::Plain => "0",
            Self::Strong => "1",
            Self::Dim => "2",
            Self::Good => "32",
            Self::Bad => "1;31",
        }
    }
}

/// A line of pieces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Line {
    pieces: Vec<(Look, String)>,
}

impl Line {
    pub(super) fn new(look: Look, text: impl Into<String>) -> Self {
        Self::default().then(look, text)
    }

    pub(super) fn then(mut self, look: Look, text: impl Into<String>) -> Self {
        self.pieces.push((look, text.into()));
        self
    }

    /// Appends `text` in exactly `width` columns.
    fn column(self, look: Look, text: &str, width: usize) -> Self {
        self.then(look, fit(text, width))
    }

    pub(super) fn render(&self, colour: bool) -> String {
        let mut text = String::new();
        for (look, piece) in &self.pieces {
            if colour && *look != Look::Plain {
                text.push_str(&format!("\x1b[{}m{piece}\x1b[0m", look.sgr()));
            } else {
                text.push_str(piece);
            }
        }
        text.truncate(text.trim_end().len());
        text
    }
}

/// What became of it, in a word.
pub(super) fn verdict(kind: Kind, good: bool) -> &'static str {
    match (kind, good) {
        (Kind::Work, true) => "works",
        (Kind::Work, false) => "BROKEN",
        (Kind::Attack, true) => "stopped",
        (Kind::Attack, false) => "REACHED",
    }
}

/// The whole table.
pub(super) fn lines(board: &Board, width: usize) -> Vec<Line> {
    let cell_width = (width - NAME_WIDTH - 2) / 2;
    let mut lines = vec![Line::default()];
    lines.extend(picture(board.way));
    lines.push(Line::default());
    for (kind, title) in [(Kind::Work, "ORDINARY WORK"), (Kind::Attack, "ATTACKS")] {
        lines.push(
            Line::default()
                .column(Look::Strong, &format!("  {title}"), NAME_WIDTH + 2)
                .column(Look::Strong, "  WITHOUT WEIR", cell_width)
                .column(Look::Strong, "  WITH WEIR", cell_width),
        );
        for row in board.rows.iter().filter(|row| row.kind == kind) {
            row_lines(row, cell_width, &mut lines);
        }
        lines.push(Line::default());
    }
    lines.push(Line::new(
        Look::Dim,
        format!("  {}", fit(&board.status, width - 2)),
    ));
    lines
}

/// Who stands where, and what is in the middle right now.
fn picture(way: Way) -> [Line; 3] {
    let (look, middle) = match way {
        Way::Without => (Look::Dim, "a bridge"),
        Way::With => (Look::Good, "  WEIR  "),
    };
    [
        Line::new(
            Look::Plain,
            "  devices  ──┐           ┌──────────┐          ┌── Mosquitto  1883 8883",
        ),
        Line::new(Look::Plain, "  attacker ──┼─ outside ─┤ ")
            .then(look, middle)
            .then(Look::Plain, " ├─ inside ─┤"),
        Line::new(
            Look::Plain,
            "  victim   ──┘           └──────────┘          └── libcoap    5683 5684",
        ),
    ]
}

fn row_lines(row: &Row, cell_width: usize, lines: &mut Vec<Line>) {
    let mut line = Line::default().column(Look::Plain, &format!("  {}", row.name), NAME_WIDTH + 2);
    for way in [Way::Without, Way::With] {
        line = cell(line, row, row.cell(way), cell_width);
    }
    lines.push(line);
    if row.kind == Kind::Attack {
        let why = row.why.as_deref().unwrap_or_default();
        // Under the column of Weir's verdict where it fits, further left where it is longer.
        let width = NAME_WIDTH + 2 + 2 * cell_width;
        let why_width = cell_width
            .max(why.chars().count() + 3)
            .min(width - NAME_WIDTH);
        lines.push(
            Line::default()
                .column(Look::Dim, &format!("    {}", row.gain), width - why_width)
                .column(Look::Dim, &format!("  {why}"), why_width),
        );
    }
}

fn cell(line: Line, row: &Row, cell: &Cell, width: usize) -> Line {
    match cell {
        Cell::Open => line.column(Look::Dim, "  ·", width),
        Cell::Running => line.column(Look::Strong, "  …", width),
        Cell::Done { good, seen } => {
            let (mark, look) = match good {
                true => ("✓", Look::Good),
                false => ("✗", Look::Bad),
            };
            let head = format!("{mark} {} ", verdict(row.kind, *good));
            let rest = width - head.chars().count();
            line.then(look, head).column(Look::Plain, seen, rest)
        }
    }
}

/// `text` in exactly `width` columns, its end cut off where it is longer. One column between it and
/// what follows is always left free.
fn fit(text: &str, width: usize) -> String {
    let len = text.chars().count();
    if len < width {
        return format!("{text}{}", " ".repeat(width - len));
    }
    let kept: String = text.chars().take(width.saturating_sub(2)).collect();
    format!("{kept}… ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn board() -> Board {
        let mut work = Row::new(Kind::Work, "MQTT publish", "");
        work.set(
            Way::Without,
            Cell::Done {
                good: true,
                seen: "QoS 0, 1, 2".into(),
            },
        );
        work.set(Way::With, Cell::Running);
        let mut attack = Row::new(Kind::Attack, "SUBACK sent by a client", "harm");
        attack.set(
            Way::Without,
            Cell::Done {
                good: false,
                seen: "broker: Received SUBACK from intruder".into(),
            },
        );
        attack.why = Some("mqtt.spoofed.server-packet".into());
        Board {
            rows: vec![work, attack],
            status: "working".into(),
            way: Way::With,
        }
    }

    fn text(width: usize) -> String {
        let lines = lines(&board(), width);
        lines.iter().map(|line| line.render(false) + "\n").collect()
    }

    #[test]
    fn the_table_shows_both_ways_side_by_side() {
        let text = text(100);
        let line = |part: &str| {
            text.lines()
                .find(|line| line.contains(part))
                .unwrap_or_else(|| panic!("no {part:?} in\n{text}"))
                .to_owned()
        };
        assert!(line("MQTT publish").contains("✓ works QoS 0, 1, 2"));
        assert!(line("SUBACK sent").contains("✗ REACHED broker: Received"));
        assert!(line("harm").contains("mqtt.spoofed.server-packet"));
        assert!(text.contains("WEIR   ├─ inside"));
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        for width in MIN_WIDTH..160 {
            for line in text(width).lines() {
                assert!(line.chars().count() <= width, "{width}: {line}");
            }
        }
    }

    #[test]
    fn what_is_too_long_is_cut_and_says_so() {
        assert_eq!(fit("abcdef", 5), "abc… ");
        assert_eq!(fit("abcd", 5), "abcd ");
    }

    #[test]
    fn colours_are_left_out_where_nobody_wants_them() {
        let line = Line::new(Look::Bad, "x").then(Look::Plain, "y");
        assert_eq!(line.render(false), "xy");
        assert_eq!(line.render(true), "\x1b[1;31mx\x1b[0my");
    }
}
