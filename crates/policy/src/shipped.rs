//! The packs that come with Weir.

use std::sync::LazyLock;

use crate::Tune::{Except, Turn};
use crate::{Action, Config, Limit, Note, Policy, Reason, Rule, SourceText, Tune};

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
    "payloads-example",
    "mqtt-strict",
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

impl ShippedRule {
    /// Who may meet it harmlessly, and how it is tuned: by what it counts and the detections it asks for, or else
    /// by its pack. What lets something through is about whoever gets through by it, as its pack is.
    #[must_use]
    pub fn notes(&self) -> Vec<Note> {
        let limit = self.rule.limit.as_ref().map(Limit::reason);
        let met = limit.iter().chain(&self.reasons).map(|r| r.note());
        let mut notes: Vec<Note> = Vec::new();
        for note in met.filter(|_| self.rule.action != Action::Accept) {
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
        if notes.is_empty() {
            let known = PACK_NOTES.iter().find(|(pack, _)| *pack == self.pack);
            notes.extend(known.map(|(_, note)| *note));
        }
        // A rule may ask for a whole family: the first few say enough.
        notes.truncate(MAX_NOTES);
        notes
    }
}

const MAX_NOTES: usize = 3;

/// Of rules that look at the message alone.
const PACK_NOTES: &[(&str, Note)] = &[
    (
        "baseline.toml",
        note("nobody who keeps to the clause it refers to", Except),
    ),
    (
        "mqtt-hardening.toml",
        note(
            "clients that use what MQTT allows: a bridge, a test bench, a tool of the server's own",
            Except,
        ),
    ),
    (
        "mqtt-harvest.toml",
        note(
            "a historian, a dashboard or a bridge that has to see everything, and people who look for a fault",
            Turn("a rule before the pack that accepts them by address and name, as its head shows"),
        ),
    ),
    (
        "coap-amplification.toml",
        note(
            "clients that answer no challenge, or whose address changes within it",
            Turn(
                "`proof`, or a rule before the pack for clients behind addresses nobody can forge",
            ),
        ),
    ),
    (
        "coap-hardening.toml",
        note(
            "commissioning tools, proxies and update servers",
            Turn("a rule before the pack that accepts their addresses, while they are at work"),
        ),
    ),
    (
        "virtual-patches.toml",
        note(
            "software that is larger, deeper or longer than the hole allows, and not concerned by it",
            Turn("[policy] disabled, for what you don't run; or accept those servers before it"),
        ),
    ),
    (
        "legacy-devices.toml",
        note(
            "it lets something through: whoever shares the zone with the old devices gets the same exception",
            Turn("its zone, as narrow as the devices allow"),
        ),
    ),
    (
        "segmentation-example.toml",
        note(
            "whatever the example's zones, names and topics don't foresee of your plant",
            Turn("its zones and sets: try it with `dry_run = true`, or with mode = \"monitor\""),
        ),
    ),
    (
        "tls-required.toml",
        note(
            "devices that can't speak TLS",
            Turn("the zone of those that are named as exceptions"),
        ),
    ),
    (
        "mqtt-strict.toml",
        note(
            "peers that break what many break, and mean no harm: its head names some",
            Turn(
                "[policy] dry_run at first; or a rule before the pack that accepts the peers it is about",
            ),
        ),
    ),
    (
        "payloads-example.toml",
        note(
            "whatever the example's topics and bounds don't foresee of your site",
            Turn("its sets and bounds: try it with `dry_run = true`, or with mode = \"monitor\""),
        ),
    ),
];

const fn note(harmless: &'static str, tune: Tune) -> Note {
    Note { harmless, tune }
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

/// The table of a rule, from its `[[rule]]` to the next table that isn't a part of it, or to what is said before that.
fn text_of(text: &'static str, rule: &Rule) -> &'static str {
    let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1));
    let id_at = line_starts.clone().nth(rule.place.line as usize - 1);
    let id_at = id_at.unwrap_or_default();
    let start = text[..id_at].rfind("[[rule]]").unwrap_or(id_at);
    let rest = &text[id_at..];
    let end = ["\n[[", "\n\n#"]
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
