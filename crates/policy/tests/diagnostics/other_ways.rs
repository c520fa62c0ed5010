//! Rules that leave nothing to a later one which asks in another way, and networks that are let through before what
//! nobody is to say.

use super::order::two;
use super::{pack, rule};

#[test]
fn a_rule_is_hidden_by_one_that_asks_in_another_way() {
    for (first, second) in [
        // Topics as mere texts, and by their levels.
        (
            "topic_text = '*/cmd' -> drop",
            "topic = 'a/+/cmd' -> accept",
        ),
        ("topic_text = '$*' -> drop", "topic = '$aws/#' -> accept"),
        ("topic_text = 'a/b' -> drop", "topic = 'a/b' -> accept"),
        (
            "topic_text = 'a*' -> drop",
            "topic = ['a/#', 'ab'] -> accept",
        ),
        (
            "topic_text = '*' -> drop",
            "topic = '#', retain = true -> accept",
        ),
        (
            "topic_text = ['a/*', '!a/x/*'] -> drop",
            "topic = 'a/b/{client_id}' -> accept",
        ),
        ("topic = 'a/#' -> drop", "topic_text = 'a/b/x-*' -> accept"),
        ("topic = 'a/+' -> drop", "topic_text = 'a/b' -> accept"),
        // What is read on one service alone.
        ("service = 'mqtt' -> drop", "packet = 'PUBLISH' -> accept"),
        (
            "service = ['mqtt', 'coap'] -> drop",
            "topic = 'a/b', source = 'hall' -> accept",
        ),
        ("service = 'coap' -> drop", "path = '/a' -> accept"),
        (
            "destination_port = [1883, 5683] -> drop",
            "packet = 'PUBLISH', direction = 'to_server' -> accept",
        ),
        (
            "source_port = 5683 -> drop",
            "code = '2.05', direction = 'to_client' -> accept",
        ),
        // The end that sends, where messages go one way.
        (
            "client = '10.0.0.0/8' -> drop",
            "packet = 'PUBLISH', direction = 'to_server', source = '10.1.0.0/16' -> accept",
        ),
        (
            "source = '10.0.0.0/8' -> drop",
            "topic = 'a', direction = 'to_client', server = 'hall' -> accept",
        ),
        (
            "destination = 'hall' -> drop",
            "topic = 'a', direction = 'to_client', client = 'hall' -> accept",
        ),
    ] {
        let said = two(first, second);
        assert!(
            said.contains("the rule `second` can never be reached"),
            "{first}\n{second}\n{said}"
        );
    }
}

#[test]
fn what_only_seems_to_be_the_same_hides_nothing() {
    for (first, second) in [
        ("topic_text = 'a/?' -> drop", "topic = 'a/+' -> accept"),
        ("topic_text = 'a/*' -> drop", "topic = 'a/#' -> accept"),
        (
            "topic_text = ['*', '!a/b/*'] -> drop",
            "topic = 'a/+/c' -> accept",
        ),
        ("topic_text = '!x*' -> drop", "topic = '!a' -> accept"),
        (
            "topic = '{client_id}/#' -> drop",
            "topic_text = 'a/b' -> accept",
        ),
        ("topic = '#' -> drop", "topic_text = '$SYS/a' -> accept"),
        // A message that is put off has a topic of its own beside the one it arrives under, and who nobody saw come may be
        // called anything.
        (
            "topic = '!$delayed/#' -> drop",
            "topic_text = 'a/a' -> alert",
        ),
        (
            "topic = ['+/b', '!$delayed/#'] -> drop",
            "topic = 'a/b' -> alert",
        ),
        (
            "topic_text = ['a*', '!$*'] -> drop",
            "topic_text = 'a/*' -> alert",
        ),
        (
            "topic = '!x-{username}/#' -> drop",
            "topic_text = 'a/a' -> alert",
        ),
        // Either may be spoken on the ports of both, or the other way.
        ("service = 'mqtts' -> drop", "packet = 'PUBLISH' -> accept"),
        ("service = 'mqtt' -> drop", "protocol = 'tls' -> accept"),
        (
            "destination_port = 1883 -> drop",
            "packet = 'PUBLISH' -> accept",
        ),
        (
            "destination_port = 1884 -> drop",
            "packet = 'PUBLISH', direction = 'to_server' -> accept",
        ),
        (
            "client = 'hall' -> drop",
            "packet = 'PUBLISH', source = 'hall' -> accept",
        ),
        (
            "client = 'hall' -> drop",
            "packet = 'PUBLISH', direction = 'to_client', source = 'hall' -> accept",
        ),
        (
            "client_id = 'a' -> drop",
            "packet = 'PUBLISH', source = 'hall' -> accept",
        ),
    ] {
        let said = two(first, second);
        assert!(!said.contains("never"), "{first}\n{second}\n{said}");
    }
}

