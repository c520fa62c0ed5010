//! What makes a policy of a configuration and its packs.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use ipnet::IpNet;
use wire::mqtt::PacketType;

use super::{Policy, TlsRequired};
use crate::index::Index;
use crate::matching::{Matching, Names, Networks, Scope, Zones};
use crate::pack::{DraftRule, Packs};
use crate::read::Document;
use crate::report::Report;
use crate::{
    Apart, Config, Detail, Diagnostics, Limit, Ratio, Reason, Rule, Side, SourceText, config,
    reach, unused,
};

/// What packs are read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// To tell all that is wrong with them.
    Check,
    /// To be in force, soon: without their cases.
    Force,
    /// To run their cases: what the rules make of each other was told under the operator's configuration.
    Cases,
}

impl Policy {
    /// Compiles the rules of `packs`, in that order, against `config`.
    ///
    /// # Errors
    /// Every problem of every pack, when at least one of them is an error.
    pub fn compile(config: &Config, packs: &[SourceText]) -> Result<Self, Diagnostics> {
        let (policy, diagnostics) = Self::check(config, packs);
        policy.ok_or(diagnostics)
    }

    /// The same with all warnings; the policy is there unless there are errors.
    #[must_use]
    pub fn check(config: &Config, packs: &[SourceText]) -> (Option<Self>, Diagnostics) {
        Self::check_with(config, packs, Purpose::Check)
    }

    /// The same for whom the rules are all: cases have to be TOML, and aren't looked at, so that [`Policy::cases`] has none.
    #[must_use]
    pub fn check_rules(config: &Config, packs: &[SourceText]) -> (Option<Self>, Diagnostics) {
        Self::check_with(config, packs, Purpose::Force)
    }

    /// Compiles what cases run under, of a configuration made for them ([`Config::for_cases`]). What its rules leave each
    /// other isn't judged: with rules at work that the operator's own leaves out, others may never be reached.
    ///
    /// # Errors
    /// Every other problem of every pack, when at least one of them is an error.
    pub fn compile_for_cases(config: &Config, packs: &[SourceText]) -> Result<Self, Diagnostics> {
        let (policy, diagnostics) = Self::check_with(config, packs, Purpose::Cases);
        policy.ok_or(diagnostics)
    }

    fn check_with(
        config: &Config,
        packs: &[SourceText],
        purpose: Purpose,
    ) -> (Option<Self>, Diagnostics) {
        let mut report = Report::default();
        let documents = packs.iter().map(|pack| Document::parse(&mut report, pack));
        let documents: Vec<Document<'_>> = documents.collect();
        let names = names(&mut report, config, &documents);
        let mut read = Packs::new(purpose != Purpose::Force);
        for document in &documents {
            read.read(&mut report, document.table(), &names);
        }
        read.check_expectations(&mut report);
        if purpose != Purpose::Cases {
            unused::report(&mut report, &read.rules, config, &names);
        }
        config.exempted.apply(&mut report, &mut read);
        let index = Index::new(read.rules.iter().map(|draft| &draft.matching));
        if purpose != Purpose::Cases {
            reach::report(&mut report, &read.rules, &index, &config.services);
        }
        let policy = (!report.has_errors()).then(|| Self::new(config, &names.zones, read, index));
        (policy, report.finish())
    }

    /// The same rules under a configuration that has all of them, and differs in nothing but its mode, its services and
    /// its default.
    #[must_use]
    pub fn under(self, config: &Config) -> Self {
        Self {
            default: config.default.action(),
            mode: config.mode,
            services: config.services.clone(),
            ..self
        }
    }

    fn new(config: &Config, zones: &Zones, packs: Packs, index: Index) -> Self {
        let drafts = packs.rules.into_iter();
        let (rules, matchings): (Vec<Rule>, Vec<Matching>) = drafts
            .map(|DraftRule { rule, matching, .. }| (rule, matching))
            .unzip();
        Self {
            meters: rules.iter().map(meter).collect(),
            looks_into_payloads: matchings.iter().any(Matching::looks_into_payloads)
                || logs_payloads(&rules, &matchings),
            asks_time: matchings.iter().any(Matching::asks_time),
            ratios: ratios(&rules),
            held_per: held_per(&rules),
            follows_filters: rules
                .iter()
                .any(|rule| matches!(rule.limit, Some(Limit::Max(_))))
                || matchings.iter().any(names_still_shared),
            zones: zones_counted(&rules, zones),
            rules,
            index,
            matchings,
            cases: packs.cases,
            default: config.default.action(),
            mode: config.mode,
            services: config.services.clone(),
            brokers: config.brokers.clone(),
            midstream: config.midstream,
            fragments: config.fragments,
            tls_required: TlsRequired::new(&config.tls_required_from, zones),
        }
    }
}

