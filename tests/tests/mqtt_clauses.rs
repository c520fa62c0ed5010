//! docs/mqtt-clauses.md holds true: every numbered statement of MQTT is there once and in order, every
//! code exists, and so does what shows it.

use std::collections::BTreeSet;
use std::fs;

use policy::Reason;
use weir_tests::clauses;

/// The numbered statements of a version: section, first number, last number.
type Statements = &'static [(&'static str, u32, u32)];

#[rustfmt::skip]
const V311: Statements = &[
    ("1.5.3", 1, 3), ("2.2.2", 1, 2), ("2.3.1", 1, 7), ("3.1.0", 1, 2), ("3.1.2", 1, 24), ("3.1.3", 1, 11),
    ("3.1.4", 1, 5), ("3.2.0", 1, 1), ("3.2.2", 1, 6), ("3.3.1", 1, 12), ("3.3.2", 1, 3), ("3.3.4", 1, 1),
    ("3.3.5", 1, 2), ("3.6.1", 1, 1), ("3.8.1", 1, 1), ("3.8.3", 1, 4), ("3.8.4", 1, 6), ("3.9.3", 1, 2),
    ("3.10.1", 1, 1), ("3.10.3", 1, 2), ("3.10.4", 1, 6), ("3.12.4", 1, 1), ("3.14.1", 1, 1), ("3.14.4", 1, 3),
    ("4.1.0", 1, 2), ("4.3.1", 1, 1), ("4.3.2", 1, 2), ("4.3.3", 1, 2), ("4.4.0", 1, 1), ("4.5.0", 1, 2),
    ("4.6.0", 1, 6), ("4.7.1", 1, 3), ("4.7.2", 1, 1), ("4.7.3", 1, 4), ("4.8.0", 1, 2), ("6.0.0", 1, 4),
    ("7.0.0", 1, 2), ("7.1.1", 1, 1), ("7.1.2", 1, 1),
];

#[rustfmt::skip]
const V5: Statements = &[
    ("1.5.4", 1, 3), ("1.5.5", 1, 1), ("1.5.7", 1, 1), ("2.1.3", 1, 1), ("2.2.1", 2, 6), ("2.2.2", 1, 1),
    ("3.1.0", 1, 2), ("3.1.2", 1, 30), ("3.1.3", 1, 12), ("3.1.4", 1, 6), ("3.2.0", 1, 2), ("3.2.2", 1, 22),
    ("3.3.1", 1, 13), ("3.3.2", 1, 20), ("3.3.4", 1, 10), ("3.4.2", 1, 3), ("3.5.2", 1, 3), ("3.6.1", 1, 1),
    ("3.6.2", 1, 3), ("3.7.2", 1, 3), ("3.8.1", 1, 1), ("3.8.3", 1, 5), ("3.8.4", 1, 8), ("3.9.2", 1, 2),
    ("3.9.3", 1, 2), ("3.10.1", 1, 1), ("3.10.3", 1, 2), ("3.10.4", 1, 6), ("3.11.2", 1, 2), ("3.11.3", 1, 2),
    ("3.12.4", 1, 1), ("3.14.0", 1, 1), ("3.14.1", 1, 1), ("3.14.2", 1, 4), ("3.14.4", 1, 3), ("3.15.1", 1, 1),
    ("3.15.2", 1, 3), ("4.1.0", 1, 2), ("4.2.0", 1, 1), ("4.3.1", 1, 1), ("4.3.2", 1, 5), ("4.3.3", 1, 13),
    ("4.4.0", 1, 2), ("4.5.0", 1, 2), ("4.6.0", 1, 6), ("4.7.0", 1, 1), ("4.7.1", 1, 2), ("4.7.2", 1, 1),
    ("4.7.3", 1, 4), ("4.8.2", 1, 6), ("4.9.0", 1, 3), ("4.12.0", 1, 7), ("4.12.1", 1, 2), ("4.13.1", 1, 1),
    ("4.13.2", 1, 1), ("6.0.0", 1, 4),
];

