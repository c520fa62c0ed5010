//! Reading the operator's files: the configuration, and the packs it names.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use policy::{Config, Diagnostic, Diagnostics, Level, NamedFile, Policy, SourceText};
use rustix::fs::OFlags;

use super::feeds::{Feeds, Sources};
use super::files::Files;

/// The largest file that is read: a pack of 10,000 rules has a tenth of this.
const MAX_FILE_BYTES: u64 = 64 << 20;

/// Names further away than this aren't suggested for a missing file, and of larger directories not
/// all names are looked at.
const MAX_DISTANCE: usize = 3;
const MAX_NEIGHBOURS: usize = 10_000;

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
    /// Why they couldn't be read, where they may stay as they are; else empty.
    pub unread: Diagnostics,
    /// The configuration and its packs, as files.
    pub files: Files,
    /// What is worth knowing about it all the same.
    pub warnings: Diagnostics,
}

/// A configuration that can't be used.
#[derive(Debug, thiserror::Error)]
#[error("{} can't be used:\n{}{}", path.display(), problems.to_string().trim_end(), problems.remedy())]
pub struct Unusable {
    path: PathBuf,
    problems: Problems,
    /// The configuration, and the packs it names as far as that can be read: mended, they may be of use.
    pub files: Box<Files>,
}

impl Unusable {
    /// What is wrong in the first place, in a line.
    #[must_use]
    pub fn first(&self) -> String {
        match &self.problems {
            Problems::Unreadable(file) => file.to_string(),
            Problems::Diagnostics(found) => first_error(found).unwrap_or_else(|| self.to_string()),
        }
    }
}

/// The first error of what was found, in a line.
pub(super) fn first_error(found: &Diagnostics) -> Option<String> {
    let first = found.iter().find(|found| found.level == Level::Error);
    first.map(|Diagnostic { place, message, .. }| format!("{place}: {message}"))
}

/// Why it can't.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
enum Problems {
    Unreadable(#[from] Unreadable),
    Diagnostics(#[from] Diagnostics),
}

impl Problems {
    fn remedy(&self) -> &'static str {
        match self {
            Self::Unreadable(Unreadable::System { .. }) => {
                "\nname yours with --config; deploy/weir.toml of Weir's sources is one to begin with"
            }
            Self::Unreadable(Unreadable::NotText(_)) | Self::Diagnostics(_) => "",
        }
    }
}

/// Why there is no text in a file.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// The system says so.
    #[error("{}: {error}", path.display())]
    System {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// It isn't UTF-8.
    #[error(transparent)]
    NotText(Diagnostics),
}

/// Reads the configuration at `path` with its packs, and compiles it. Their cases aren't looked at: to be
/// in force soon is what counts here, and `weir check` runs them.
///
/// # Errors
///
/// Every problem of every file.
pub fn load(path: &Path) -> Result<Loaded, Unusable> {
    load_with(path, Unread::Fails)
}

/// The same while the lists of an earlier configuration are in force: files of block lists that can't be read
/// are no reason against new rules.
///
/// # Errors
///
/// Every problem of every other file.
pub fn load_anew(path: &Path) -> Result<Loaded, Unusable> {
    load_with(path, Unread::Stays)
}

fn load_with(path: &Path, unread: Unread) -> Result<Loaded, Unusable> {
    // Changes after this are noticed, those before it are read.
    let files = Files::new(vec![path.to_owned()]);
    let (problems, files) = match read(path) {
        Ok(source) => match compile_with(&source, path, files, unread, Policy::check_rules) {
            Ok(loaded) => return Ok(loaded),
            Err((diagnostics, files)) => (diagnostics.into(), files),
        },
        Err(file) => (file.into(), files),
    };
    Err(Unusable {
        path: path.to_owned(),
        problems,
        files: Box::new(files),
    })
}

/// What becomes of a configuration whose block lists can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unread {
    /// It can't be used.
    Fails,
    /// It can, and the lists in force stay.
    Stays,
}

/// The same for a configuration whose text, found at `path`, is at hand; with the cases of its packs.
///
/// # Errors
///
/// Every problem of every file.
pub fn compile(source: &SourceText, path: &Path) -> Result<Loaded, Diagnostics> {
    let files = Files::new(vec![path.to_owned()]);
    let loaded = compile_with(source, path, files, Unread::Fails, Policy::check);
    loaded.map_err(|(diagnostics, _)| diagnostics)
}

