//! README's words hold: its commands run, its configuration checks, its links lead somewhere.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const PROGRAM: &str = env!("CARGO_BIN_EXE_weir-under-test");

/// The two commands, and what `make` would run for each. They aren't run whole from here: this very
/// test is part of the one, and `tests/tests/demo.rs` runs the other's program.
#[test]
fn the_make_targets_do_what_is_said() {
    for (target, runs) in [
        ("demo", ["scripts/setup build", "target/release/weir demo"]),
        ("test", ["scripts/setup build test", "scripts/test"]),
        ("bench", ["scripts/setup build bench", "scripts/bench"]),
        ("build", ["scripts/setup build", "--release"]),
    ] {
        assert!(
            readme().contains(&format!("make {target}")),
            "README doesn't say make {target}"
        );
        let mut dry_run = Command::new("make");
        let plan = text_of(
            &dry_run
                .args(["--dry-run", target])
                .current_dir(root())
                .output(),
        );
        for command in runs {
            assert!(
                plan.contains(command),
                "make {target} doesn't run {command}:\n{plan}"
            );
        }
    }
}

#[test]
fn every_make_target_named_exists() {
    let makefile = fs::read_to_string(root().join("Makefile")).expect("the Makefile");
    for target in words_after(&readme(), "make ") {
        assert!(
            makefile.contains(&format!("\n{target}:")),
            "README says make {target}"
        );
    }
}

#[test]
fn every_command_named_exists() {
    let help = text_of(&Command::new(PROGRAM).arg("--help").output());
    for command in words_after(&readme(), "`weir ") {
        assert!(
            help.contains(&format!("  {command} ")),
            "README says weir {command}:\n{help}"
        );
        let own_help = text_of(&Command::new(PROGRAM).args([&command, "--help"]).output());
        assert!(
            own_help.contains("Usage: weir"),
            "weir {command} --help:\n{own_help}"
        );
    }
}

#[test]
fn the_configuration_of_the_deployment_checks() {
    let dir = std::env::temp_dir().join(format!("weir-readme-{}", std::process::id()));
    fs::create_dir_all(&dir).expect("a scratch directory");
    let baseline = root().join("rules/baseline.toml");
    let installed = "/usr/share/weir/rules/baseline.toml";
    let text = block(&readme(), "toml", "[[link]]");
    assert!(
        text.contains(installed),
        "the example names the baseline pack"
    );
    let file = dir.join("weir.toml");
    fs::write(
        &file,
        text.replace(installed, baseline.to_str().expect("UTF-8")),
    )
    .expect("written");
    let output = Command::new(PROGRAM).arg("check").arg(&file).output();
    fs::remove_dir_all(&dir).expect("removed");
    text_of(&output);
}

#[test]
fn the_example_rule_checks() {
    let text = block(&readme(), "toml", "[[rule]]");
    let file = std::env::temp_dir().join(format!("weir-readme-rule-{}.toml", std::process::id()));
    fs::write(&file, text).expect("written");
    let output = Command::new(PROGRAM).arg("check").arg(&file).output();
    fs::remove_file(&file).expect("removed");
    text_of(&output);
}

#[test]
fn links_lead_somewhere() {
    for document in ["README.md", "ARCHITECTURE.md", "rules/README.md"] {
        let path = root().join(document);
        let text = fs::read_to_string(&path).expect("the document");
        for link in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let is_outside = link.starts_with("http") || link.starts_with('#');
            let file = link.split('#').next().unwrap_or_default();
            let target = path.parent().expect("a directory").join(file);
            assert!(is_outside || target.exists(), "{document} links to {link}");
        }
    }
}

/// What a command printed on both streams; it must have succeeded.
fn text_of(output: &std::io::Result<Output>) -> String {
    let output = output.as_ref().expect("the command runs");
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{:?}:\n{text}",
        output.status.code()
    );
    text.into_owned()
}

/// The first fenced block of `language` in `text` that contains `needle`, without its indentation.
fn block(text: &str, language: &str, needle: &str) -> String {
    let fence = format!("```{language}\n");
    let mut blocks = text
        .split(&fence)
        .skip(1)
        .filter_map(|rest| rest.split("```").next());
    let found = blocks
        .find(|block| block.contains(needle))
        .expect("such a block");
    found
        .lines()
        .map(|line| line.trim_start().to_owned() + "\n")
        .collect()
}

/// Each word that directly follows `prefix`.
fn words_after(text: &str, prefix: &str) -> Vec<String> {
    let word = |rest: &str| -> String {
        rest.chars()
            .take_while(|c| c.is_ascii_lowercase())
            .collect()
    };
    text.split(prefix)
        .skip(1)
        .map(word)
        .filter(|word| !word.is_empty())
        .collect()
}

fn readme() -> String {
    fs::read_to_string(root().join("README.md")).expect("README.md")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace's root")
        .to_owned()
}