/// How a reason to detect nothing begins.
const EXCUSES: &[&str] = &[
    "inside an end: ",
    "not to be seen: ",
    "not known: ",
    "not checked: ",
    "can't be broken: ",
    "about implementations, ",
];

/// A row of the table.
struct Row {
    statement: String,
    what: String,
    shown_by: String,
}

impl Row {
    fn of(line: &str) -> Option<Self> {
        let mut cells = line.strip_prefix("| MQTT-")?.split(" | ");
        let statement = cells.next()?.to_owned();
        assert!(!cells.next()?.is_empty(), "{statement} says nothing");
        let what = cells.next()?.to_owned();
        let shown_by = cells.next()?.trim_end_matches(" |").to_owned();
        assert!(cells.next().is_none(), "{statement} has too many cells");
        Some(Self {
            statement,
            what,
            shown_by,
        })
    }

    /// Codes that are named, in backticks.
    fn codes(&self) -> Vec<&str> {
        let quoted = self.what.split('`').skip(1).step_by(2);
        quoted
            .filter(|word| word.starts_with("mqtt.") && !word.contains('*'))
            .collect()
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(clauses::root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The rows of each version's table.
fn tables() -> [Vec<Row>; 2] {
    let text = read("docs/mqtt-clauses.md");
    let mut parts = text.split("\n## ").skip(1);
    [(); 2].map(|()| {
        let part = parts.next().expect("a table for each version");
        part.lines().filter_map(Row::of).collect()
    })
}

#[test]
fn every_statement_stands_once_and_in_its_place() {
    for (rows, statements) in tables().iter().zip([V311, V5]) {
        let listed: Vec<_> = rows.iter().map(|row| row.statement.clone()).collect();
        let numbered = |&(section, first, last): &(&'static str, u32, u32)| {
            (first..=last).map(move |number| format!("{section}-{number}"))
        };
        let all: Vec<_> = statements.iter().flat_map(numbered).collect();
        assert_eq!(listed, all);
    }
}

#[test]
fn every_row_names_codes_that_exist_or_says_why_there_is_none() {
    for row in tables().iter().flatten() {
        let statement = &row.statement;
        for code in row.codes() {
            assert!(
                Reason::from_code(code).is_some(),
                "{statement}: there is no {code}"
            );
        }
        let is_excused = EXCUSES.iter().any(|excuse| row.what.starts_with(excuse));
        assert_eq!(
            row.shown_by == "-",
            is_excused,
            "{statement}: {} shown by {}",
            row.what,
            row.shown_by
        );
    }
}

#[test]
fn what_shows_a_row_is_there() {
    let (tests, pack) = (clauses::test_functions(), read("rules/baseline.toml"));
    assert!(tests.len() > 100, "the sources have tests");
    for row in tables().iter().flatten() {
        for shown_by in row.shown_by.split("; ").filter(|by| *by != "-") {
            let is_there = match shown_by.strip_prefix('`') {
                Some(test) => tests.contains(test.trim_end_matches('`')),
                None => {
                    let case = shown_by.trim_start_matches('“').trim_end_matches('”');
                    pack.contains(&format!("\"{case}\""))
                }
            };
            assert!(is_there, "{}: {shown_by} isn't there", row.statement);
        }
    }
}

/// The other way round: what the parser finds is there because some clause asks for it.
#[test]
fn every_violation_of_a_numbered_statement_is_in_the_table() {
    let tables = tables();
    let named: BTreeSet<&str> = tables.iter().flatten().flat_map(Row::codes).collect();
    for malformed in wire::mqtt::Malformed::ALL {
        let cites = malformed.clause().contains("[MQTT-");
        assert!(
            !cites || named.contains(malformed.code()),
            "{} cites {} and isn't in the table",
            malformed.code(),
            malformed.clause()
        );
    }
}