/// `files` has the configuration; its packs are added, whether anything comes of them or not.
fn compile_with(
    source: &SourceText,
    path: &Path,
    mut files: Files,
    unread: Unread,
    check: fn(&Config, &[SourceText]) -> (Option<Policy>, Diagnostics),
) -> Result<Loaded, (Diagnostics, Files)> {
    let (config, mut diagnostics) = Config::check(source);
    files.add(pack_paths(&config, path));
    let packs = read_all(&config.packs, path, &mut diagnostics);
    let (policy, found) = check(&config, &packs);
    diagnostics.extend(found);
    let mut feeds = Feeds::of(&config, path);
    let (blocked, found) = feeds.read();
    let stay = unread == Unread::Stays && found.has_errors();
    let (found, unread) = match stay {
        true => (Diagnostics::default(), found),
        false => (found, Diagnostics::default()),
    };
    diagnostics.extend(found);
    let sources = Sources {
        blocked,
        never: config.block.never.clone(),
    };
    match policy {
        Some(policy) if !diagnostics.has_errors() => Ok(Loaded {
            config,
            policy,
            packs,
            sources,
            feeds,
            unread,
            files,
            warnings: diagnostics,
        }),
        _ => Err((diagnostics, files)),
    }
}

/// Where the packs that the configuration at `path` names are.
pub fn pack_paths<'a>(config: &'a Config, path: &'a Path) -> impl Iterator<Item = PathBuf> + 'a {
    config.packs.iter().map(move |pack| beside(path, pack))
}

/// Where a file is that the configuration at `path` names.
pub fn beside(path: &Path, file: &NamedFile) -> PathBuf {
    path.parent().unwrap_or(Path::new("")).join(&file.name)
}

/// The texts of files that the configuration at `path` names, as far as they can be read.
fn read_all(named: &[NamedFile], path: &Path, diagnostics: &mut Diagnostics) -> Vec<SourceText> {
    let mut texts = Vec::with_capacity(named.len());
    for file in named {
        match read_named(file, &beside(path, file)) {
            Ok(text) => texts.push(text),
            Err(found) => diagnostics.extend(found),
        }
    }
    texts
}

/// Reads the file at `path`, which a configuration names.
///
/// # Errors
///
/// Why it can't be read, at the line that names it; or where it isn't UTF-8.
pub fn read_named(file: &NamedFile, path: &Path) -> Result<SourceText, Diagnostics> {
    read(path).map_err(|unreadable| match unreadable {
        Unreadable::System { path, error } => {
            let mut helps = helps(&path, &error);
            helps[0].push_str("; the packs that come with Weir are those in its directory rules/");
            file.unreadable(&error, helps)
        }
        Unreadable::NotText(diagnostics) => diagnostics,
    })
}

/// The bytes of the block list at `path`, which a configuration names.
///
/// # Errors
///
/// Why it can't be read, at the line that names it.
pub fn read_feed(file: &NamedFile, path: &Path) -> Result<Vec<u8>, Diagnostics> {
    read_bytes(path).map_err(|error| file.unreadable(&error, helps(path, &error)))
}

/// Where a file was looked for, and what is there under almost the same name.
fn helps(path: &Path, error: &io::Error) -> Vec<String> {
    let absolute = std::path::absolute(path).unwrap_or(path.to_owned());
    let mut helps = vec![format!("it is looked for at {}", absolute.display())];
    if error.kind() == io::ErrorKind::NotFound {
        helps.extend(nearest(path).map(|name| format!("did you mean `{name}`?")));
    }
    helps
}

/// The file in the same directory whose name is nearest, if it is near.
fn nearest(path: &Path) -> Option<String> {
    let wanted = path.file_name()?.to_str()?;
    let names = path.parent()?.read_dir().ok()?;
    names
        .flatten()
        .take(MAX_NEIGHBOURS)
        .filter_map(|entry| entry.file_name().into_string().ok())
        .map(|name| (strsim::damerau_levenshtein(wanted, &name), name))
        .filter(|(distance, _)| *distance <= MAX_DISTANCE)
        .min()
        .map(|(_, name)| name)
}

/// Reads one file of the operator's.
///
/// # Errors
///
/// It can't be opened or read, is too large, or isn't UTF-8.
pub fn read(path: &Path) -> Result<SourceText, Unreadable> {
    let bytes = read_bytes(path).map_err(|error| Unreadable::System {
        path: path.to_owned(),
        error,
    })?;
    SourceText::from_bytes(&path.display().to_string(), &bytes).map_err(Unreadable::NotText)
}

