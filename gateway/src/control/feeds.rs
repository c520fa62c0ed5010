//! The files of `[block]`: read with the configuration, and again when one of them changes.

use std::collections::BTreeMap;
use std::path::Path;

use ipnet::IpNet;
use policy::{Config, Diagnostics, NamedFile};

use super::files::Files;
use super::load;
use super::never::Never;

/// Which sources the configuration keeps out, and which it never does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sources {
    /// Kept out: in the order of their addresses, each once.
    pub blocked: Vec<IpNet>,
    /// Never kept out.
    pub never: Vec<IpNet>,
}

impl Sources {
    /// What is kept out, and what never is: a network that `never` holds all of is on no list.
    pub(crate) fn settle(mut self) -> (Vec<IpNet>, Never) {
        let never = Never::new(&self.never);
        self.blocked.retain(|source| !never.covers(*source));
        (self.blocked, never)
    }
}

/// The files.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Feeds {
    named: Vec<NamedFile>,
    files: Files,
    /// Whom no file keeps out by the way.
    zones: BTreeMap<String, Vec<IpNet>>,
    /// Of each file, how many networks it held when it was read last.
    held: Vec<usize>,
}

impl Feeds {
    /// Those that the configuration at `path` names, to be read right afterwards.
    #[must_use]
    pub fn of(config: &Config, path: &Path) -> Self {
        let named = config.block.files.clone();
        let files = named.iter().map(|file| load::beside(path, file)).collect();
        Self {
            files: Files::new(files),
            held: vec![0; named.len()],
            named,
            zones: config.zones.clone(),
        }
    }

    /// Whether a file has changed, and what is written there is whole.
    pub fn have_changed(&mut self) -> bool {
        self.files.have_changed()
    }

    /// All their networks, in the order of their addresses and each once; with what is wrong with
    /// their lines, and errors for files that can't be read, or of which nothing is left: where a list was, a
    /// download that failed has left an error page, or nothing.
    #[must_use]
    pub fn read(&mut self) -> (Vec<IpNet>, Diagnostics) {
        let mut all = Vec::new();
        let mut diagnostics = Diagnostics::default();
        let files = self.named.iter().zip(self.files.paths());
        for ((file, path), held) in files.zip(&mut self.held) {
            match load::read_feed(file, path) {
                Ok(bytes) => {
                    let name = path.display().to_string();
                    let (networks, found) = policy::block_list(&name, &bytes, &self.zones);
                    diagnostics.extend(found);
                    if networks.is_empty() && *held > 0 {
                        diagnostics.extend(emptied(file));
                        continue;
                    }
                    *held = networks.len();
                    all.extend(networks);
                }
                Err(found) => diagnostics.extend(found),
            }
        }
        all.sort_unstable();
        all.dedup();
        (all, diagnostics)
    }
}

fn emptied(file: &NamedFile) -> Diagnostics {
    let help =
        "a list that is meant to be empty comes into force with `weir ctl reload`".to_owned();
    file.unreadable("no network is left in it", vec![help])
}

#[cfg(test)]
mod tests {
    use std::fs;

    use policy::SourceText;

    use super::*;

    #[test]
    fn a_change_is_noticed_once_it_is_over() {
        let directory = std::env::temp_dir().join(format!("weir-feeds-{}", std::process::id()));
        fs::create_dir_all(&directory).expect("a scratch directory");
        let (path, feed) = (directory.join("weir.toml"), directory.join("feed.netset"));
        fs::write(&feed, "192.0.2.2\n192.0.2.1\n").expect("written");
        let text = "[zones]\nhall = [\"198.51.100.7\"]\n\
                    [block]\nfiles = [\"feed.netset\", \"missing.netset\"]\n";
        let config = Config::parse(&SourceText::new("weir.toml", text)).expect("valid");
        let mut feeds = Feeds::of(&config, &path);
        let (networks, problems) = feeds.read();
        assert!(networks.len() == 2 && networks.is_sorted());
        assert_eq!(problems.summary(), "1 error");
        let problems = problems.to_string();
        assert!(
            problems.contains("weir.toml:4:25: error: `missing.netset`"),
            "{problems}"
        );
        assert!(!feeds.have_changed() && !feeds.have_changed());

        fs::write(&feed, "192.0.2.2\n").expect("written");
        assert!(!feeds.have_changed(), "it may go on changing");
        let list = "192.0.2.2\nbroken\n192.0.2.3\n192.0.2.4\n198.51.100.0/24\n";
        fs::write(&feed, list).expect("written");
        assert!(!feeds.have_changed(), "it has gone on changing");
        assert!(feeds.have_changed());
        assert!(!feeds.have_changed(), "told once");
        let (networks, problems) = feeds.read();
        assert_eq!(networks.len(), 3);
        let problems = problems.to_string();
        assert!(problems.contains("feed.netset:2:1") && problems.contains("the zone `hall`"));

        for nothing in ["", "<html><h1>404</h1></html>\n"] {
            fs::write(&feed, nothing).expect("written");
            let (networks, problems) = feeds.read();
            let problems = problems.to_string();
            assert!(networks.is_empty());
            assert!(problems.contains("no network is left in it"), "{problems}");
        }
        let (networks, problems) = Feeds::of(&config, &path).read();
        assert!(networks.is_empty() && !problems.to_string().contains("left in it"));
        fs::remove_dir_all(&directory).expect("removed");
    }
}
