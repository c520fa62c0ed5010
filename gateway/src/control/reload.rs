//! New rules while frames go through.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::SyncSender;
use std::thread;

use inspect::Inspector;
use policy::{Config, Policy};
use tokio::sync::oneshot;

use super::bans::{Lists, Order, Placed};
use super::events::Policies;
use super::files::Files;
use super::load::{Loaded, first_error, load_anew};
use super::metrics::{ControlCounts, Metrics};
use super::office::{Reloaded, Rules};

/// Puts new rules in force.
pub struct Reloader {
    path: PathBuf,
    /// What the gateway was started with.
    started: Config,
    inspector: Arc<Inspector>,
    policies: Arc<Policies>,
    metrics: Arc<Metrics>,
    counts: Arc<ControlCounts>,
    keeper: SyncSender<Order>,
    /// What is in force was read from these; after a failure, what should be, so far as it was named.
    files: Files,
}

impl Reloader {
    /// A reloader of the configuration at `path`, which the gateway was `started` with, and was read from
    /// these files.
    #[must_use]
    pub fn new(
        (path, files): (&Path, Files),
        started: Config,
        inspector: Arc<Inspector>,
        policies: Arc<Policies>,
        metrics: Arc<Metrics>,
        counts: Arc<ControlCounts>,
        keeper: SyncSender<Order>,
    ) -> Self {
        Self {
            path: path.to_owned(),
            started,
            inspector,
            policies,
            metrics,
            counts,
            keeper,
            files,
        }
    }

    /// Whether the configuration or a pack has changed, and what is written there is whole.
    pub fn is_due(&mut self) -> bool {
        self.started.control.follow_files && self.files.have_changed()
    }

    /// What is in force.
    #[must_use]
    pub fn in_force(&self) -> Rules {
        self.policies.newest()
    }

    /// Reads everything anew. Without a mistake in it, it comes into force at once for every frame
    /// from now on, and `configure` is to tell the XDP program; with one, the old rules stay. The block lists
    /// follow, and who asks is told when.
    ///
    /// # Errors
    /// What is wrong, as the log has it too.
    pub fn reload<E: std::error::Error>(
        &mut self,
        asker: Option<oneshot::Sender<Placed>>,
        configure: impl FnOnce(&Config, &Policy) -> Result<(), E>,
    ) -> Result<Reloaded, String> {
        let outcome = match load_anew(&self.path) {
            Ok(loaded) => self
                .install(loaded, asker, configure)
                .map_err(|p| (p.clone(), p)),
            Err(unusable) => {
                let first = unusable.first();
                let problem = format!("reload failed, the old rules stay in force: {unusable}");
                self.files = *unusable.files;
                Err((first, problem))
            }
        };
        match &outcome {
            Ok(_) => {
                self.counts.reloads_ok.fetch_add(1, Ordering::Relaxed);
                self.counts.reload.succeeds();
            }
            Err((first, problem)) => {
                tracing::error!("{problem}");
                self.counts.reloads_failed.fetch_add(1, Ordering::Relaxed);
                self.counts.reload.fails(first);
            }
        }
        outcome.map_err(|(_, problem)| problem)
    }

