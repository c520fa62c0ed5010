//! `weir check`: every problem of configurations and packs at once, then the packs' own cases.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use policy::{Config, Policy, SourceText};
use testkit::conversation;

use super::{Failure, Status};
use crate::control::feeds::{Feeds, Sources};
use crate::control::files::Files;
use crate::control::load::{self, Loaded, Unreadable};

/// A file that was named on the command line.
struct Named {
    path: PathBuf,
    source: SourceText,
}

/// Files that can't be read: nothing can be said about the rest without them.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\nweir: "))]
struct NotRead(Vec<Unreadable>);

pub(super) fn run(paths: &[PathBuf], out: &mut impl Write) -> Result<Status, Failure> {
    let named = read_all(paths)?;
    let (packs, configurations): (Vec<Named>, Vec<Named>) =
        named.into_iter().partition(|file| is_pack(&file.source));
    let mut status = Status::Fine;
    let mut context = Config::default();
    let mut seen = Vec::new();
    for (at, file) in configurations.iter().enumerate() {
        let (config, _) = Config::check(&file.source);
        seen.extend(load::pack_paths(&config, &file.path).map(|path| canonical(&path)));
        match load::compile(&file.source, &file.path) {
            Ok(loaded) => status = status.and(accepted(&file.path, &loaded, out)?),
            Err(problems) => {
                write!(out, "{problems}")?;
                status = Status::Findings;
            }
        }
        if at == 0 {
            context = config;
        }
    }
    for file in packs
        .iter()
        .filter(|file| !seen.contains(&canonical(&file.path)))
    {
        status = status.and(check_pack(file, &context, out)?);
    }
    out.flush()?;
    Ok(status)
}

fn read_all(paths: &[PathBuf]) -> Result<Vec<Named>, NotRead> {
    let mut named = Vec::new();
    let mut unreadable = Vec::new();
    for path in paths {
        match load::read(path, None) {
            Ok(source) => named.push(Named {
                path: path.clone(),
                source,
            }),
            Err(file) => unreadable.push(file),
        }
    }
    if unreadable.is_empty() {
        Ok(named)
    } else {
        Err(NotRead(unreadable))
    }
}

/// A pack has rules or cases, which a configuration may not have. Told by the text, since the file
/// may be broken.
fn is_pack(source: &SourceText) -> bool {
    let tables = ["[[rule]]", "[[case]]", "[pack]"];
    source.text.lines().any(|line| {
        tables
            .iter()
            .any(|table| line.trim_start().starts_with(table))
    })
}

/// A pack by itself, or under the first configuration named beside it.
fn check_pack(file: &Named, context: &Config, out: &mut impl Write) -> Result<Status, Failure> {
    let config = context.clone();
    let packs = vec![file.source.clone()];
    let (policy, warnings) = Policy::check(&config, &packs);
    let Some(policy) = policy else {
        write!(out, "{warnings}")?;
        return Ok(Status::Findings);
    };
    let loaded = Loaded {
        config,
        policy,
        packs,
        sources: Sources::default(),
        feeds: Feeds::default(),
        files: Files::default(),
        warnings,
    };
    accepted(&file.path, &loaded, out)
}

/// Shows the warnings of what compiled, and runs its cases.
fn accepted(path: &Path, loaded: &Loaded, out: &mut impl Write) -> Result<Status, Failure> {
    write!(out, "{}", loaded.warnings)?;
    let policy = Arc::new(under_test(loaded));
    let mut failed = 0;
    for case in policy.cases() {
        if let Err(failure) = conversation::check(&policy, case) {
            failed += 1;
            let name = &case.name;
            writeln!(out, "{}: case failed: {name}: {failure}", failure.place)?;
        }
    }
    let rules = counted(policy.rules().len(), "rule");
    let cases = counted(policy.cases().len(), "case");
    if failed > 0 {
        writeln!(out, "{}: {failed} of {cases} failed", path.display())?;
        return Ok(Status::Findings);
    }
    writeln!(out, "{}: all fine ({rules}, {cases})", path.display())?;
    Ok(Status::Fine)
}

/// The rules as the cases expect them.
fn under_test(loaded: &Loaded) -> Policy {
    let config = loaded.config.for_cases();
    Policy::compile(&config, &loaded.packs).expect("compiled in another mode before")
}

/// "1 rule", "2 rules".
fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

/// The path without detours, to see whether two are the same file.
fn canonical(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}
