//! docs/mqtt-clauses.md holds true: every numbered statement of MQTT is there once and in order, every
//! code exists, and so does what shows it.

use std::collections::BTreeSet;

use weir_tests::clauses::{self, Clause};

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

#[test]
fn every_statement_stands_once_and_in_its_place() {
    let rows = clauses::read("mqtt-clauses.md");
    let listed: Vec<&str> = rows.iter().map(|row| row.clause.as_str()).collect();
    let numbered = |&(section, first, last): &(&'static str, u32, u32)| {
        (first..=last).map(move |number| format!("MQTT-{section}-{number}"))
    };
    let all: Vec<String> = V311.iter().chain(V5).flat_map(numbered).collect();
    assert_eq!(listed, all);
}

#[test]
fn what_the_table_names_exists() {
    let problems = clauses::problems(&clauses::read("mqtt-clauses.md"), &[]);
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn an_excuse_and_a_case_that_isn_t_there_are_seen() {
    let mut rows = clauses::read("mqtt-clauses.md");
    let is_shown = |row: &&mut Clause| !row.cases.is_empty();
    rows.iter_mut().find(is_shown).expect("cases").cases[0].push('?');
    let is_excused = |row: &&mut Clause| row.is_excused;
    rows.iter_mut()
        .find(is_excused)
        .expect("excuses")
        .is_excused = false;
    let problems = clauses::problems(&rows, &[]);
    assert_eq!(problems.len(), 2, "{}", problems.join("\n"));
}

/// The other way round: what the parser finds is there because some clause asks for it.
#[test]
fn every_violation_of_a_numbered_statement_is_in_the_table() {
    let rows = clauses::read("mqtt-clauses.md");
    let named: BTreeSet<&str> = rows
        .iter()
        .flat_map(|row| row.reasons.iter().map(String::as_str))
        .collect();
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
