//! Sessions whose CONNECT went by unseen: nobody knows their names, so nobody is caught for them.

use wire::mqtt::{Version, encode};

use crate::ask::{Ask, Mqtt, policy};

/// Whether a rule that stops what fits, one that stops all but what fits, and one that lets it through speak of it.
fn spoken_of(message: &Mqtt, conditions: &str) -> [bool; 3] {
    let by = |rest: &str| {
        let rule = format!("[[rule]]\nid = \"r\"\n{rest}\n");
        message.ask(&policy(&rule)).is_matched()
    };
    [
        by(&format!("match = {{ {conditions} }}\naction = \"drop\"")),
        by(&format!(
            "match = {{}}\nexcept = {{ {conditions} }}\naction = \"drop\""
        )),
        by(&format!("match = {{ {conditions} }}\naction = \"accept\"")),
    ]
}

#[test]
fn a_name_that_nobody_knows_catches_nobody() {
    let own = || Mqtt::publish("dev/s7/state").unseen();
    let listens = |filter| Mqtt::subscribe(&[filter]).unseen();
    for (message, conditions, spoken_of_by) in [
        (own(), "client_id = \"plc-*\"", [false, false, true]),
        (own(), "client_id = \"!plc-*\"", [false, false, true]),
        (own(), "username = \"!*\"", [false, false, true]),
        // The topic may be its own, and may be another's.
        (
            own(),
            "topic = \"!dev/{client_id}/#\"",
            [false, false, true],
        ),
        (own(), "topic = \"dev/{client_id}/#\"", [false, false, true]),
        // It is nobody's own, or everybody's.
        (
            own(),
            "topic = \"!site/{client_id}/#\"",
            [true, false, true],
        ),
        (
            own(),
            "topic = \"site/{client_id}/#\"",
            [false, true, false],
        ),
        (own(), "topic = \"dev/s7/#\"", [true, false, true]),
        (own(), "topic = \"!dev/s7/#\"", [false, true, false]),
        (
            listens("dev/s7/#"),
            "filter = { within = \"!dev/{client_id}/#\" }",
            [false, false, true],
        ),
        (
            listens("dev/+/#"),
            "filter = { within = \"!dev/{username}/#\" }",
            [false, false, true],
        ),
        (
            listens("#"),
            "filter = { within = \"!dev/{client_id}/#\" }",
            [true, false, true],
        ),
        (
            listens("dev/s7/x"),
            "filter = { covers = \"dev/{client_id}/x\" }",
            [false, false, true],
        ),
        // What an alias stands for that was given before.
        (
            Mqtt::aliased(1).unseen(),
            "topic = \"!dev/#\"",
            [false, true, false],
        ),
        (
            Mqtt::aliased(1).unseen(),
            "topic_text = \"!dev*\"",
            [false, true, false],
        ),
        (
            Mqtt::publish("$delayed/9/plant/x").unseen(),
            "topic = \"plant/#\"",
            [true, true, false],
        ),
    ] {
        assert_eq!(
            spoken_of(&message, conditions),
            spoken_of_by,
            "{conditions}"
        );
    }
    // A CONNECT speaks for itself, and who is nameless for all to see has no name.
    let nameless = Mqtt::publish("dev/s7/state");
    let spoken_of_by = spoken_of(&nameless, "topic = \"!dev/{client_id}/#\"");
    assert_eq!(spoken_of_by, [true, false, true]);
}

/// Nobody said what version is spoken: read in 3.1.1, what 5.0 has before its payload looks like a part of it.
#[test]
fn a_payload_is_what_it_is_in_each_version_it_may_be_of() {
    let publish = |payload: &[u8]| {
        let mut bytes = Vec::new();
        let packet = encode::Publish {
            topic: "t",
            payload,
            ..Default::default()
        };
        encode::publish(&mut bytes, Version::V311, &packet);
        Mqtt::in_version(bytes, Version::V311).unseen()
    };
    let of_5 = || publish(b"\0{\"t\":21.5}");
    let of_311 = || publish(b"{\"t\":21.5}");
    for (message, conditions, spoken_of_by) in [
        (of_5(), "payload = { json = true }", [false, false, true]),
        (of_311(), "payload = { json = true }", [true, false, true]),
        (of_5(), "payload = { json = false }", [false, false, true]),
        (
            of_5(),
            "payload = { starts_with = \"{\" }",
            [false, false, true],
        ),
        (
            of_5(),
            "payload = { contains = \"21.5\" }",
            [true, false, true],
        ),
        (of_5(), "payload = { size = 10 }", [false, false, true]),
        (
            of_5(),
            "payload = { size = { max = 11 } }",
            [true, false, true],
        ),
        (of_5(), "version = \"!5.0\"", [false, false, true]),
        (of_5(), "version = \"5.0\"", [false, false, true]),
    ] {
        assert_eq!(
            spoken_of(&message, conditions),
            spoken_of_by,
            "{conditions}"
        );
    }
}

/// Rules found by the names that they ask for are found by sessions without.
#[test]
fn many_rules_that_let_names_through_are_found() {
    let mut rules = String::new();
    for n in 0..100 {
        rules += &format!(
            "[[rule]]\nid = \"r{n}\"\nmatch = {{ packet = \"PUBLISH\", client_id = \"plc-{n}\" }}\naction = \"accept\"\n"
        );
    }
    let policy = policy(&rules);
    assert!(!Mqtt::publish("a").ask(&policy).is_matched());
    assert!(Mqtt::publish("a").unseen().ask(&policy).is_matched());
}
