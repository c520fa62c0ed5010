//! What stands several times in a message: nobody gets past by adding something.

use proptest::collection::vec;
use proptest::prelude::*;
use weir_policy::{Action, Config, Policy, SourceText};
use wire::coap::number;
use wire::mqtt::{Property, QoS, ReasonCode, Version, encode};

use crate::ask::{Answer, Ask, Coap, Mqtt, policy, policy_with};

fn rules(of: &[(&str, &str)]) -> String {
    let rules = of.iter().enumerate().map(|(number, (conditions, rest))| {
        format!("[[rule]]\nid = \"r{number}\"\nmatch = {{ {conditions} }}\n{rest}\n")
    });
    rules.collect()
}

#[track_caller]
fn check(answer: &Answer, action: Action, rule: Option<u32>) {
    let ruling = (answer.ruling.action, answer.ruling.rule.map(|at| at.0));
    assert_eq!(ruling, (action, rule));
}

#[test]
fn each_filter_of_a_packet_needs_a_rule_that_lets_it_through() {
    let policy = policy(&rules(&[
        ("filter = { within = \"cell/a/#\" }", "action = \"accept\""),
        (
            "filter = { within = \"cell/b/#\" }, qos = 0",
            "action = \"accept\"",
        ),
        ("packet = \"SUBSCRIBE\"", "action = \"refuse\""),
    ]));
    let (zero, two) = (QoS::AtMostOnce, QoS::ExactlyOnce);
    for (filters, action, rule) in [
        (&[("cell/a/x", two)][..], Action::Accept, 0),
        (&[("cell/a/x", two), ("#", zero)], Action::Refuse, 2),
        (&[("#", zero), ("cell/a/x", two)], Action::Refuse, 2),
        (&[("cell/a/x", two), ("cell/b/x", zero)], Action::Accept, 1),
        (&[("cell/a/x", two), ("cell/b/x", two)], Action::Refuse, 2),
        (
            &[("cell/b/+", zero), ("cell/a/+", two), ("cell/a/#", two)],
            Action::Accept,
            1,
        ),
    ] {
        check(
            &Mqtt::subscribe_qos(filters).ask(&policy),
            action,
            Some(rule),
        );
    }
}

#[test]
fn by_default_what_no_rule_lets_through_is_stopped() {
    let allowed = rules(&[
        ("filter = { within = \"cell/#\" }", "action = \"accept\""),
        (
            "packet = \"UNSUBSCRIBE\", filter = { within = \"cell/#\" }",
            "action = \"accept\"",
        ),
        ("reason_code = [0, 1]", "action = \"accept\""),
    ]);
    let policy = policy_with("[policy]\ndefault = \"drop\"\n", &allowed);
    check(
        &Mqtt::subscribe(&["cell/a", "#"]).ask(&policy),
        Action::Drop,
        None,
    );
    check(
        &Mqtt::unsubscribe(&["cell/a", "x"]).ask(&policy),
        Action::Drop,
        None,
    );
    check(
        &Mqtt::unsubscribe(&["cell/a", "cell/b"]).ask(&policy),
        Action::Accept,
        Some(1),
    );
    let suback = |codes: &[ReasonCode]| {
        Mqtt::written(|out| {
            encode::suback(out, Version::V5, 1, &[], codes.iter().copied());
        })
    };
    let (granted, failed) = (ReasonCode(1), ReasonCode(0x80));
    check(
        &suback(&[granted, ReasonCode(0)]).ask(&policy),
        Action::Accept,
        Some(2),
    );
    check(&suback(&[granted, failed]).ask(&policy), Action::Drop, None);
}

#[test]
fn what_is_passed_by_is_the_filter_and_not_the_packet() {
    let policy = policy(&rules(&[(
        "packet = \"SUBSCRIBE\"",
        "except = { filter = { within = \"cell/#\" } }\naction = \"refuse\"",
    )]));
    for (filters, is_stopped) in [
        (&["cell/a"][..], false),
        (&["cell/a", "cell/b"], false),
        (&["cell/a", "#"], true),
        (&["#", "cell/a"], true),
    ] {
        let answer = Mqtt::subscribe(filters).ask(&policy);
        assert_eq!(answer.is_matched(), is_stopped, "{filters:?}");
    }
}

#[test]
fn one_filter_meets_all_that_is_asked_of_filters() {
    let policy = policy(&rules(&[(
        "filter = { text = \"a*\" }, levels = { min = 3 }",
        "action = \"drop\"",
    )]));
    assert!(!Mqtt::subscribe(&["a/b", "x/y/z"]).ask(&policy).is_matched());
    assert!(Mqtt::subscribe(&["x", "a/y/z"]).ask(&policy).is_matched());
}

#[test]
fn an_alert_is_told_once_and_not_of_what_was_let_through() {
    let policy = policy(&rules(&[
        ("filter = { within = \"cell/#\" }", "action = \"accept\""),
        ("packet = \"SUBSCRIBE\"", "action = \"alert\""),
    ]));
    let noted = |filters: &[&str]| Mqtt::subscribe(filters).ask(&policy).noted;
    assert_eq!(noted(&["x", "cell/a", "y"]), ["alert r1"]);
    assert!(noted(&["cell/b", "cell/a"]).is_empty());
}

