//! The files of `[block]`: read with the configuration, and again when one of them changes.

use std::path::Path;

use ipnet::IpNet;
use policy::{Config, Diagnostics};

use super::files::Files;
use super::load::{self, Unreadable};

/// Which sources the configuration keeps out, and which it never does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sources {
    /// Kept out: in the order of their addresses, each once.
    pub blocked: Vec<IpNet>,
    /// Never kept out.
    pub never: Vec<IpNet>,
}

/// The files.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Feeds(Files);

impl Feeds {
    /// Those that the configuration at `path` names, to be read right afterwards.
    #[must_use]
    pub fn of(config: &Config, path: &Path) -> Self {
        let directory = path.parent().unwrap_or(Path::new(""));
        let files = config.block.files.iter();
        Self(Files::new(files.map(|file| directory.join(file)).collect()))
    }

    /// Whether a file has changed, and what is written there is whole.
    pub fn have_changed(&mut self) -> bool {
        self.0.have_changed()
    }

    /// All their networks, in the order of their addresses and each once; with what is wrong with
    /// their lines, and the files that can't be read.
    #[must_use]
    pub fn read(&self, namer: &Path) -> (Vec<IpNet>, Diagnostics, Vec<Unreadable>) {
        let mut all = Vec::new();
        let mut diagnostics = Diagnostics::default();
        let mut unreadable = Vec::new();
        for file in self.0.paths() {
            match load::read(file, Some(namer)) {
                Ok(text) => {
                    let (networks, found) = policy::block_list(&text);
                    all.extend(networks);
                    diagnostics.extend(found);
                }
                Err(file) => unreadable.push(file),
            }
        }
        all.sort_unstable();
        all.dedup();
        (all, diagnostics, unreadable)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_change_is_noticed_once_it_is_over() {
        let directory = std::env::temp_dir().join(format!("weir-feeds-{}", std::process::id()));
        fs::create_dir_all(&directory).expect("a scratch directory");
        let (path, feed) = (directory.join("weir.toml"), directory.join("feed.netset"));
        fs::write(&feed, "192.0.2.2\n192.0.2.1\n").expect("written");
        let mut config = Config::default();
        config.block.files = vec!["feed.netset".to_owned(), "missing.netset".to_owned()];
        let mut feeds = Feeds::of(&config, &path);
        let (networks, problems, unreadable) = feeds.read(&path);
        assert_eq!(networks.len(), 2);
        assert!(networks.is_sorted() && !problems.has_errors());
        let unreadable: Vec<_> = unreadable.iter().map(ToString::to_string).collect();
        assert!(matches!(&unreadable[..], [one] if one.contains("missing.netset")));
        assert!(!feeds.have_changed() && !feeds.have_changed());

        fs::write(&feed, "192.0.2.2\n").expect("written");
        assert!(!feeds.have_changed(), "it may go on changing");
        fs::write(&feed, "192.0.2.2\nbroken\n192.0.2.3\n192.0.2.4\n").expect("written");
        assert!(!feeds.have_changed(), "it has gone on changing");
        assert!(feeds.have_changed());
        assert!(!feeds.have_changed(), "told once");
        let (networks, problems, _) = feeds.read(&path);
        assert_eq!(networks.len(), 3);
        assert!(problems.to_string().contains("feed.netset:2:1"));
        fs::remove_dir_all(&directory).expect("removed");
    }
}
