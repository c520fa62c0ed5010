//! Reading the operator's files: the configuration, and the packs it names.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use policy::{Config, Diagnostics, Policy, SourceText};

/// The largest file that is read: a pack of 10,000 rules has a tenth of this.
const MAX_FILE_BYTES: u64 = 64 << 20;

/// A configuration with its rules, ready to be put in force.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Its compiled rules.
    pub policy: Policy,
}

/// Everything that keeps files from being used, all at once.
#[derive(Debug, Default)]
pub struct Problems {
    /// Files that can't be read.
    pub unreadable: Vec<Unreadable>,
    /// What is wrong in those that can.
    pub diagnostics: Diagnostics,
}

/// A file that can't be read.
#[derive(Debug, thiserror::Error)]
#[error("{}: {error}{}", path.display(), named_by(namer.as_deref()))]
pub struct Unreadable {
    path: PathBuf,
    error: io::Error,
    /// The configuration that names it.
    namer: Option<PathBuf>,
}

fn named_by(namer: Option<&Path>) -> String {
    namer.map_or(String::new(), |path| {
        format!(" (named in `packs` of {})", path.display())
    })
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for file in &self.unreadable {
            writeln!(f, "{file}")?;
        }
        write!(f, "{}", self.diagnostics)
    }
}

impl std::error::Error for Problems {}

/// Reads the configuration at `path` with its packs, and compiles it.
///
/// # Errors
///
/// Every problem of every file.
pub fn load(path: &Path) -> Result<Loaded, Problems> {
    let source = read(path, None).map_err(|file| Problems {
        unreadable: vec![file],
        ..Problems::default()
    })?;
    let (config, diagnostics) = Config::check(&source);
    let mut problems = Problems {
        diagnostics,
        ..Problems::default()
    };
    let packs = read_packs(&config, path, &mut problems);
    match Policy::compile(&config, &packs) {
        Ok(policy) if problems.unreadable.is_empty() && !problems.diagnostics.has_errors() => {
            Ok(Loaded { config, policy })
        }
        Ok(_) => Err(problems),
        Err(diagnostics) => {
            problems.diagnostics.extend(diagnostics);
            Err(problems)
        }
    }
}

/// The texts of the packs that the configuration at `path` names, as far as they can be read.
fn read_packs(config: &Config, path: &Path, problems: &mut Problems) -> Vec<SourceText> {
    let directory = path.parent().unwrap_or(Path::new(""));
    let mut packs = Vec::with_capacity(config.packs.len());
    for pack in &config.packs {
        match read(&directory.join(pack), Some(path)) {
            Ok(text) => packs.push(text),
            Err(file) => problems.unreadable.push(file),
        }
    }
    packs
}

/// Reads one file of the operator's.
///
/// # Errors
///
/// It can't be opened or read, is too large, or isn't UTF-8.
pub fn read(path: &Path, namer: Option<&Path>) -> Result<SourceText, Unreadable> {
    let text = read_text(path).map_err(|error| Unreadable {
        path: path.to_owned(),
        error,
        namer: namer.map(Path::to_owned),
    })?;
    Ok(SourceText::new(&path.display().to_string(), &text))
}

fn read_text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?
        .take(MAX_FILE_BYTES + 1)
        .read_to_string(&mut text)?;
    if text.len() as u64 > MAX_FILE_BYTES {
        return Err(io::Error::other(format!(
            "larger than {} MiB",
            MAX_FILE_BYTES >> 20
        )));
    }
    Ok(text)
}
