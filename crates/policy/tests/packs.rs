//! The shipped packs: right, documented, and every rule shown letting through and stopping.

use weir_policy::{Case, Config, Policy, Reason, Rule, SourceText, Verdict};

const BASELINE: &str = include_str!("../../../rules/baseline.toml");

/// Rules whose matter no conversation between two ends can bring about.
const WITHOUT_CASES: &[&str] = &[
    // It takes a frame on the wrong side of the link.
    "forged-side",
];

fn baseline() -> Policy {
    let source = SourceText::new("rules/baseline.toml", BASELINE);
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
    for rule in baseline().rules() {
        assert!(!rule.description.is_empty(), "{}", rule.id);
        assert!(!rule.references.is_empty(), "{}", rule.id);
        let sid = rule.sid.expect("shipped rules have a number");
        assert!((7_400_000..7_400_100).contains(&sid), "{}: {sid}", rule.id);
    }
}

#[test]
fn every_rule_is_shown_letting_through_and_stopping() {
    let policy = baseline();
    for rule in policy.rules() {
        if WITHOUT_CASES.contains(&rule.id.as_str()) {
            continue;
        }
        let about = |case: &&Case| rule_of(&policy, case).id == rule.id;
        let cases: Vec<&Case> = policy.cases().iter().filter(about).collect();
        // One that alerts stops nothing, but is shown alerting.
        let stopped = cases.iter().any(|c| {
            c.expect.rule.as_ref() == Some(&rule.id) || c.expect.alerts.contains(&rule.id)
        });
        let passed = cases.iter().any(|c| c.expect.verdict == Verdict::Accept);
        assert!(
            stopped && passed,
            "{}: stopped {stopped}, passed {passed}",
            rule.id
        );
    }
}

#[test]
fn every_detection_has_its_action_or_a_reason_to_have_none() {
    let policy = baseline();
    // The configuration says what becomes of these, or they are odd but known of old devices.
    let left_out = |reason: &Reason| {
        let code = reason.code();
        ["limits.", "mqtt.anomaly.", "coap.anomaly."]
            .iter()
            .any(|family| code.starts_with(family))
            || [
                "tcp.midstream",
                "tcp.hold-limit",
                "coap.midstream",
                "coap.amplification.ratio",
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
