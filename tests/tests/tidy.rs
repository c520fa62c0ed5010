//! The house rules that no compiler checks: crate edges, file sizes, where `unsafe` may stand,
//! words that don't belong, and documents that must be there.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A file of this many lines or more needs a redesign, or a line in [`LONG_FILES`] that says why.
const MAX_LINES: usize = 600;

/// Files that hold one thing although they are long.
const LONG_FILES: &[(&str, &str)] = &[];

/// Which of our own crates each crate may depend on, outside of its tests.
const EDGES: &[(&str, &[&str])] = &[
    ("crates/wire", &[]),
    ("crates/policy", &["wire"]),
    ("crates/inspect", &["wire", "policy"]),
    ("crates/abi", &[]),
    ("crates/xsk", &[]),
    ("crates/testkit", &["wire", "policy", "inspect"]),
    (
        "gateway",
        &["wire", "policy", "inspect", "abi", "xsk", "testkit"],
    ),
];

const OURS: &[&str] = &[
    "wire", "policy", "inspect", "abi", "xsk", "testkit", "gateway",
];

/// What the core crates never depend on: they open nothing, log nothing and read no clock.
const NOT_IN_CORE: &[&str] = &[
    "tokio", "aya", "libc", "rustix", "nix", "tracing", "log", "socket2", "axum",
];

#[test]
fn crates_depend_only_on_what_the_house_allows() {
    for (dir, allowed) in EDGES {
        for dependency in dependencies(dir) {
            if OURS.contains(&dependency.as_str()) {
                assert!(
                    allowed.contains(&dependency.as_str()),
                    "{dir} must not use {dependency}"
                );
            }
        }
    }
}

