//! Rules that leave nothing to a later one although they pass by something, or ask for something: what they pass by
//! isn't what the later one is about, and what they ask for holds for everything.

use super::order::two;
use super::pack;
use super::rule;

/// What is said of a rule that stops all of `conditions` but for `except`, and of a second one.
fn behind(conditions: &str, except: &str, second: &str) -> String {
    two(
        &format!("{conditions} -> drop\"\nexcept = {except} #"),
        second,
    )
}

#[test]
fn an_exception_from_other_things_leaves_nothing() {
    for (conditions, except, second) in [
        // Another network, zone or side, by either name of the end that sends.
        (
            "packet = 'CONNECT', direction = 'to_server'",
            "{ source = '10.0.0.0/8' }",
            "packet = 'CONNECT', direction = 'to_server', source = '192.168.0.0/16' -> accept",
        ),
        (
            "packet = 'CONNECT'",
            "{ source = 'hall' }",
            "packet = 'CONNECT', direction = 'to_server', client = '10.2.0.0/16' -> accept",
        ),
        (
            "packet = 'PUBLISH'",
            "{ source = 'inside' }",
            "topic = 'a', source = 'outside' -> accept",
        ),
        (
            "packet = 'CONNECT'",
            "{ source = '10.1.0.0/16' }",
            "packet = 'CONNECT', source = ['10.0.0.0/8', '!10.1.0.0/16'] -> accept",
        ),
        // Another direction, packet, topic, filter or path.
        (
            "topic = 'v/#'",
            "{ direction = 'to_client' }",
            "topic = 'v/x', direction = 'to_server' -> accept",
        ),
        (
            "protocol = 'mqtt'",
            "{ packet = 'CONNECT' }",
            "topic = 'a' -> accept",
        ),
        (
            "topic = '#'",
            "{ topic = 'a/#' }",
            "topic = ['b/#', 'c'] -> accept",
        ),
        (
            "packet = 'SUBSCRIBE'",
            "{ filter = { within = 'a/#' } }",
            "filter = { within = ['b/#', 'c'] } -> accept",
        ),
        (
            "packet = 'SUBSCRIBE'",
            "{ filter = { within = 'a/#' } }",
            "filter = { overlaps = 'b/+' } -> accept",
        ),
        (
            "packet = 'SUBSCRIBE'",
            "{ filter = { covers = 'a/b' } }",
            "filter = { within = 'b/#' } -> accept",
        ),
        (
            "packet = 'SUBSCRIBE'",
            "{ qos = 0 }",
            "packet = 'SUBSCRIBE', qos = [1, 2] -> accept",
        ),
        (
            "path = '/**'",
            "{ path = '/a/**' }",
            "path = '/b/*' -> accept",
        ),
        // What a session calls itself: a CONNECT says it, and nobody is stopped by a guess.
        (
            "packet = 'CONNECT'",
            "{ client_id = 'plc-*' }",
            "packet = 'CONNECT', client_id = 'hmi-*' -> accept",
        ),
        (
            "packet = 'PUBLISH'",
            "{ client_id = 'plc-*' }",
            "topic = 'a', client_id = 'hmi-*' -> alert",
        ),
        // One of several is what the later rule passes by itself.
        (
            "packet = 'PUBLISH'",
            "[{ retain = true }, { topic = 'a/#' }]",
            "topic = 'b/#' -> accept\"\nexcept = { retain = true } #",
        ),
    ] {
        let said = behind(conditions, except, second);
        assert!(
            said.contains("the rule `second` can never be reached"),
            "{conditions}\n{except}\n{second}\n{said}"
        );
        assert!(said.contains("`first` decides before it"), "{said}");
        assert!(said.ends_with("\n1 error\n"), "{said}");
    }
}

#[test]
fn an_exception_from_some_of_it_leaves_that() {
    for (conditions, except, second) in [
        (
            "packet = 'CONNECT'",
            "{ source = '10.0.0.0/8' }",
            "packet = 'CONNECT', source = ['192.168.0.0/16', '10.1.0.0/16'] -> accept",
        ),
        (
            "packet = 'CONNECT'",
            "{ source = '10.0.0.0/8' }",
            "packet = 'CONNECT', destination = '192.168.0.0/16' -> accept",
        ),
        (
            "packet = 'PUBLISH'",
            "{ source = '10.0.0.0/8' }",
            "topic = 'a', client = '192.168.0.0/16' -> accept",
        ),
        (
            "topic = '#'",
            "{ topic = '+/b' }",
            "topic = 'a/#' -> accept",
        ),
        (
            "topic = 'v/#'",
            "{ direction = 'to_client' }",
            "topic = 'v/x' -> accept",
        ),
        // To overlap with a tree is not to be inside of it, nor is to take it in.
        (
            "packet = 'SUBSCRIBE'",
            "{ filter = { overlaps = 'a/#' } }",
            "filter = { overlaps = 'b/#' } -> accept",
        ),
        (
            "packet = 'SUBSCRIBE'",
            "{ filter = { within = 'a/#' } }",
            "filter = { covers = '!a/#' } -> accept",
        ),
        (
            "packet = 'SUBSCRIBE'",
            "{ filter = { within = ['#', '!a/b'] } }",
            "filter = { overlaps = 'a/b' } -> accept",
        ),
        // A message that is put off has its own topic and the one it arrives under.
        (
            "packet = 'PUBLISH'",
            "{ topic = '$delayed/#' }",
            "topic = 'a/#' -> alert",
        ),
        (
            "packet = 'PUBLISH'",
            "{ topic_text = '$*' }",
            "topic_text = 'a*' -> alert",
        ),
        // Of a session that nobody saw begin any name may be the right one for both.
        (
            "packet = 'PUBLISH'",
            "{ client_id = 'plc-*' }",
            "topic = 'a', client_id = 'hmi-*' -> accept",
        ),
        (
            "packet = 'PUBLISH'",
            "{ version = '5.0' }",
            "topic = 'a', version = '3.1.1' -> accept",
        ),
    ] {
        let said = behind(conditions, except, second);
        assert!(
            !said.contains("never"),
            "{conditions}\n{except}\n{second}\n{said}"
        );
    }
}

