//! New rules while frames go through.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Sender;

use inspect::Inspector;
use policy::{Config, Policy};

use super::bans::Lists;
use super::events::Policies;
use super::load::{Loaded, load};
use super::metrics::{ControlCounts, Metrics};

/// Puts new rules in force.
pub struct Reloader {
    path: PathBuf,
    /// What the gateway was started with.
    started: Config,
    inspector: Arc<Inspector>,
    policies: Arc<Policies>,
    metrics: Arc<Metrics>,
    counts: Arc<ControlCounts>,
    lists: Sender<Lists>,
}

impl Reloader {
    /// A reloader of the configuration at `path`, which the gateway was `started` with.
    #[must_use]
    pub fn new(
        path: &Path,
        started: Config,
        inspector: Arc<Inspector>,
        policies: Arc<Policies>,
        metrics: Arc<Metrics>,
        counts: Arc<ControlCounts>,
        lists: Sender<Lists>,
    ) -> Self {
        Self {
            path: path.to_owned(),
            started,
            inspector,
            policies,
            metrics,
            counts,
            lists,
        }
    }

    /// Reads everything anew. Without a mistake in it, it comes into force at once for every frame
    /// from now on, and `configure` is to tell the XDP program; with one, the old rules stay, and the
    /// log says what is wrong.
    pub fn reload<E: std::error::Error>(
        &self,
        configure: impl FnOnce(&Config, &Policy) -> Result<(), E>,
    ) {
        let outcome = match load(&self.path) {
            Ok(loaded) => self.install(loaded, configure),
            Err(unusable) => {
                tracing::error!("reload failed, the old rules stay in force: {unusable}");
                &self.counts.reloads_failed
            }
        };
        outcome.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the counter of the outcome.
    fn install<E: std::error::Error>(
        &self,
        loaded: Loaded,
        configure: impl FnOnce(&Config, &Policy) -> Result<(), E>,
    ) -> &AtomicU64 {
        let Loaded {
            config,
            policy,
            warnings,
            sources,
            feeds,
            ..
        } = loaded;
        if !warnings.is_empty() {
            tracing::warn!("{}", warnings.to_string().trim_end());
        }
        for key in fixed_keys_changed(&self.started, &config) {
            tracing::warn!("{key} has changed: it comes into force with the next start");
        }
        let policy = Arc::new(policy);
        let generation = self.inspector.gauges().generation + 1;
        self.policies.remember(generation, Arc::clone(&policy));
        self.metrics.follow(&policy);
        self.inspector.install(Arc::clone(&policy));
        // The inspector comes first: frames of a new service must not meet rules that don't know it.
        let lists = Lists {
            sources,
            feeds,
            path: self.path.clone(),
        };
        if self.lists.send(lists).is_err() {
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
        if let Err(error) = configure(&config, &policy) {
            tracing::error!(generation, %error, "new rules are in force, but not in the XDP program");
            return &self.counts.reloads_failed;
        }
        tracing::info!(
            generation,
            rules = policy.rules().len(),
            "new rules are in force"
        );
        &self.counts.reloads_ok
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
    use super::*;

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