/// However many rules there are of each kind.
#[test]
fn texts_hide_patterns_among_many() {
    let others: String = (0..600)
        .map(|n| rule(&format!("o-{n}"), &format!("topic = 'o/{n}/#'"), "drop"))
        .collect();
    let said = pack(
        &(rule("text", "topic_text = 'plant/*'", "drop")
            + &rule("port", "destination_port = 5683", "drop")
            + &others
            + &rule("pattern", "topic = 'plant/+/state'", "accept")
            + &rule("path", "path = '/a', direction = 'to_server'", "accept")),
    );
    assert!(said.contains("`pattern` can never be reached"), "{said}");
    assert!(said.contains("`path` can never be reached"), "{said}");
    assert!(said.ends_with("\n2 errors\n"), "{said}");
}

#[test]
fn a_network_let_through_before_what_nobody_may_say_is_told_of() {
    for (first, second) in [
        ("source = '10.0.0.0/8' -> accept", "topic = 'a/#' -> drop"),
        ("client = 'hall' -> accept", "topic_text = 'a*' -> reset"),
        (
            "service = 'mqtt', source = '10.0.0.0/8' -> accept",
            "filter = { covers = '#' } -> refuse",
        ),
        (
            "source = 'inside' -> accept",
            "packet = 'PUBLISH', payload = { contains = 'x' } -> drop",
        ),
        (
            "source = ['10.0.0.0/8', '!10.0.0.9'] -> accept",
            "path = '/a', method = 'PUT' -> drop",
        ),
        ("source = '!hall' -> accept", "topic = 'a/#' -> drop"),
        (
            "protocol = 'mqtt', source = '10.0.0.0/8' -> accept",
            "topic = 'a/#', direction = 'to_server' -> drop",
        ),
    ] {
        let said = two(first, second);
        assert!(
            said.contains(
                "site.toml:4:6: warning: `first` lets through a part of what `second` stops"
            ),
            "{first}\n{second}\n{said}"
        );
        assert!(
            said.contains("write overrides = [\"second\"] in `first`"),
            "{said}"
        );
        assert!(said.ends_with("\n1 warning\n"), "{said}");
    }
}

#[test]
fn exceptions_for_somebody_are_no_contradiction() {
    for (first, second) in [
        // A few addresses, or not whatever they say.
        (
            "source = ['10.0.0.7', '10.0.0.8'] -> accept",
            "topic = 'a/#' -> drop",
        ),
        (
            "source = '10.0.0.0/8', client_id = 'x' -> accept",
            "topic = 'a/#' -> drop",
        ),
        (
            "source = '10.0.0.0/8', topic = 'a/b' -> accept",
            "topic = 'a/#' -> drop",
        ),
        // About somebody itself, or about others.
        (
            "source = '10.0.0.0/8' -> accept",
            "topic = 'a/#', client_id = 'x' -> drop",
        ),
        (
            "source = '10.0.0.0/8' -> accept",
            "topic = 'a/#', source = '10.0.0.0/7' -> drop",
        ),
        ("source = '10.0.0.0/8' -> accept", "packet = 'AUTH' -> drop"),
        (
            "source = '10.0.0.0/8' -> accept",
            "reason = 'mqtt.spoofed.*' -> drop",
        ),
        (
            "protocol = 'mqtt', source = '10.0.0.0/8' -> accept",
            "path = '/a' -> drop",
        ),
        // What doesn't decide.
        ("source = '10.0.0.0/8' -> alert", "topic = 'a/#' -> drop"),
        ("source = '10.0.0.0/8' -> drop", "topic = 'a/#' -> accept"),
        (
            "source = '10.0.0.0/8' -> accept",
            "topic = 'a/#' -> drop\"\ndry_run = true #",
        ),
        // What is meant.
        (
            "source = '10.0.0.0/8' -> accept\"\noverrides = ['second'] #",
            "topic = 'a/#' -> drop",
        ),
    ] {
        assert_eq!(two(first, second), "", "{first}\n{second}");
    }
}