/// A zone that holds nothing yet is told of by itself.
#[test]
fn an_exception_for_an_empty_zone_is_to_be_filled() {
    let said = pack(
        "[zones]\nexempt = []\n\
         [[rule]]\nid = \"all\"\nmatch = { packet = \"CONNECT\" }\nexcept = { source = \"exempt\" }\naction = \"refuse\"\n\
         [[rule]]\nid = \"hall\"\nmatch = { packet = \"CONNECT\", source = \"10.0.0.0/8\" }\naction = \"accept\"\n",
    );
    assert!(
        said.contains("the zone `exempt` holds no address"),
        "{said}"
    );
    assert!(said.ends_with("\n1 warning\n"), "{said}");
}

#[test]
fn a_condition_that_holds_for_everything_leaves_nothing() {
    for (first, second) in [
        (
            "packet = 'CONNECT', source = ['0.0.0.0/0', '::/0'] -> refuse",
            "packet = 'CONNECT', client_id = 'plc-*' -> accept",
        ),
        (
            "packet = 'CONNECT', version = ['3.1', '3.1.1', '5.0'] -> refuse",
            "packet = 'CONNECT', client_id = 'plc-*' -> accept",
        ),
        (
            "source = ['inside', 'outside'] -> drop",
            "topic = 'a' -> accept",
        ),
        (
            "client = ['hall', 'inside', 'outside'], direction = ['to_server', 'to_client'] -> drop",
            "path = '/a', source = '10.0.0.1' -> accept",
        ),
        (
            "service = ['mqtt', 'mqtts', 'coap', 'coaps', 'coap-tcp'] -> drop",
            "protocol = 'tcp' -> accept",
        ),
        (
            "protocol = 'tcp', destination_port = '0-65535' -> drop",
            "packet = 'PUBLISH', destination = '10.0.0.1' -> accept",
        ),
    ] {
        let said = two(first, second);
        assert!(
            said.contains("the rule `second` can never be reached"),
            "{first}\n{second}\n{said}"
        );
    }
    for (first, second) in [
        (
            "packet = 'CONNECT', source = ['0.0.0.0/0', '::/1'] -> refuse",
            "packet = 'CONNECT', client_id = 'plc-*' -> accept",
        ),
        (
            "source = ['inside', 'outside', '!10.0.0.1'] -> drop",
            "topic = 'a' -> accept",
        ),
        // Of other packets the version may not be known.
        (
            "protocol = 'mqtt', version = ['3.1', '3.1.1', '5.0'] -> drop",
            "topic = 'a' -> accept",
        ),
        (
            "packet = 'CONNECT', version = ['3.1.1', '5.0'] -> refuse",
            "packet = 'CONNECT', client_id = 'plc-*' -> accept",
        ),
        (
            "service = ['mqtt', 'mqtts', 'coap', 'coaps'] -> drop",
            "protocol = 'tcp' -> accept",
        ),
        (
            "protocol = 'tcp', destination_port = '1-65535' -> drop",
            "packet = 'PUBLISH', destination = '10.0.0.1' -> accept",
        ),
    ] {
        let said = two(first, second);
        assert!(!said.contains("never"), "{first}\n{second}\n{said}");
    }
}

/// However many rules there are beside.
#[test]
fn they_leave_nothing_among_many() {
    let others: String = (0..600)
        .map(|n| rule(&format!("o-{n}"), &format!("topic = 'o/{n}/#'"), "drop"))
        .collect();
    let said = pack(
        &(rule("but", "packet = 'CONNECT'", "refuse")
            + "except = { source = \"10.0.0.0/8\" }\n"
            + &rule(
                "anyone",
                "path = '/**', source = ['0.0.0.0/0', '::/0']",
                "drop",
            )
            + &others
            + &rule(
                "office",
                "packet = 'CONNECT', source = '192.168.0.0/16'",
                "accept",
            )
            + &rule("path", "path = '/a', client = '10.0.0.1'", "accept")),
    );
    assert!(said.contains("`office` can never be reached"), "{said}");
    assert!(said.contains("`path` can never be reached"), "{said}");
    assert!(said.ends_with("\n2 errors\n"), "{said}");
}
