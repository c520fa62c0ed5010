//! Tables of clauses in `docs/`: what a specification asks, what Weir says to it, and which test shows it.
//!
//! A table whose last heading is `test` holds rows of clauses: the column before it names reason codes, or says
//! why there are none, and the `test` column names test functions, both in backticks, and cases of the baseline in
//! quotation marks. Other tables are prose.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// How a reason to detect nothing begins.
const EXCUSES: &[&str] = &[
    "inside an end: ",
    "not to be seen: ",
    "not known: ",
    "not checked: ",
    "can't be broken: ",
    "about implementations, ",
];

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
    /// The cases of the baseline that show it.
    pub cases: Vec<String>,
    /// It says why nothing is detected.
    pub is_excused: bool,
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
                reasons: quoted(reasons, '`', '`').filter(|w| is_code(w)).collect(),
                tests: quoted(tests, '`', '`').collect(),
                cases: quoted(tests, '“', '”').collect(),
                is_excused: EXCUSES.iter().any(|excuse| reasons.starts_with(excuse)),
            });
        }
    }
    clauses
}

/// What is wrong with the clauses of a document: reasons that don't exist, tests and cases that don't, rows that
/// nothing shows and nothing excuses, and reasons of `families` that stand in no row.
///
/// # Panics
/// When the sources can't be read.
#[must_use]
pub fn problems(clauses: &[Clause], families: &[&str]) -> Vec<String> {
    let known: BTreeSet<&str> = policy::Reason::ALL.iter().map(|r| r.code()).collect();
    let (tests, baseline) = (test_functions(), baseline());
    let mut problems = Vec::new();
    for row in clauses {
        let place = format!("line {}, {}", row.line, row.clause);
        match (row.is_excused, row.tests.is_empty() && row.cases.is_empty()) {
            (false, true) => problems.push(format!("{place}: no test shows it")),
            (true, false) => problems.push(format!("{place}: shown, and excused all the same")),
            _ => {}
        }
        let is_there = |case: &&String| baseline.contains(&format!("\"{case}\""));
        for case in row.cases.iter().filter(|case| !is_there(case)) {
            problems.push(format!("{place}: there is no case “{case}”"));
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

/// What stands between quotation marks.
fn quoted(cell: &str, opening: char, closing: char) -> impl Iterator<Item = String> {
    let words = cell.split([opening, closing]).skip(1).step_by(2);
    words.map(str::to_owned)
}

/// Whether a word is a reason code, and neither a family of them nor a word of the protocol's.
fn is_code(word: &str) -> bool {
    let is_of_code =
        |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-');
    word.contains('.') && word.starts_with(char::is_alphabetic) && word.chars().all(is_of_code)
}

fn baseline() -> String {
    let path = root().join("rules/baseline.toml");
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
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