/// Reads one regular file: what may keep its reader waiting, or does something when it is read, is refused.
///
/// # Errors
///
/// It can't be opened or read, is something else, or is too large.
fn read_bytes(path: &Path) -> io::Result<Vec<u8>> {
    check_regular(&fs::metadata(path)?)?;
    // Another may stand there by now: opening must not wait for whoever writes to a FIFO.
    let file = File::options()
        .read(true)
        .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
        .open(path)?;
    check_regular(&file.metadata()?)?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(io::Error::other(format!(
            "larger than {} MiB",
            MAX_FILE_BYTES >> 20
        )));
    }
    Ok(bytes)
}

fn check_regular(about: &Metadata) -> io::Result<()> {
    let kind = about.file_type();
    let what = match () {
        () if kind.is_file() => return Ok(()),
        () if kind.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        () if kind.is_fifo() => "a FIFO",
        () if kind.is_socket() => "a socket",
        () => "a device",
    };
    Err(io::Error::other(format!(
        "it is {what}, and only regular files are read"
    )))
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
        let elsewhere = [
            "links",
            "zones",
            "zone_marks",
            "exempted",
            "tls_required_from",
            "listen",
            "file",
            "socket",
        ];
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

    /// Opening a FIFO waits for whoever writes to it, and with it everything else would.
    #[test]
    fn only_regular_files_are_read_and_nothing_is_waited_for() {
        let directory = std::env::temp_dir().join(format!("weir-kinds-{}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("a scratch directory");
        let (config, fifo) = (directory.join("weir.toml"), directory.join("fifo"));
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, mode, 0)
            .expect("a FIFO");
        let socket = directory.join("socket");
        let listener = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
        let text = "[policy]\npacks = [\"fifo\", \"socket\", \"/dev/zero\", \".\"]\n[block]\nfiles = [\"fifo\"]\n";
        std::fs::write(&config, text).expect("written");
        let packs = load(&config).expect_err("five problems").to_string();
        let itself = load(&fifo).expect_err("no configuration").to_string();
        drop(listener);
        std::fs::remove_dir_all(&directory).expect("removed");
        for needle in [
            "weir.toml:2:10: error: `fifo` can't be read: it is a FIFO, and only regular files are read",
            "weir.toml:2:18: error: `socket` can't be read: it is a socket",
            "weir.toml:2:28: error: `/dev/zero` can't be read: it is a device",
            "weir.toml:2:41: error: `.` can't be read: is a directory",
            "weir.toml:4:10: error: `fifo` can't be read: it is a FIFO",
            "5 errors",
        ] {
            assert!(packs.contains(needle), "{needle} is missing in\n{packs}");
        }
        assert!(itself.contains("it is a FIFO"), "{itself}");
    }

    #[test]
    fn a_list_that_is_gone_fails_a_start_and_no_reload() {
        let directory = std::env::temp_dir().join(format!("weir-gone-{}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("a scratch directory");
        let config = directory.join("weir.toml");
        let text = "[block]\nfiles = [\"gone.txt\"]\nnever = [\"192.0.2.1\"]\n";
        std::fs::write(&config, text).expect("written");
        let start = load(&config).map(drop).expect_err("no list").to_string();
        let anew = load_anew(&config).expect("rules all the same");
        std::fs::write(&config, "mode = 7\n").expect("written");
        let broken = load_anew(&config).map(drop).expect_err("a mistake");
        std::fs::remove_dir_all(&directory).expect("removed");
        assert!(start.contains("`gone.txt` can't be read"), "{start}");
        assert!(anew.unread.to_string().contains("`gone.txt` can't be read"));
        assert!(anew.warnings.is_empty() && anew.sources.never.len() == 1);
        assert!(broken.first().contains("expected"), "{broken}");
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let directory = std::env::temp_dir().join(format!("weir-load-{}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("a scratch directory");
        let config = directory.join("weir.toml");
        let text = "mode = \"enforced\"\n[policy]\npacks = [\"broken.toml\", \"brokn.toml\", \"latin.toml\"]\n";
        std::fs::write(&config, text).expect("written");
        let pack = "[[rule]]\nid = \"x\"\nmatch = { packte = \"CONNECT\" }\naction = \"reset\"\n";
        std::fs::write(directory.join("broken.toml"), pack).expect("written");
        std::fs::write(directory.join("latin.toml"), b"# caf\xe9\n").expect("written");
        let problems = load(&config).expect_err("four problems").to_string();
        std::fs::remove_dir_all(&directory).expect("removed");
        for needle in [
            "weir.toml:1:8",
            "weir.toml:3:25: error: `brokn.toml` can't be read: No such file",
            "did you mean `broken.toml`?",
            "latin.toml:1:6: error: the file isn't UTF-8",
            "broken.toml:3:11",
            "4 errors",
        ] {
            assert!(
                problems.contains(needle),
                "{needle} is missing in\n{problems}"
            );
        }
    }
}
