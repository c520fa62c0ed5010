//! The packs that come with Weir.

use std::sync::LazyLock;

use crate::{Config, Policy, Reason, Rule, SourceText};

/// A shipped pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pack {
    /// Its file's name.
    pub name: &'static str,
    /// All of it.
    pub text: &'static str,
}

macro_rules! packs {
    ($($name:literal),* $(,)?) => {
        /// All shipped packs, by the numbers allotted to them.
        pub const PACKS: &[Pack] = &[
            $(Pack {
                name: concat!($name, ".toml"),
                text: include_str!(concat!("../../../rules/", $name, ".toml")),
            },)*
        ];
    };
}

packs! {
    "baseline",
    "legacy-devices",
    "mqtt-dos",
    "mqtt-hardening",
    "mqtt-harvest",
    "coap-amplification",
    "coap-hardening",
    "virtual-patches",
    "segmentation-example",
    "tls-required",
}

/// A rule of a shipped pack.
#[derive(Debug)]
pub struct ShippedRule {
    /// The pack.
    pub pack: &'static str,
    /// The rule.
    pub rule: Rule,
    /// How it is written, without its cases.
    pub text: &'static str,
    /// The detections it asks for by name.
    pub reasons: Vec<Reason>,
    /// What its cases show, in their names.
    pub cases: Vec<String>,
}

/// All rules of all shipped packs.
#[must_use]
pub fn rules() -> &'static [ShippedRule] {
    static RULES: LazyLock<Vec<ShippedRule>> =
        LazyLock::new(|| PACKS.iter().flat_map(rules_of).collect());
    &RULES
}

fn rules_of(pack: &Pack) -> Vec<ShippedRule> {
    let source = SourceText::new(pack.name, pack.text);
    // Tests hold that they compile.
    let Ok(policy) = Policy::compile(&Config::default(), &[source]) else {
        return Vec::new();
    };
    let rules = policy.rules().iter().zip(policy.reasons_named());
    rules
        .map(|(rule, reasons)| ShippedRule {
            pack: pack.name,
            rule: rule.clone(),
            text: text_of(pack.text, rule),
            reasons,
            cases: cases_of(&policy, rule),
        })
        .collect()
}

/// The table of a rule, from its `[[rule]]` to the next table that isn't a part of it.
fn text_of(text: &'static str, rule: &Rule) -> &'static str {
    let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1));
    let id_at = line_starts.clone().nth(rule.place.line as usize - 1);
    let id_at = id_at.unwrap_or_default();
    let start = text[..id_at].rfind("[[rule]]").unwrap_or(id_at);
    let rest = &text[id_at..];
    let end = ["\n[[", "\n# "]
        .iter()
        .filter_map(|mark| rest.find(mark))
        .min();
    text[start..end.map_or(text.len(), |end| id_at + end)].trim_end()
}

/// The cases between a rule and the next one are about it.
fn cases_of(policy: &Policy, rule: &Rule) -> Vec<String> {
    let rules = policy.rules().iter().map(|rule| rule.place.line);
    let next = rules.filter(|line| *line > rule.place.line).min();
    let about = rule.place.line..next.unwrap_or(u32::MAX);
    let cases = policy.cases().iter();
    cases
        .filter(|case| about.contains(&case.place.line))
        .map(|case| case.name.clone())
        .collect()
}
