//! Tables of clauses in `docs/`: what a specification asks, what Weir says to it, and which test shows it.
//!
//! A table whose last heading is `test` holds rows of clauses: their `reason` column names reason codes,
//! their `test` column test functions, both in backticks. Other tables are prose.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A row of a table of clauses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    /// Its line in the document, from 1.
    pub line: usize,
    /// The clause.
    pub clause: String,
    /// The reason codes it raises.
    pub reasons: Vec<String>,
    /// The tests that show it.
    pub tests: Vec<String>,
}

/// Reads the clauses of a document in `docs/`.
///
/// # Panics
/// When it can't be read.
#[must_use]
pub fn read(document: &str) -> Vec<Clause> {
    let path = root().join("docs").join(document);
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut in_table = false;
    let mut clauses = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let Some(row) = line.strip_prefix('|') else {
            in_table = false;
            continue;
        };
        let cells: Vec<&str> = row
            .trim_end_matches('|')
            .split('|')
            .map(str::trim)
            .collect();
        if cells.last() == Some(&"test") {
            in_table = true;
        } else if let ([clause, .., reasons, tests], true) = (&*cells, in_table)
            && !clause.starts_with("---")
        {
            clauses.push(Clause {
                line: at + 1,
                clause: (*clause).to_owned(),
                reasons: quoted(reasons),
                tests: quoted(tests),
            });
        }
    }
    clauses
}

/// What is wrong with the clauses of a document: reasons that don't exist, tests that don't, rows that
/// nothing shows, and reasons of `families` that stand in no row.
#[must_use]
pub fn problems(clauses: &[Clause], families: &[&str]) -> Vec<String> {
    let known: BTreeSet<&str> = policy::Reason::ALL.iter().map(|r| r.code()).collect();
    let tests = test_functions();
    let mut problems = Vec::new();
    for row in clauses {
        let place = format!("line {}, {}", row.line, row.clause);
        if row.tests.is_empty() {
            problems.push(format!("{place}: no test shows it"));
        }
        for test in row.tests.iter().filter(|test| !tests.contains(*test)) {
            problems.push(format!("{place}: there is no test `{test}`"));
        }
        for reason in row.reasons.iter().filter(|r| !known.contains(r.as_str())) {
            problems.push(format!("{place}: there is no reason `{reason}`"));
        }
    }
    let named: BTreeSet<&str> = clauses
        .iter()
        .flat_map(|row| row.reasons.iter().map(String::as_str))
        .collect();
    let of_families = known
        .iter()
        .filter(|code| families.iter().any(|family| code.starts_with(family)));
    for code in of_families.filter(|code| !named.contains(*code)) {
        problems.push(format!("`{code}` stands in no row"));
    }
    problems
}

/// What stands between backticks.
fn quoted(cell: &str) -> Vec<String> {
    let words = cell.split('`').skip(1).step_by(2);
    words.map(str::to_owned).collect()
}

/// The names of all test functions of the repository, those that `proptest!` makes included.
///
/// # Panics
/// When they can't be read.
#[must_use]
pub fn test_functions() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for dir in ["crates", "gateway", "ebpf", "tests"] {
        visit(&root().join(dir), &mut names);
    }
    names
}

fn visit(dir: &Path, names: &mut BTreeSet<String>) {
    let entries = fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    for entry in entries {
        let path = entry.expect("an entry").path();
        let is_built = path.file_name().is_some_and(|name| name == "target");
        if path.is_dir() && !is_built {
            visit(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            names.extend(tests_of(
                &fs::read_to_string(&path).expect("a readable source"),
            ));
        }
    }
}

/// The functions that stand behind `#[test]`.
fn tests_of(source: &str) -> impl Iterator<Item = String> {
    source.split("#[test]").skip(1).filter_map(|behind| {
        let (_, behind) = behind.split_once("fn ")?;
        let name = behind
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .next()?;
        Some(name.to_owned())
    })
}

/// The top of the repository.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
