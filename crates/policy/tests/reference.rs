//! rules/REFERENCE.md is what the sources say, and everything in it can be explained.

use weir_policy::{Action, Reason, Tune, reference, shipped};

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
            assert!(
                note.harmless.len() > 10 && note.tune.words().len() > 5,
                "{text}"
            );
        }
    }
    assert!(reference::rule("no-such-rule").is_none());
}

/// The words of a text, however its lines break.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What is said of a reason holds where no rule stops it; what is said of a rule, where this one is in force.
#[test]
fn what_a_rule_is_said_to_do_is_what_it_does() {
    for shipped in shipped::rules() {
        let action = shipped.rule.action;
        let text = words(&reference::explain_rule(shipped));
        assert!(text.contains(&format!(" does {action}")), "{text}");
        assert!(text.contains("its id in `dry_run` of [policy]"), "{text}");
        let excepts = text.contains("a rule before it with `action = \"accept\"`");
        assert_eq!(excepts, action != Action::Accept, "{text}");
        for reason in &shipped.reasons {
            let Tune::Stop(how) = reason.note().tune else {
                continue;
            };
            let is_told = text.contains(&format!("to stop it {how}"));
            assert!(!is_told || !action.stops(), "{text}");
            assert!(!text.contains(&format!("to tune {how}")), "{text}");
        }
        assert!(!text.contains(": it passes"), "{text}");
    }
}

#[test]
fn a_rule_that_stops_what_is_legal_says_so() {
    for (id, does) in [
        (
            "cve-2017-7650",
            "refuse: what it matches never arrives, and is answered",
        ),
        ("coap-path-strange", "drop: what it matches never arrives"),
        (
            "coap-extended-token",
            "reset: what it matches never arrives",
        ),
        ("legacy-length", "accept: what it matches passes"),
        ("mqtt-lax", "alert: an event; what it matches passes unless"),
    ] {
        let text = words(&reference::explain_rule(reference::rule(id).expect(id)));
        assert!(text.contains(&format!(" does {does}")), "{text}");
    }
    let rule = reference::rule("legacy-length").expect("shipped");
    let text = words(&reference::explain_rule(rule));
    assert!(!text.contains("has the rule"), "of itself: {text}");
}

#[test]
fn a_reason_that_a_rule_stops_is_tuned_by_an_exception_too() {
    let before = "or one before the rule that stops it";
    let stopped = words(&reference::explain_reason(
        Reason::from_code("coap.anomaly.extended-token").expect("a reason"),
    ));
    assert!(stopped.contains(before), "{stopped}");
    let stopped_by_none = Reason::ALL.iter().find(|reason| {
        let names = |rule: &&shipped::ShippedRule| rule.reasons.contains(reason);
        matches!(reason.note().tune, Tune::Stop(_)) && !shipped::rules().iter().any(|r| names(&r))
    });
    let passes = words(&reference::explain_reason(*stopped_by_none.expect("one")));
    assert!(!passes.contains(before), "{passes}");
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