#[test]
fn many_filters_are_kept_apart() {
    let policy = policy_with(
        "[policy]\ndefault = \"drop\"\n",
        &rules(&[("filter = { within = \"cell/#\" }", "action = \"accept\"")]),
    );
    for count in [63, 64, 65, 400] {
        let mut filters = vec!["cell/a"; count];
        let answer = Mqtt::subscribe(&filters).ask(&policy);
        check(&answer, Action::Accept, Some(0));
        filters[count - 1] = "x";
        check(&Mqtt::subscribe(&filters).ask(&policy), Action::Drop, None);
    }
}

fn query(queries: &[&str]) -> Coap {
    Coap::built(|builder| {
        let builder = queries.iter().fold(builder, |builder, query| {
            builder.option(number::URI_QUERY, query.as_bytes())
        });
        builder.payload(b"");
    })
}

fn from_sites(sites: &[&'static str]) -> Mqtt {
    let sites: Vec<_> = sites
        .iter()
        .map(|site| Property::UserProperty(("site", site)))
        .collect();
    Mqtt::written(|out| {
        let publish = encode::Publish {
            topic: "t",
            properties: &sites,
            ..Default::default()
        };
        encode::publish(out, Version::V5, &publish);
    })
}

#[test]
fn one_value_is_enough_to_be_caught_and_all_are_needed_to_be_let_through() {
    let option = "protocol = \"coap\", option = { uri_query = \"ep=*\" }";
    let property = "property = { user_property = { site = \"north-*\" } }";
    let (good, bad) = (&["ep=1", "ep=2"][..], &["ep=1", "x=2"][..]);
    let (north, both) = (&["north-1", "north-2"][..], &["north-1", "south"][..]);
    let caught = |conditions: &str| policy(&rules(&[(conditions, "action = \"drop\"")]));
    let allowed = |conditions: &str| {
        policy_with(
            "[policy]\ndefault = \"drop\"\n",
            &rules(&[(conditions, "action = \"accept\"")]),
        )
    };
    let passed_by = |conditions: &str| {
        let except = format!("except = {{ {conditions} }}\naction = \"drop\"");
        policy(&rules(&[("", &except)]))
    };
    assert!(query(good).ask(&caught(option)).is_matched());
    assert!(query(bad).ask(&caught(option)).is_matched());
    assert!(!query(&[]).ask(&caught(option)).is_matched());
    assert!(from_sites(both).ask(&caught(property)).is_matched());
    for lets_through in [allowed, passed_by] {
        let is_stopped = |message: &dyn Ask, conditions| {
            message.ask(&lets_through(conditions)).ruling.action == Action::Drop
        };
        assert!(!is_stopped(&query(good), option));
        assert!(is_stopped(&query(bad), option));
        assert!(is_stopped(&query(&[]), option));
        assert!(!is_stopped(&from_sites(north), property));
        assert!(is_stopped(&from_sites(both), property));
    }
}

#[test]
fn what_is_not_let_through_is_excepted_by_one_value() {
    let policy = policy_with(
        "[policy]\ndefault = \"drop\"\n",
        &rules(&[(
            "protocol = \"coap\"",
            "except = { option = { uri_query = \"admin\" } }\naction = \"accept\"",
        )]),
    );
    let action = |queries: &[&str]| query(queries).ask(&policy).ruling.action;
    assert_eq!(action(&["a", "b"]), Action::Accept);
    assert_eq!(action(&["a", "admin"]), Action::Drop);
}

/// Conditions of which some hold for some filters.
const ASKED: &[&str] = &[
    "packet = \"SUBSCRIBE\"",
    "filter = { within = \"a/#\" }",
    "filter = { within = \"!a/#\" }",
    "filter = { overlaps = [\"a/b\", \"x\"] }",
    "filter = { covers = \"a/+\" }, qos = [0, 1]",
    "filter = { text = \"*b*\" }",
    "packet = \"SUBSCRIBE\", levels = { min = 2 }",
    "packet = \"SUBSCRIBE\", qos = 2",
];

const FILTERS: &[&str] = &[
    "a",
    "a/b",
    "a/#",
    "#",
    "x",
    "+/b",
    "b",
    "a/b/c",
    "$share/g/x",
];

const ENDS: &[&str] = &[
    "action = \"accept\"",
    "action = \"accept\"",
    "action = \"drop\"",
    "action = \"alert\"",
    "action = \"drop\"\nexcept = { filter = { within = \"a/#\" } }",
    "action = \"accept\"\nexcept = { filter = { overlaps = \"x\" } }",
];

fn of_qos(bits: u8) -> QoS {
    QoS::from_bits(bits).expect("one of three")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// A packet goes on if, and only if, each of its filters alone does: so no filter that is added lets
    /// through what was stopped.
    #[test]
    fn a_packet_is_its_filters_one_by_one(
        asked in vec((prop::sample::select(ASKED), prop::sample::select(ENDS)), 0..6),
        filters in vec((prop::sample::select(FILTERS), (0u8..3).prop_map(of_qos)), 1..6),
        drop in any::<bool>(),
    ) {
        let config = if drop { "[policy]\ndefault = \"drop\"\n" } else { "" };
        let config = Config::parse(&SourceText::new("weir.toml", config)).expect("a configuration");
        let pack = SourceText::new("p.toml", &rules(&asked));
        // Rules that hide one another are no policy.
        let Ok(policy) = Policy::compile(&config, &[pack]) else {
            return Ok(());
        };
        let goes_on = |filters: &[(&str, QoS)]| {
            Mqtt::subscribe_qos(filters).ask(&policy).ruling.action == Action::Accept
        };
        let each = filters.iter().all(|filter| goes_on(&[*filter]));
        prop_assert_eq!(goes_on(&filters), each);
    }
}
