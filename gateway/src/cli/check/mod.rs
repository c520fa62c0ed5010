//! `weir check`: every problem of configurations and packs at once, then the packs' own cases.

mod cases;
mod shown;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use policy::{Config, Diagnostics, Policy, SourceText};

use super::{Failure, Status};
use crate::control::load::{self, Loaded, Unreadable};

use shown::Shown;

/// A file that was named on the command line.
struct Named {
    path: PathBuf,
    source: SourceText,
}

/// A configuration and its packs, without errors.
struct Compiled {
    config: Config,
    packs: Vec<SourceText>,
    policy: Policy,
    warnings: Diagnostics,
}

impl From<Loaded> for Compiled {
    fn from(loaded: Loaded) -> Self {
        let Loaded {
            config,
            packs,
            policy,
            warnings,
            ..
        } = loaded;
        Self {
            config,
            packs,
            policy,
            warnings,
        }
    }
}

/// Files that can't be read.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\nweir: "))]
struct NotRead(Vec<Unreadable>);

/// `json` prints a line for each finding, for editors and pipelines, and not text for people.
pub(super) fn run(paths: &[PathBuf], json: bool, out: &mut impl Write) -> Result<Status, Failure> {
    let mut out = Shown::new(json, out);
    let (named, not_read) = read_all(paths);
    out.not_read(&not_read)?;
    let (packs, configurations): (Vec<Named>, Vec<Named>) =
        named.into_iter().partition(|file| file.source.is_pack());
    let mut status = Status::Fine;
    let mut context = Config::default();
    let mut seen = Vec::new();
    for (at, file) in configurations.iter().enumerate() {
        let (config, _) = Config::check(&file.source);
        seen.extend(load::pack_paths(&config, &file.path).map(|path| canonical(&path)));
        match load::compile(&file.source, &file.path) {
            Ok(loaded) => {
                status = status.and(accepted(&file.path, loaded.into(), &mut out)?);
                out.links(&file.path, &config)?;
            }
            Err(problems) => {
                out.diagnostics(&problems)?;
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
        status = status.and(check_pack(file, &context, &mut out)?);
    }
    out.finish()?;
    match not_read.0.is_empty() {
        true => Ok(status),
        // They stand among the lines.
        false if json => Ok(status.and(Status::Incomplete)),
        false => Err(not_read.into()),
    }
}

fn read_all(paths: &[PathBuf]) -> (Vec<Named>, NotRead) {
    let mut named = Vec::new();
    let mut unreadable = Vec::new();
    for path in paths {
        match load::read(path) {
            Ok(source) => named.push(Named {
                path: path.clone(),
                source,
            }),
            Err(file) => unreadable.push(file),
        }
    }
    (named, NotRead(unreadable))
}

/// A pack by itself, or under the first configuration named beside it.
fn check_pack(
    file: &Named,
    context: &Config,
    out: &mut Shown<impl Write>,
) -> Result<Status, Failure> {
    let config = context.clone();
    let packs = vec![file.source.clone()];
    let (policy, warnings) = Policy::check(&config, &packs);
    let Some(policy) = policy else {
        out.diagnostics(&warnings)?;
        return Ok(Status::Findings);
    };
    let compiled = Compiled {
        config,
        packs,
        policy,
        warnings,
    };
    accepted(&file.path, compiled, out)
}

/// Shows the warnings of what compiled, and runs its cases.
fn accepted(
    path: &Path,
    compiled: Compiled,
    out: &mut Shown<impl Write>,
) -> Result<Status, Failure> {
    out.diagnostics(&compiled.warnings)?;
    let tally = cases::run(compiled);
    out.tally(path, &tally)?;
    match tally.is_fine() {
        true => Ok(Status::Fine),
        false => Ok(Status::Findings),
    }
}

/// The path without detours, to see whether two are the same file.
fn canonical(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}
