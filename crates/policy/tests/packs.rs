//! The shipped packs: right, documented, and every rule shown letting through and stopping.

use weir_policy::{Case, Config, Policy, Reason, Rule, SourceText, Verdict};

const BASELINE: &str = include_str!("../../../rules/baseline.toml");
const MQTT_DOS: &str = include_str!("../../../rules/mqtt-dos.toml");

/// Rules whose matter no conversation between two ends can bring about.
const WITHOUT_CASES: &[&str] = &[
    // It takes a frame on the wrong side of the link.
    "forged-side",
];

/// Each pack with the numbers allotted to it.
const PACKS: [(&str, &str, std::ops::Range<u32>); 2] = [
    ("rules/baseline.toml", BASELINE, 7_400_000..7_400_100),
    ("rules/mqtt-dos.toml", MQTT_DOS, 7_400_200..7_400_300),
];

fn baseline() -> Policy {
    pack("rules/baseline.toml", BASELINE)
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
    for (name, text, sids) in PACKS {
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
        let acts = expect.rule.as_ref() == Some(&rule.id) || expect.alerts.contains(&rule.id);
        acted |= acts;
        passed |= !acts && expect.verdict == Verdict::Accept;
    }
    assert!(
        acted && passed,
        "{}: acted {acted}, passed {passed}",
        rule.id
    );
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
                "tcp.midstream",
                "tcp.hold-limit",
                "coap.midstream",
                "coap.block.unasked",
                "coap.block.mixed-bodies",
                "coap.amplification.ratio",
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
