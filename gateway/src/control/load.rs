//! Reading the operator's files: the configuration, and the packs it names.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use policy::{Config, Diagnostics, Policy, SourceText};

use super::feeds::{Feeds, Sources};
use super::files::Files;

/// The largest file that is read: a pack of 10,000 rules has a tenth of this.
const MAX_FILE_BYTES: u64 = 64 << 20;

/// A configuration with its rules, ready to be put in force.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Its compiled rules.
    pub policy: Policy,
    /// The texts of the packs it was compiled from.
    pub packs: Vec<SourceText>,
    /// Whom it keeps out beside its rules.
    pub sources: Sources,
    /// The files that say so.
    pub feeds: Feeds,
    /// The configuration and its packs, as files.
    pub files: Files,
    /// What is worth knowing about it all the same.
    pub warnings: Diagnostics,
}

/// Everything that keeps files from being used, all at once.
#[derive(Debug, Default)]
pub struct Problems {
    /// Files that can't be read.
    pub unreadable: Vec<Unreadable>,
    /// What is wrong in those that can.
    pub diagnostics: Diagnostics,
}

/// A configuration that can't be used.
#[derive(Debug, thiserror::Error)]
#[error("{} can't be used:\n{}", path.display(), problems.to_string().trim_end())]
pub struct Unusable {
    path: PathBuf,
    problems: Problems,
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
        format!(" (named in {})", path.display())
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
pub fn load(path: &Path) -> Result<Loaded, Unusable> {
    let unusable = |problems| Unusable {
        path: path.to_owned(),
        problems,
    };
    let source = read(path, None).map_err(|file| {
        unusable(Problems {
            unreadable: vec![file],
            ..Problems::default()
        })
    })?;
    compile(&source, path).map_err(unusable)
}

/// The same for a configuration whose text, found at `path`, is at hand.
///
/// # Errors
///
/// Every problem of every file.
pub fn compile(source: &SourceText, path: &Path) -> Result<Loaded, Problems> {
    let (config, diagnostics) = Config::check(source);
    let mut problems = Problems {
        diagnostics,
        ..Problems::default()
    };
    let files = std::iter::once(path.to_owned()).chain(pack_paths(&config, path));
    let files = Files::new(files.collect());
    let packs = read_packs(&config, path, &mut problems);
    let (policy, diagnostics) = Policy::check(&config, &packs);
    problems.diagnostics.extend(diagnostics);
    let feeds = Feeds::of(&config, path);
    let (blocked, diagnostics, unreadable) = feeds.read(path);
    problems.diagnostics.extend(diagnostics);
    problems.unreadable.extend(unreadable);
    let sources = Sources {
        blocked,
        never: config.block.never.clone(),
    };
    match policy {
        Some(policy) if !problems.are_fatal() => Ok(Loaded {
            config,
            policy,
            packs,
            sources,
            feeds,
            files,
            warnings: problems.diagnostics,
        }),
        _ => Err(problems),
    }
}

impl Problems {
    fn are_fatal(&self) -> bool {
        !self.unreadable.is_empty() || self.diagnostics.has_errors()
    }
}

/// Where the packs that the configuration at `path` names are.
pub fn pack_paths<'a>(config: &'a Config, path: &'a Path) -> impl Iterator<Item = PathBuf> + 'a {
    let directory = path.parent().unwrap_or(Path::new(""));
    config.packs.iter().map(move |pack| directory.join(pack))
}

/// The texts of the packs that the configuration at `path` names, as far as they can be read.
fn read_packs(config: &Config, path: &Path, problems: &mut Problems) -> Vec<SourceText> {
    let mut packs = Vec::with_capacity(config.packs.len());
    for pack in pack_paths(config, path) {
        match read(&pack, Some(path)) {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn document() -> String {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md");
        std::fs::read_to_string(path).expect("docs/configuration.md")
    }

    /// The text of the document's block of that kind.
    fn block<'a>(document: &'a str, fence: &str) -> &'a str {
        let (_, rest) = document.split_once(fence).expect("the block's beginning");
        rest.split_once("```").expect("the block's end").0
    }

    #[test]
    fn the_documented_defaults_are_the_defaults() {
        let document = document();
        let text = block(&document, "```toml defaults\n");
        let config = Config::parse(&SourceText::new("docs/configuration.md", text));
        assert_eq!(
            config.map_err(|problems| problems.render()),
            Ok(Config::default())
        );
    }

    #[test]
    fn every_key_is_documented() {
        let document = document();
        let defaults = block(&document, "```toml defaults\n");
        // A key can't be missed: the fields of the parsed configuration are its keys.
        let fields = format!("{:#?}", Config::default());
        let keys = fields
            .lines()
            .filter_map(|line| line.trim_start().split_once(": "));
        let elsewhere = ["links", "zones", "tls_required_from", "listen", "file"];
        for (field, _) in keys.filter(|(field, _)| !elsewhere.contains(field)) {
            let documented = defaults
                .lines()
                .any(|line| line.starts_with(field) || line.starts_with(&format!("[{field}]")));
            assert!(documented, "docs/configuration.md doesn't mention {field}");
        }
    }

    #[test]
    fn the_example_is_a_configuration() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/weir.toml");
        let text = std::fs::read_to_string(path).expect("deploy/weir.toml");
        let config = Config::parse(&SourceText::new("deploy/weir.toml", &text));
        let config = config
            .map_err(|problems| problems.render())
            .expect("a valid example");
        assert_eq!(config.links.len(), 1);
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let directory = std::env::temp_dir().join(format!("weir-load-{}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("a scratch directory");
        let config = directory.join("weir.toml");
        let text = "mode = \"enforced\"\n[policy]\npacks = [\"broken.toml\", \"missing.toml\"]\n";
        std::fs::write(&config, text).expect("written");
        let pack = "[[rule]]\nid = \"x\"\nmatch = { packte = \"CONNECT\" }\naction = \"reset\"\n";
        std::fs::write(directory.join("broken.toml"), pack).expect("written");
        let problems = load(&config).expect_err("three problems").to_string();
        std::fs::remove_dir_all(&directory).expect("removed");
        for needle in [
            "missing.toml",
            "weir.toml:1:8",
            "broken.toml:3:11",
            "did you mean",
        ] {
            assert!(
                problems.contains(needle),
                "{needle} is missing in\n{problems}"
            );
        }
    }
}