    fn install<E: std::error::Error>(
        &mut self,
        loaded: Loaded,
        asker: Option<oneshot::Sender<Placed>>,
        configure: impl FnOnce(&Config, &Policy) -> Result<(), E>,
    ) -> Result<Reloaded, String> {
        let Loaded {
            config,
            policy,
            warnings,
            sources,
            feeds,
            unread,
            files,
            ..
        } = loaded;
        let mut notes = Vec::new();
        let first_unread = first_error(&unread);
        let lists_stay = first_unread.is_some();
        if lists_stay {
            let why = unread.to_string();
            notes.push(format!(
                "the block lists stay as they are:\n{}",
                why.trim_end()
            ));
        }
        if !warnings.is_empty() {
            notes.push(warnings.to_string().trim_end().to_owned());
        }
        let waiting = fixed_keys_changed(&self.started, &config).into_iter();
        notes.extend(
            waiting
                .map(|key| format!("{key} has changed: it comes into force with the next start")),
        );
        for note in &notes {
            tracing::warn!("{note}");
        }
        self.files = files;
        let policy = Arc::new(policy);
        let generation = self.inspector.gauges().generation + 1;
        let forgotten = self.policies.remember(generation, Arc::clone(&policy));
        self.metrics.follow(&policy);
        self.inspector.install(Arc::clone(&policy));
        // The inspector comes first: frames of a new service must not meet rules that don't know it.
        let lists = Lists {
            sources,
            feeds,
            unread: first_unread,
            asker,
        };
        if self.keeper.send(Order::Lists(lists)).is_err() {
            tracing::error!(
                generation,
                "the keeper of the block list is gone: lists stay as they are"
            );
        }
        let config = Config {
            dataplane: self.started.dataplane.clone(),
            limits: self.started.limits,
            ..config
        };
        configure(&config, &policy).map_err(|error| {
            format!("new rules are in force (generation {generation}), but not in the XDP program: {error}")
        })?;
        // To free ten thousand rules takes a tenth of what it takes to read them.
        let freeing = thread::Builder::new().spawn(move || drop(forgotten));
        if let Err(error) = freeing {
            tracing::debug!(%error, "no thread to free old rules: they were freed at once");
        }
        let rules = policy.rules().len();
        let mode = policy.mode().name();
        tracing::info!(generation, rules, mode, "new rules are in force");
        let rules = Rules { generation, rules };
        Ok(Reloaded {
            rules,
            notes,
            lists_stay,
        })
    }
}

/// Parts of the configuration that only a start puts in force, and that differ.
fn fixed_keys_changed(old: &Config, new: &Config) -> Vec<&'static str> {
    let parts = [
        ("[[link]]", old.links == new.links),
        ("[limits]", old.limits == new.limits),
        ("[dataplane]", old.dataplane == new.dataplane),
        ("[metrics]", old.metrics == new.metrics),
        ("[events]", old.events == new.events),
        ("[control]", old.control == new.control),
        ("[log]", old.log == new.log),
    ];
    parts
        .into_iter()
        .filter(|&(_, same)| !same)
        .map(|(key, _)| key)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_a_failed_reload_named_is_followed() {
        let directory = std::env::temp_dir().join(format!("weir-later-{}", std::process::id()));
        fs::create_dir_all(&directory).expect("a scratch directory");
        let (config, pack) = (directory.join("weir.toml"), directory.join("later.toml"));
        let write = |path: &Path, text: &str| fs::write(path, text).expect("written");
        let fails = || *load_anew(&config).map(drop).expect_err("a mistake").files;
        // At the first look it may still be written.
        let is_noticed = |files: &mut Files| !files.have_changed() && files.have_changed();
        let names_it = "[policy]\npacks = [\"later.toml\"]\n";

        let mut files = fails();
        write(&config, names_it);
        assert!(is_noticed(&mut files), "a configuration");
        let mut files = fails();
        assert!(!is_noticed(&mut files), "nothing has happened");
        write(&pack, "[[rule]]\nid = broken\n");
        assert!(is_noticed(&mut files), "a pack that wasn't there");
        let mut files = fails();
        write(&pack, "");
        assert!(is_noticed(&mut files), "a pack with a mistake");
        write(&config, &["mode = \"enforced\"\n", names_it].concat());
        let mut files = fails();
        write(&pack, "# as well\n");
        assert!(is_noticed(&mut files), "a pack beside a mistake");
        write(&config, names_it);
        let mut files = load_anew(&config).expect("no mistake").files;
        let stays = fs::metadata(&pack).expect("there").permissions();
        assert!(!is_noticed(&mut files), "nothing has happened");
        fs::set_permissions(&pack, stays).expect("allowed");
        assert!(is_noticed(&mut files), "who may read it");
        fs::remove_dir_all(&directory).expect("removed");
    }

    #[test]
    fn keys_that_need_a_start_are_named() {
        let old = Config::default();
        let mut new = Config::default();
        new.limits.flows += 1;
        new.log.level = "debug".to_owned();
        new.services.mqtt = vec![1884];
        assert_eq!(fixed_keys_changed(&old, &new), ["[limits]", "[log]"]);
        assert!(fixed_keys_changed(&old, &old).is_empty());
    }
}