impl TlsRequired {
    fn new(names: &[String], zones: &Zones) -> Self {
        let mut required = Self::default();
        for name in names {
            match Side::ALL.iter().find(|side| side.name() == name) {
                Some(side) => required.sides.push(*side),
                None => required.zones.extend(zones.get(name).cloned()),
            }
        }
        required
    }
}

/// What rules may name, each defined once, in whatever pack.
fn names(report: &mut Report, config: &Config, documents: &[Document<'_>]) -> Names {
    let mut names = Names::default();
    read_zones(report, config, documents, &mut names);
    for document in documents {
        if let Some(node) = document.table().optional("sets") {
            names.read_sets(report, &node);
        }
    }
    names
}

/// The zones of the configuration and of all packs, each defined once: any rule may name any zone.
fn read_zones(report: &mut Report, config: &Config, documents: &[Document<'_>], names: &mut Names) {
    let prepare = |networks: &[IpNet]| Arc::new(Networks::new(networks));
    for (name, networks) in &config.zones {
        names.zones.insert(name.clone(), prepare(networks));
    }
    for document in documents {
        let Some(node) = document.table().optional("zones") else {
            continue;
        };
        for zone in config::zones(report, &node) {
            if names.zones.contains_key(&zone.name) {
                let message = format!("there are two zones `{}`", zone.name);
                let finding = report.error(&zone.span, message);
                match names.zone_spans.get(&zone.name) {
                    Some(first) => finding.related(first, "first defined here"),
                    None => finding.help("the configuration defines it too"),
                };
                continue;
            }
            names
                .zones
                .insert(zone.name.clone(), prepare(&zone.networks));
            names.zone_spans.insert(zone.name, zone.span);
        }
    }
}

/// No more than a name, and the operator's own: it need not withstand anybody.
fn meter(rule: &Rule) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&rule.id, &rule.limit).hash(&mut hasher);
    hasher.finish()
}

/// Whether events have to show the payload of a PUBLISH.
fn logs_payloads(rules: &[Rule], matchings: &[Matching]) -> bool {
    let publish = Scope::packet(PacketType::Publish);
    let mut both = std::iter::zip(rules, matchings);
    both.any(|(rule, matching)| rule.log.contains(Detail::Payload) && matching.scope.meets(publish))
}

fn zones_counted(rules: &[Rule], zones: &Zones) -> Vec<(String, Arc<Networks>)> {
    let mut limits = rules.iter().filter_map(|rule| rule.limit);
    match limits.any(|limit| limit.counts_zones()) {
        true => zones.iter().map(|(n, z)| (n.clone(), z.clone())).collect(),
        false => Vec::new(),
    }
}

fn ratios(rules: &[Rule]) -> Vec<Ratio> {
    let limits = rules.iter().filter_map(|rule| rule.limit);
    let mut ratios: Vec<Ratio> = limits
        .filter_map(|limit| match limit {
            Limit::Ratio(ratio) => Some(ratio),
            Limit::Count(_) | Limit::Rate(_) | Limit::Max(_) | Limit::Distinct(_) => None,
        })
        .collect();
    ratios.sort_unstable_by_key(|ratio| (ratio.of, ratio.window, ratio.ratio_milli));
    ratios.dedup();
    ratios
}

fn names_still_shared(matching: &Matching) -> bool {
    let reasons = matching.reasons;
    reasons.is_some_and(|reasons| reasons.contains(Reason::MQTT_SESSION_STILL_SHARED))
}

fn held_per(rules: &[Rule]) -> Vec<Apart> {
    let limits = rules.iter().filter_map(|rule| rule.limit);
    let mut held_per: Vec<Apart> = limits
        .filter_map(|limit| match limit {
            Limit::Max(max) => Some(max.apart),
            Limit::Count(_) | Limit::Rate(_) | Limit::Ratio(_) | Limit::Distinct(_) => None,
        })
        .collect();
    held_per.sort_unstable();
    held_per.dedup();
    held_per
}
