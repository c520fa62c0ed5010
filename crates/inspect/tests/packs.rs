//! The shipped packs' own cases, through a real inspector.

use std::sync::Arc;

use policy::{Config, Policy, SourceText};
use testkit::conversation;

macro_rules! pack {
    ($name:literal) => {
        (
            concat!($name, ".toml"),
            include_str!(concat!("../../../rules/", $name, ".toml")),
        )
    };
}

const BASELINE: (&str, &str) = pack!("baseline");
const LEGACY: (&str, &str) = pack!("legacy-devices");
/// What asks to be named behind the baseline.
const BEHIND: [(&str, &str); 9] = [
    pack!("mqtt-dos"),
    pack!("mqtt-hardening"),
    pack!("mqtt-harvest"),
    pack!("coap-amplification"),
    pack!("coap-hardening"),
    pack!("segmentation-example"),
    pack!("tls-required"),
    pack!("payloads-example"),
    pack!("mqtt-strict"),
];
const VIRTUAL: (&str, &str) = pack!("virtual-patches");

/// Runs the cases of the pack `of`, one of these, named one after the other by a configuration.
fn check(packs: &[(&str, &str)], of: &str) {
    let packs: Vec<_> = packs
        .iter()
        .map(|(name, text)| SourceText::new(name, text))
        .collect();
    let policy = Policy::compile(&Config::default().for_cases(), &packs);
    let policy = Arc::new(policy.unwrap_or_else(|problems| panic!("{problems}")));
    let cases = policy.cases().iter();
    let own: Vec<_> = cases.filter(|case| &*case.place.file == of).collect();
    assert!(!own.is_empty(), "{of} has cases");
    let failures: Vec<_> = own
        .into_iter()
        .filter_map(|case| {
            let failure = conversation::check(&policy, case).err()?;
            Some(format!("{}: {}: {failure}", failure.place, case.name))
        })
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_case_goes_as_it_says_by_its_pack_alone() {
    for pack in BEHIND.into_iter().chain([BASELINE, LEGACY, VIRTUAL]) {
        check(&[pack], pack.0);
    }
}

#[test]
fn every_case_of_the_exceptions_for_old_devices_goes_as_it_says_before_the_baseline() {
    check(&[LEGACY, BASELINE], LEGACY.0);
    check(&[LEGACY, BASELINE], BASELINE.0);
}

#[test]
fn every_case_goes_as_it_says_behind_the_baseline() {
    for pack in BEHIND {
        check(&[BASELINE, pack], pack.0);
    }
}

#[test]
fn every_hole_is_closed_before_the_baseline() {
    check(&[VIRTUAL, BASELINE], VIRTUAL.0);
}

/// Silence is an outcome as any other, also while time passes.
#[test]
fn a_case_that_expects_no_alert_fails_by_any() {
    let pack = r#"
        [[rule]]
        id = "told"
        match = { reason = ["mqtt.session.keep-alive", "mqtt.session.pingresp-unexpected"] }
        action = "alert"
        [[case]]
        name = "a word too many"
        say = ["CONNECT", "< CONNACK", "< PINGRESP", "PUBLISH topic=t"]
        expect = { verdict = "accept", alerts = [] }
        [[case]]
        name = "nothing said"
        say = ["CONNECT keep_alive=10", "< CONNACK", "wait 20s", "PUBLISH topic=t"]
        expect = { verdict = "accept", alerts = [] }
    "#;
    let source = SourceText::new("told.toml", pack);
    let policy = Policy::compile(&Config::default().for_cases(), &[source]);
    let policy = Arc::new(policy.unwrap_or_else(|problems| panic!("{problems}")));
    for case in policy.cases() {
        let failure = conversation::check(&policy, case).expect_err(&case.name);
        assert!(failure.message.contains("not even of told"), "{failure:?}");
    }
}