#[test]
fn core_crates_stay_free_of_the_environment() {
    for dir in ["crates/wire", "crates/policy", "crates/inspect"] {
        for dependency in dependencies(dir) {
            assert!(
                !NOT_IN_CORE.contains(&dependency.as_str()),
                "{dir} must not use {dependency}"
            );
        }
        for (path, text) in sources(dir) {
            for word in [
                "std::fs",
                "std::net::UdpSocket",
                "std::net::TcpStream",
                "std::thread",
            ] {
                let outside_tests = text.split("#[cfg(test)]").next().unwrap_or_default();
                assert!(
                    !outside_tests.contains(word) || is_test(&path),
                    "{} uses {word}",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn unsafe_stands_only_where_it_may_and_says_why() {
    // Spelled in halves, so that this file doesn't find itself.
    let (block, implementation) = (["unsafe", " {"].concat(), ["unsafe", " impl"].concat());
    for (path, text) in sources("") {
        let allowed = path.starts_with("crates/xsk") || path.starts_with("ebpf");
        let lines: Vec<&str> = text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            if !code.contains(&block) && !code.contains(&implementation) {
                continue;
            }
            assert!(
                allowed,
                "{}:{}: unsafe outside its rooms",
                path.display(),
                at + 1
            );
            let reasoned = lines[at.saturating_sub(8)..=at]
                .iter()
                .any(|l| l.contains("SAFETY"));
            assert!(
                reasoned,
                "{}:{}: unsafe without a SAFETY line",
                path.display(),
                at + 1
            );
        }
    }
}

#[test]
fn files_keep_to_one_thing() {
    for (path, text) in sources("") {
        let lines = text.lines().count();
        let excused = LONG_FILES.iter().any(|(file, _)| Path::new(file) == path);
        assert!(
            lines < MAX_LINES || excused,
            "{} has {lines} lines: split it, or say in LONG_FILES why it is one thing",
            path.display()
        );
        assert!(
            lines >= MAX_LINES || !excused,
            "{} is short again",
            path.display()
        );
    }
}

#[test]
fn every_source_file_says_what_it_is() {
    for (path, text) in sources("") {
        let first = text
            .lines()
            .find(|line| !line.starts_with("#!") && !line.is_empty());
        assert!(
            first.is_some_and(|line| line.starts_with("//!")),
            "{} begins without a module doc",
            path.display()
        );
    }
}

#[test]
fn nothing_unfinished_is_left_in_the_sources() {
    // Spelled in halves, so that this file doesn't find itself.
    let banned = [
        ["to", "do!("].concat(),
        ["unimpl", "emented!("].concat(),
        ["#[ign", "ore"].concat(),
        ["d", "bg!("].concat(),
        ["FIX", "ME"].concat(),
        ["TO", "DO"].concat(),
        ["XX", "X:"].concat(),
    ];
    for (path, text) in sources("") {
        for word in &banned {
            assert!(
                !text.contains(word.as_str()),
                "{} contains {word}",
                path.display()
            );
        }
    }
}

#[test]
fn the_project_names_no_workplace() {
    let banned = [
        ["/wo", "rk/"].concat(),
        ["crates", ".io"].concat(),
        ["index.", "crates"].concat(),
    ];
    for path in tracked_files() {
        if path.ends_with("Cargo.lock") {
            continue;
        }
        let Ok(text) = fs::read_to_string(root().join(&path)) else {
            continue;
        };
        for word in &banned {
            assert!(
                !text.contains(word.as_str()),
                "{} contains {word}",
                path.display()
            );
        }
    }
}

#[test]
fn the_documents_are_there() {
    for (file, needle) in [
        ("README.md", "make test"),
        ("README.md", "make demo"),
        ("ARCHITECTURE.md", "Invariant"),
        ("CHANGELOG.md", "## [Unreleased]"),
        ("LICENSE-MIT", "MIT License"),
        ("LICENSE-APACHE", "Apache License"),
        (".ci/run", "make test"),
    ] {
        let text = fs::read_to_string(root().join(file)).unwrap_or_default();
        assert!(text.contains(needle), "{file} doesn't mention {needle:?}");
    }
}

#[test]
fn architecture_names_every_member_and_nothing_that_is_gone() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    for (dir, _) in EDGES {
        assert!(
            text.contains(&format!("`{dir}")),
            "ARCHITECTURE.md doesn't name {dir}"
        );
    }
    for path in backticked_paths(&text) {
        assert!(
            root().join(&path).exists(),
            "ARCHITECTURE.md names {path}, which isn't there"
        );
    }
}

/// Words in backticks that look like a path in this repository.
fn backticked_paths(text: &str) -> Vec<String> {
    let looks_like_path = |word: &&str| {
        let known = [
            "crates/", "gateway/", "ebpf/", "tests/", "rules/", "deploy/", "docs/", "fuzz/",
        ];
        known.iter().any(|dir| word.starts_with(dir)) && !word.contains([' ', '*', '{', '<'])
    };
    text.split('`')
        .skip(1)
        .step_by(2)
        .filter(looks_like_path)
        .map(str::to_owned)
        .collect()
}

/// Names in `[dependencies]` (not dev-dependencies) of the package in `dir`.
fn dependencies(dir: &str) -> Vec<String> {
    let manifest = fs::read_to_string(root().join(dir).join("Cargo.toml")).expect("a manifest");
    let table: toml::Table = manifest.parse().expect("a well-formed manifest");
    let section = table.get("dependencies").and_then(toml::Value::as_table);
    section
        .map(|deps| deps.keys().cloned().collect())
        .unwrap_or_default()
}

/// Rust sources under `dir` (relative to the root) that git tracks, with their text.
fn sources(dir: &str) -> BTreeMap<PathBuf, String> {
    tracked_files()
        .into_iter()
        .filter(|path| path.extension().is_some_and(|e| e == "rs") && path.starts_with(dir))
        .map(|path| {
            let text = fs::read_to_string(root().join(&path)).expect("a readable source");
            (path, text)
        })
        .collect()
}

/// Files that git tracks and that exist, relative to the root.
fn tracked_files() -> Vec<PathBuf> {
    let output = Command::new("git")
        .args(["ls-files", "-z"])
        .current_dir(root())
        .output()
        .expect("git");
    assert!(
        output.status.success(),
        "git ls-files failed: is this a clone?"
    );
    String::from_utf8(output.stdout)
        .expect("paths in UTF-8")
        .split_terminator('\0')
        .map(PathBuf::from)
        .filter(|path| root().join(path).is_file())
        .collect()
}

fn is_test(path: &Path) -> bool {
    path.components().any(|part| {
        let part = part.as_os_str();
        part == "tests" || part == "tests.rs" || part == "benches"
    })
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace's root")
}