/// One warning names all that a network is exempted from.
#[test]
fn an_exempted_network_is_told_of_once() {
    let stopping: String = ["a", "b", "c"]
        .map(|topic| {
            rule(
                &format!("no-{topic}"),
                &format!("topic = '{topic}/#'"),
                "drop",
            )
        })
        .concat();
    let said = pack(&(rule("all", "source = '10.0.0.0/8'", "accept") + &stopping));
    assert!(
        said.contains("`all` lets through a part of what `no-a` and 2 others stop"),
        "{said}"
    );
    assert!(
        said.contains("overrides = [\"no-a\", \"no-b\", \"no-c\"]"),
        "{said}"
    );
    assert!(said.ends_with("\n1 warning\n"), "{said}");
}

/// Rules of a pack, each as in [`two`], by the letters from `a`.
fn several(rules: &[&str]) -> String {
    let all = std::iter::zip('a'..='z', rules).map(|(id, rule)| {
        let (conditions, action) = rule.split_once(" -> ").expect("a match and an action");
        format!("[[rule]]\nid = \"{id}\"\nmatch = {{ {conditions} }}\naction = \"{action}\"\n")
    });
    pack(&all.collect::<String>())
}

#[test]
fn rules_hide_a_later_one_between_them() {
    for rules in [
        [
            "source = '10.0.0.0/9' -> drop",
            "source = '10.128.0.0/9' -> drop",
            "source = '10.0.0.0/8' -> accept",
        ],
        [
            "source = 'inside' -> drop",
            "source = 'outside' -> accept",
            "packet = 'PUBLISH' -> drop",
        ],
        [
            "packet = 'PUBLISH', qos = 0 -> drop",
            "packet = 'PUBLISH', qos = [1, 2] -> drop",
            "packet = 'PUBLISH', source = '10.0.0.0/8' -> accept",
        ],
        [
            "packet = 'CONNECT' -> drop",
            "packet = ['PUBLISH', 'SUBSCRIBE'] -> drop",
            "packet = ['CONNECT', 'PUBLISH'] -> accept",
        ],
        [
            "topic = 'a/#' -> drop",
            "topic = 'b/#' -> drop",
            "topic = ['a/x', 'b/+'] -> accept",
        ],
        [
            "packet = 'CONNECT', keep_alive = { max = 59 } -> drop",
            "packet = 'CONNECT', keep_alive = { min = 60 } -> drop",
            "packet = 'CONNECT', keep_alive = '10-90' -> accept",
        ],
    ] {
        let said = several(&rules);
        assert!(
            said.contains("the rule `c` can never be reached"),
            "{rules:?}\n{said}"
        );
        for part in ["a", "b"] {
            let role = format!("`{part}` decides over a part of it before");
            assert!(said.contains(&role), "{rules:?}\n{said}");
        }
        assert!(said.ends_with("\n1 error\n"), "{said}");
    }
}

#[test]
fn rules_that_leave_something_between_them_hide_nothing() {
    for rules in [
        // An address, a packet or a number is left.
        [
            "source = '10.0.0.0/9' -> drop",
            "source = '10.128.0.0/10' -> drop",
            "source = '10.0.0.0/8' -> accept",
        ],
        [
            "source = '10.0.0.0/9' -> drop",
            "source = ['10.128.0.0/9', '!10.200.0.0/16'] -> drop",
            "source = '10.0.0.0/8' -> accept",
        ],
        [
            "packet = 'CONNECT' -> drop",
            "packet = 'SUBSCRIBE' -> drop",
            "packet = ['CONNECT', 'PUBLISH'] -> accept",
        ],
        [
            "packet = 'CONNECT', keep_alive = { max = 59 } -> drop",
            "packet = 'CONNECT', keep_alive = { min = 61 } -> drop",
            "packet = 'CONNECT', keep_alive = '10-90' -> accept",
        ],
        // They differ in two things, or not all decide.
        [
            "packet = 'PUBLISH', source = '10.0.0.0/9' -> drop",
            "packet = 'CONNECT', source = '10.128.0.0/9' -> drop",
            "packet = ['CONNECT', 'PUBLISH'], source = '10.0.0.0/8' -> accept",
        ],
        [
            "source = '10.0.0.0/9' -> drop",
            "source = '10.128.0.0/9' -> alert",
            "source = '10.0.0.0/8' -> accept",
        ],
        // A will has a QoS of its own, and a CONNECT may be without one.
        [
            "qos = 0 -> drop",
            "qos = [1, 2] -> drop",
            "packet = ['CONNECT', 'PUBLISH'] -> accept",
        ],
    ] {
        let said = several(&rules);
        assert!(!said.contains("never"), "{rules:?}\n{said}");
    }
}
