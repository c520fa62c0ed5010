//! The compiled policy.

use std::net::IpAddr;
use std::time::Duration;

use crate::{
    Action, Config, Diagnostics, Fragments, Limit, Match, Meters, Midstream, Mode, Rule, Ruling,
    Services, Side, SourceText, Subject,
};

/// All rules of a configuration and its packs, ready to decide; immutable, meant to be shared.
#[derive(Debug)]
pub struct Policy {
    rules: Vec<Rule>,
    ratio_windows: Vec<Duration>,
    default: Action,
    mode: Mode,
    services: Services,
    midstream: Midstream,
    fragments: Fragments,
}

impl Policy {
    /// Compiles the rules of `packs`, in that order, against `config`.
    ///
    /// # Errors
    /// Every problem of every pack, when at least one of them is an error.
    pub fn compile(config: &Config, packs: &[SourceText]) -> Result<Self, Diagnostics> {
        let _ = packs;
        let rules = Vec::new();
        Ok(Self {
            ratio_windows: ratio_windows(&rules),
            rules,
            default: config.default.action(),
            mode: config.mode,
            services: config.services.clone(),
            midstream: config.midstream,
            fragments: config.fragments,
        })
    }

    /// The rules in order of evaluation; [`crate::RuleIndex`] is their place.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The windows over which rules measure a ratio, each once: what the books must be kept for.
    #[must_use]
    pub fn ratio_windows(&self) -> &[Duration] {
        &self.ratio_windows
    }

    /// The server ports of each service (`[services]`).
    #[must_use]
    pub fn services(&self) -> &Services {
        &self.services
    }

    /// What becomes of TCP flows older than the gateway (`[tcp] midstream`).
    #[must_use]
    pub fn midstream(&self) -> Midstream {
        self.midstream
    }

    /// What becomes of IP fragments to or from a service (`[ip] fragments`).
    #[must_use]
    pub fn fragments(&self) -> Fragments {
        self.fragments
    }

    /// Whether plaintext MQTT and CoAP of this client has to raise `tls.required`
    /// (`[tls] required_from`).
    #[must_use]
    pub fn requires_tls(&self, client: IpAddr, side: Side) -> bool {
        let _ = (client, side);
        false
    }

    /// Judges one message or detection. `report` gets every alert and dry-run match on the way.
    #[must_use]
    pub fn decide(
        &self,
        subject: &Subject<'_>,
        meters: &mut dyn Meters,
        report: &mut dyn FnMut(Match<'_>),
    ) -> Ruling {
        let _ = (subject, meters, report);
        Ruling {
            action: self.default,
            rule: None,
            reason: None,
            ban: None,
            enforced: self.mode == Mode::Enforce,
        }
    }
}

fn ratio_windows(rules: &[Rule]) -> Vec<Duration> {
    let mut windows = Vec::new();
    for rule in rules {
        if let Some(Limit::Ratio(ratio)) = rule.limit
            && !windows.contains(&ratio.window)
        {
            windows.push(ratio.window);
        }
    }
    windows
}
