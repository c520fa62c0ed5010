//! What the demo knows so far: one row per kind of work and per attack, a cell for each of the two
//! ways to join the ports.

/// The two ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// A bridge between the gateway's ports.
    Without,
    /// Weir.
    With,
}

/// What one cell says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cell {
    Open,
    Running,
    Done { good: bool, seen: String },
}

/// What a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Work,
    Attack,
}

/// One line of the table.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) kind: Kind,
    pub(super) name: &'static str,
    /// A remark on the name.
    pub(super) gain: &'static str,
    pub(super) without: Cell,
    pub(super) with: Cell,
    /// Reason and rule, from the gateway's event.
    pub(super) why: Option<String>,
    /// Whether all went as it should: None until it is known.
    pub(super) as_expected: Option<bool>,
}

impl Row {
    pub(super) fn new(kind: Kind, name: &'static str, gain: &'static str) -> Self {
        Self {
            kind,
            name,
            gain,
            without: Cell::Open,
            with: Cell::Open,
            why: None,
            as_expected: None,
        }
    }

    pub(super) fn cell(&self, way: Way) -> &Cell {
        match way {
            Way::Without => &self.without,
            Way::With => &self.with,
        }
    }

    pub(super) fn set(&mut self, way: Way, cell: Cell) {
        match way {
            Way::Without => self.without = cell,
            Way::With => self.with = cell,
        }
    }
}

/// The whole table.
#[derive(Debug, Clone)]
pub(super) struct Board {
    pub(super) rows: Vec<Row>,
    /// What joins the ports now.
    pub(super) way: Way,
    /// What is going on.
    pub(super) status: String,
}

impl Board {
    /// The rows that didn't go as they should.
    pub(super) fn failures(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.as_expected != Some(true))
    }

    /// Of the attacks, how many got what they were after that way.
    pub(super) fn successes(&self, way: Way) -> usize {
        self.rows
            .iter()
            .filter(|row| row.kind == Kind::Attack)
            .filter(|row| matches!(row.cell(way), Cell::Done { good: false, .. }))
            .count()
    }

    /// How many rows are attacks.
    pub(super) fn attacks(&self) -> usize {
        self.rows
            .iter()
            .filter(|row| row.kind == Kind::Attack)
            .count()
    }
}
