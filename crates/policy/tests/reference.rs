//! rules/REFERENCE.md is what the sources say, and everything in it can be explained.

use weir_policy::{Reason, reference, shipped};

const REFERENCE: &str = include_str!("../../../rules/REFERENCE.md");

#[test]
fn the_reference_is_up_to_date() {
    let made = reference::markdown();
    let mut lines = REFERENCE.lines().zip(made.lines());
    let differing = lines.find(|(kept, made)| kept != made);
    assert!(
        REFERENCE == made,
        "`make reference` brings it up to date: {differing:?}"
    );
}

#[test]
fn every_reason_is_explained() {
    for reason in Reason::ALL {
        let text = reference::explain_reason(*reason);
        let summary = reason.summary().split(' ').next().expect("a word");
        assert!(
            text.starts_with(reason.code()) && text.contains(summary),
            "{text}"
        );
        assert!(
            ["on the wire", "to tune", "may be"]
                .iter()
                .all(|key| text.contains(key)),
            "{text}"
        );
    }
}

#[test]
fn every_shipped_rule_is_explained_with_its_text() {
    let rules = shipped::rules();
    assert!(rules.len() > 100, "{}", rules.len());
    for shipped in rules {
        let text = reference::explain_rule(shipped);
        assert!(text.contains(&format!("\"{}\"", shipped.rule.id)), "{text}");
        assert!(!text.contains("[[case]]"), "{text}");
        assert!(shipped.text.starts_with("[[rule]]"), "{text}");
        assert!(reference::rule(&shipped.rule.id).is_some());
        let notes = shipped.notes();
        assert!(
            !notes.is_empty() && !shipped.rule.description.is_empty(),
            "{text}"
        );
        for note in notes {
            assert!(note.harmless.len() > 10 && !note.tune.is_empty(), "{text}");
        }
    }
    assert!(reference::rule("no-such-rule").is_none());
}

#[test]
fn a_reason_names_the_rules_that_act_on_it() {
    let reason = Reason::MQTT_SPOOFED_SERVER_PACKET;
    let text = reference::explain_reason(reason);
    assert!(
        text.contains("spoofed-control-packets of baseline.toml: reset"),
        "{text}"
    );
    assert!(
        text.contains("cve-2021-28166 of virtual-patches.toml: reset"),
        "{text}"
    );
}
