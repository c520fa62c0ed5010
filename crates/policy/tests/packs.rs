//! The shipped packs: right, documented, and every rule shown letting through and stopping.

use weir_policy::{Action, Case, Config, Policy, Reason, Rule, SourceText, Verdict};

macro_rules! pack {
    ($name:literal, $first:literal) => {
        (
            concat!("rules/", $name, ".toml"),
            include_str!(concat!("../../../rules/", $name, ".toml")),
            $first,
        )
    };
}

/// Rules whose matter no conversation between two ends can bring about.
const WITHOUT_CASES: &[&str] = &[
    // It takes a frame on the wrong side of the link.
    "forged-side",
];

/// Each pack with the numbers allotted to it, a hundred from here on.
const PACKS: [(&str, &str, u32); 12] = [
    pack!("baseline", 7_400_000),
    pack!("legacy-devices", 7_400_100),
    pack!("mqtt-dos", 7_400_200),
    pack!("mqtt-hardening", 7_400_300),
    pack!("mqtt-harvest", 7_400_400),
    pack!("coap-amplification", 7_400_500),
    pack!("coap-hardening", 7_400_600),
    pack!("virtual-patches", 7_400_700),
    pack!("segmentation-example", 7_400_800),
    pack!("tls-required", 7_400_900),
    pack!("payloads-example", 7_401_000),
    pack!("mqtt-strict", 7_401_100),
];

fn baseline() -> Policy {
    let (name, text, _) = PACKS[0];
    pack(name, text)
}

fn pack(name: &str, text: &str) -> Policy {
    let source = SourceText::new(name, text);
    let (policy, problems) = Policy::check(&Config::default(), &[source]);
    assert!(problems.is_empty(), "{problems}");
    policy.expect("no problem, so a policy")
}

/// The rule that a case is about: the last one that stands before it.
fn rule_of<'p>(policy: &'p Policy, case: &Case) -> &'p Rule {
    let before = policy
        .rules()
        .iter()
        .rev()
        .find(|rule| rule.place.line < case.place.line);
    before.expect("a rule precedes its cases")
}

#[test]
fn every_rule_is_documented() {
    for (name, text, first) in PACKS {
        let sids = first..first + 100;
        for rule in pack(name, text).rules() {
            assert!(!rule.description.is_empty(), "{}", rule.id);
            assert!(!rule.references.is_empty(), "{}", rule.id);
            let sid = rule.sid.expect("shipped rules have a number");
            assert!(sids.contains(&sid), "{}: {sid}", rule.id);
        }
    }
}

#[test]
fn every_rule_is_shown_letting_through_and_acting() {
    for (name, text, _) in PACKS {
        let policy = pack(name, text);
        for rule in policy.rules() {
            if !WITHOUT_CASES.contains(&rule.id.as_str()) {
                check_cases(&policy, rule);
            }
        }
    }
}

fn check_cases(policy: &Policy, rule: &Rule) {
    let about = |case: &&Case| rule_of(policy, case).id == rule.id;
    let (mut acted, mut passed) = (false, false);
    for Case { expect, .. } in policy.cases().iter().filter(about) {
        if rule.action == Action::Accept {
            // An exception acts where something is let through, and leaves alone what is stopped.
            acted |= expect.verdict == Verdict::Accept;
            passed |= expect.verdict != Verdict::Accept;
            continue;
        }
        let alerts = expect.alerts.as_deref().unwrap_or_default();
        let acts = expect.rule.as_ref() == Some(&rule.id) || alerts.contains(&rule.id);
        acted |= acts;
        passed |= !acts && expect.verdict == Verdict::Accept;
    }
    assert!(
        acted && passed,
        "{}: acted {acted}, passed {passed}",
        rule.id
    );
}

/// Behind the baseline, as they ask to be named, and before it what closes holes.
#[test]
fn all_packs_stand_beside_each_other() {
    let order = [7, 0, 2, 4, 3, 5, 6, 9, 10];
    let sources: Vec<_> = order
        .iter()
        .map(|at| SourceText::new(PACKS[*at].0, PACKS[*at].1))
        .collect();
    let (policy, problems) = Policy::check(&Config::default(), &sources);
    assert!(problems.is_empty(), "{problems}");
    assert!(policy.is_some_and(|policy| policy.looks_into_payloads()));
}

#[test]
fn a_hole_is_closed_by_its_name() {
    let (name, text, _) = PACKS[7];
    for rule in pack(name, text).rules() {
        let cve = rule.id.to_uppercase();
        assert!(rule.references.contains(&cve), "{}", rule.id);
    }
}

/// The holes of brokers people ask for by name: closed by a rule with cases, or said not to be closable from here.
#[test]
fn known_holes_are_closed_or_said_to_stay_open() {
    let (name, text, _) = PACKS[7];
    let policy = pack(name, text);
    let (head, _) = text.split_once("[pack]").expect("the pack's head");
    for cve in [
        "CVE-2017-7651",
        "CVE-2017-7653",
        "CVE-2017-7654",
        "CVE-2018-12543",
        "CVE-2021-34431",
        "CVE-2021-34432",
        "CVE-2021-34434",
        "CVE-2023-0809",
        "CVE-2023-28366",
        "CVE-2023-3592",
        "CVE-2024-8376",
        "CVE-2024-10525",
    ] {
        let mut references = policy.rules().iter().flat_map(|rule| &rule.references);
        assert!(
            references.any(|known| known == cve) || head.contains(cve),
            "{cve}"
        );
    }
    for product in [
        "libcoap",
        "FreeCoAP",
        "Contiki-NG",
        "wolfMQTT",
        "EMQX",
        "NanoMQ",
        "VerneMQ",
    ] {
        let mut rules = policy.rules().iter();
        let is_named = rules.any(|rule| rule.description.contains(product));
        assert!(is_named, "no hole of {product}");
    }
    for rule in policy.rules() {
        let (affected, _) = rule.description.split_once(": ").expect("who, and what");
        let all = affected == "All brokers";
        let names_versions = all || affected.contains(|c: char| c.is_ascii_digit());
        assert!(
            names_versions || affected.contains("unverified"),
            "{}: {affected}",
            rule.id
        );
    }
}

#[test]
fn every_detection_has_its_action_or_a_reason_to_have_none() {
    let policy = baseline();
    // The configuration says what becomes of these, or they are odd but known of old devices, or the
    // network brings them about.
    let left_out = |reason: &Reason| {
        let code = reason.code();
        let families = [
            "limits.",
            "rule.limit.",
            "mqtt.anomaly.",
            "coap.anomaly.",
            "coap.exchange.",
            "coap.observe.",
        ];
        families.iter().any(|family| code.starts_with(family))
            || [
                // Comes with tls.required.
                "tls.plaintext.mqtt",
                // The program in the kernel stops it before any rule is asked.
                "ethernet.stacked-tags",
                "tcp.midstream",
                "tcp.hold-limit",
                "coap.midstream",
                "coap.block.unasked",
                "coap.block.mixed-bodies",
                // What servers in use do, and what the clause only advises against.
                "coap.tcp.pong-token",
                "coap.tcp.request-after-release",
                "coap.amplification.ratio",
                // Lawful, and followed only where a rule asks.
                "mqtt.session.still-shared",
                // The failed guess of one is nothing by itself.
                "mqtt.auth.failed",
            ]
            .contains(&code)
    };
    for reason in Reason::ALL.iter().filter(|reason| !left_out(reason)) {
        assert!(
            policy.names(*reason),
            "no rule of the baseline names {reason}"
        );
    }
}
