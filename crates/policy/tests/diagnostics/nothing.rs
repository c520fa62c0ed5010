//! Rules that match nothing, exceptions from nothing, and names that nothing uses.

use weir_policy::{Config, Policy, SourceText};

use super::order::two;
use super::pack;

#[test]
fn a_rule_that_matches_nothing_is_told_of() {
    for (conditions, why) in [
        (
            "topic = 'a' }\nexcept = { topic = 'a'",
            "its `except` passes by",
        ),
        (
            "source = '10.0.0.0/24' }\nexcept = { source = '10.0.0.0/8'",
            "its `except` passes by",
        ),
        (
            "version = '3.1.1', property = { session_expiry = { min = 1 } }",
            "MQTT 5.0",
        ),
        (
            "version = ['3.1', '3.1.1'], reason = ['mqtt.negotiated.qos', 'mqtt.alias.*']",
            "raised on MQTT 5.0",
        ),
        ("topic = 'a/b/c', levels = { max = 2 }", "as many `levels`"),
        (
            "topic = 'a/b/c/d/#', levels = { max = 3 }",
            "as many `levels`",
        ),
        ("payload = { utf8 = false, json = true }", "JSON is UTF-8"),
        (
            "payload = { size = { max = 3 }, contains = ['abcd', 'efghi'] }",
            "longer than",
        ),
        (
            "size = { max = 10 }, payload = { size = { min = 10 } }",
            "larger than the message",
        ),
        (
            "size = '4-9', payload = { contains = '0123456789' }",
            "larger than the message",
        ),
        (
            "packet = 'PUBLISH' }\nexcept = { method = 'GET'",
            "is about nothing that the rule matches",
        ),
        (
            "topic = 'a/#' }\nexcept = { topic = ['b/#', 'c'], qos = 1",
            "is about nothing that the rule matches",
        ),
        (
            "source = ['10.0.0.0/8', '!10.1.0.0/16'] }\nexcept = { source = '10.1.2.0/24'",
            "is about nothing that the rule matches",
        ),
        (
            "packet = 'CONNECT', version = '3.1' }\nexcept = { version = ['3.1.1', '5.0']",
            "is about nothing that the rule matches",
        ),
        (
            "size = { max = 9 } }\nexcept = { size = { min = 10 }",
            "is about nothing that the rule matches",
        ),
        (
            "packet = 'PUBLISH' }\nexcept = { topic = 'a/b/c', levels = { max = 2 }",
            "an `except` of `first` can never hold: no topic",
        ),
        (
            "topic = 'a' }\nexcept = []\nreferences = [] # {",
            "leave `except` out",
        ),
        (
            "topic = '$SYS/#', topic_text = ['a*', 'b']",
            "begins as its `topic_text` asks",
        ),
        (
            "filter = { within = 'a/#', covers = 'b/#' }",
            "inside of its `within`",
        ),
        (
            "filter = { within = 'a/#', overlaps = ['b/#', 'c/+'] }",
            "overlaps with its `overlaps`",
        ),
        ("source = ['!inside', '!outside']", "inside nor outside"),
        ("source = ['!0.0.0.0/0', '!::/0']", "neither IPv4 nor IPv6"),
        (
            "source = '10.0.0.0/8', destination = '!0.0.0.0/0'",
            "neither IPv4 nor IPv6",
        ),
        (
            "client = ['10.0.0.0/8', '10.9.0.1'], server = 'fd00::/8'",
            "neither IPv4 nor IPv6",
        ),
        ("method = 'GET', code = '0.02'", "exclude each other"),
        ("method = 'GET', type = 'RST'", "no code but 0.00"),
        (
            "method = 'GET', type = ['ACK', 'RST']",
            "an acknowledgement carries no request",
        ),
        (
            "client = 'inside', server = ['inside', '!10.0.0.1']",
            "exclude each other",
        ),
        (
            "source = '!outside', destination = '!outside'",
            "exclude each other",
        ),
        (
            "filter = { text = 'a/b', overlaps = 'c/#' }",
            "no filter of its `text`",
        ),
        (
            "filter = { text = ['a/b/*', '$share/g/a'], within = ['c/#', 'b'] }",
            "no filter of its `text`",
        ),
        ("packet = 'PINGREQ', size = { min = 3 }", "two bytes"),
        ("packet = 'SUBSCRIBE', size = 7", "as small as its `size`"),
        (
            "topic = ['abcdefgh', 'hgfedcba/#'], size = { max = 7 }",
            "longer than its `size`",
        ),
        (
            "topic = 'abcdefgh', size = { max = 11 }, version = ['3.1', '3.1.1']",
            "longer than its `size`",
        ),
        ("path = '/x', type = ['RST']", "no code but 0.00"),
        (
            "source = '10.0.0.1', client = '10.0.0.2', direction = 'to_server'",
            "exclude each other",
        ),
        (
            "source = 'inside', server = 'outside', direction = 'to_client'",
            "exclude each other",
        ),
        (
            "user_properties = { min = 1 }, version = '3.1.1'",
            "MQTT 5.0",
        ),
        (
            "packet = 'CONNECT', will = false, topic = 'a/#'",
            "without a will",
        ),
        (
            "packet = 'CONNECT', will = false, will_outlives_session = true",
            "without a will",
        ),
        (
            "packet = 'PUBLISH', service = 'mqtt', tls = true",
            "nothing that its `service` says is encrypted",
        ),
        ("service = ['mqtts', 'coaps'], tls = false", "is encrypted"),
        (
            "protocol = 'coap', service = 'coap-tcp', address_validated = false",
            "the handshake has shown",
        ),
        (
            "packet = 'PUBLISH', qos = 0, dup = true",
            "is no repetition",
        ),
        (
            "packet = 'PUBLISH', qos = 0, packet_id = 5",
            "has no packet identifier",
        ),
        ("packet = 'CONNECT', size = { max = 13 }", "as small as"),
        ("protocol = 'coap', code = '0.xx', size = 1", "as small as"),
        (
            "packet = ['PUBACK', 'PUBREL'], version = '3.1.1', reason_code = 0x87",
            "say no reason code",
        ),
        (
            "packet = 'CONNECT', property = { topic_alias = true }",
            "doesn't have this `property`",
        ),
        (
            "packet = ['PUBLISH', 'SUBACK'], property = { server_keep_alive = { min = 1 } }",
            "doesn't have this `property`",
        ),
        ("topic = ['a/b', '!a/#']", "excludes all that it names"),
        (
            "client_id = ['plc-1', '!plc-*']",
            "excludes all that it names",
        ),
        (
            "source = ['10.1.0.0/16', '!10.0.0.0/8']",
            "excludes all that it names",
        ),
        ("path = ['/a/b', '!/a/**']", "excludes all that it names"),
        ("path = '/a/../b'", "is malformed"),
        (
            "packet = 'PUBLISH', topic = 'f/{client_id}', client_id = 'a#b'",
            "stands for no placeholder",
        ),
        (
            "filter = { within = ['f/{username}', 'g/{username}/#'] }, username = ['a/*', '*+?']",
            "stands for no placeholder",
        ),
        (
            "packet = 'PUBLISH', topic = 'f/{username}', username = '{client_id}/a'",
            "stands for no placeholder",
        ),
        (
            "payload = { regex = '^a$', size = { min = 10 } }",
            "matches is shorter",
        ),
        (
            "payload = { regex = ['abcd', '^e{5}'], size = { max = 3 } }",
            "longer than",
        ),
        (
            "payload = { regex = 'a{21}' }, size = { max = 20 }",
            "larger than the message",
        ),
        (
            "payload = { starts_with = ['x', 'hex:00'], regex = ['^y', '^(?i)on|^off'] }",
            "as both its `starts_with`",
        ),
    ] {
        let said = two(&format!("{conditions} -> drop"), "topic = 'z' -> accept");
        assert!(
            said.contains(why) && said.contains("error"),
            "{conditions}\n{said}"
        );
    }
    for conditions in [
        "topic = 'a' }\nexcept = { topic = 'a', qos = 1",
        "version = ['3.1.1', '5.0'], property = { session_expiry = { min = 1 } }",
        "topic = 'a/b/c/#', levels = { max = 3 }",
        "topic = ['a/b/c', 'a'], levels = { max = 2 }",
        "payload = { size = { max = 3 }, contains = ['abcd', 'abc'] }",
        "topic = 'a/+' }\nexcept = { topic = '+/b'",
        "topic = '{client_id}/#' }\nexcept = { topic = 'a/#'",
        "client_id = 'a*' }\nexcept = { client_id = '*b'",
        "filter = { within = 'a/#', covers = 'a/b' }",
        "filter = { within = 'a/#', covers = '{client_id}/b' }",
        "filter = { within = 'a/b', overlaps = '+/b' }",
        // Another filter of the packet may have the levels.
        "filter = { overlaps = 'a/b/c' }, levels = { min = 9 }",
        "topic = 'a/#', topic_text = 'a/*'",
        "type = 'RST'",
        "method = 'GET', type = ['RST', 'CON']",
        "method = 'GET', code = ['0.01', '0.02']",
        "source = '10.0.0.1', client = '10.0.0.2'",
        "source = '10.0.0.1', client = 'outside', direction = 'to_server'",
        "user_properties = { max = 0 }, version = '3.1.1'",
        "packet = 'CONNECT', will = true, topic = 'a/#'",
        // The hello of TLS comes to any service.
        "service = 'mqtt', tls = true",
        "service = ['mqtt', 'mqtts'], packet = 'PUBLISH', tls = true",
        "protocol = 'coap', service = ['coap', 'coap-tcp'], address_validated = false",
        "packet = 'PUBLISH', qos = 0, dup = false",
        "packet = 'PUBLISH', qos = [0, 1], packet_id = 5",
        "packet = 'PUBLISH', qos = 0, packet_id = false",
        "packet = 'CONNECT', size = { max = 14 }",
        "packet = ['PINGREQ', 'SUBSCRIBE'], size = { max = 3 }",
        "topic = ['abcdefgh', 'a/#'], size = { max = 5 }",
        "topic = 'abcdefgh', size = { max = 8 }",
        "source = 'inside', server = 'inside', direction = 'to_client'",
        "client = ['inside', '10.0.0.1'], server = 'inside'",
        "method = 'GET', type = ['CON', 'ACK']",
        "filter = { text = ['a/*', '*/b'], overlaps = 'c/#' }",
        "filter = { text = '$share/*', overlaps = 'c/#' }",
        "filter = { text = '+/*', overlaps = 'c/#' }",
        "packet = 'PUBACK', version = '3.1.1', reason_code = 0",
        "packet = ['PUBACK', 'CONNACK'], version = '3.1.1', reason_code = 5",
        "packet = 'CONNECT', property = { topic_alias = false }",
        "packet = 'CONNECT', property = { will_delay = { min = 1 } }",
        "topic = ['a/b', '!a/+/c']",
        "path = ['/a/../b', '/a/b']",
    ] {
        let said = two(&format!("{conditions} -> drop"), "topic = 'z' -> accept");
        assert_eq!(said, "", "{conditions}");
    }
}

#[test]
fn names_that_no_rule_uses_are_told_of() {
    let rule = |conditions: &str| {
        format!("[[rule]]\nid = \"r\"\nmatch = {{ {conditions} }}\naction = \"alert\"\n")
    };
    let named =
        "[zones]\nhall = [\"10.1.0.0/16\"]\nyard = []\n[sets]\nfew = [\"a\"]\nmany = [\"b\"]\n";
    let said = pack(&(named.to_owned() + &rule("topic = '!@few', source = '!hall'")));
    assert!(
        said.contains("site.toml:6:1: warning: no rule names the set `many`"),
        "{said}"
    );
    assert!(
        said.contains("site.toml:3:1: warning: no rule names the zone `yard`"),
        "{said}"
    );
    assert!(
        !said.contains("`few`") && !said.contains("`hall`"),
        "{said}"
    );
    let in_exception = rule("topic = '@many' }\nexcept = { topic = ['@few', 'b'], source = 'yard'");
    let said = pack(&(named.to_owned() + &in_exception));
    assert!(
        !said.contains("`many`") && !said.contains("`few`"),
        "{said}"
    );
    assert!(!said.contains("names the zone `yard`") && said.contains("names the zone `hall`"));
    // Counting by zone asks for all of them, and a pack of names alone is there for others.
    let counted =
        rule("packet = 'CONNECT'") + "limit = { count = 9, window = \"1m\", per = \"zone\" }\n";
    let said = pack(&("[zones]\nhall = [\"10.1.0.0/16\"]\n".to_owned() + &counted));
    assert_eq!(said, "");
    assert_eq!(pack("[sets]\nfew = [\"a\"]\n"), "");
}

#[test]
fn a_zone_of_the_configuration_is_used_by_rules_or_for_tls() {
    let text = "[zones]\nhall = [\"10.1.0.0/16\"]\nyard = [\"10.2.0.0/16\"]\nroof = []\n\
        [tls]\nrequired_from = [\"yard\"]\n";
    let config = Config::check(&SourceText::new("weir.toml", text)).0;
    let rule = "[[rule]]\nid = \"r\"\nmatch = { source = \"hall\" }\naction = \"alert\"\n";
    let packs = [SourceText::new("site.toml", rule)];
    let said = Policy::check(&config, &packs).1.render();
    assert_eq!(
        said.lines().next(),
        Some("weir.toml:4:1: warning: no rule names the zone `roof`")
    );
    assert!(said.ends_with("\n1 warning\n"), "{said}");
    assert!(Policy::check(&config, &[]).1.is_empty());
}

#[test]
fn what_may_hold_is_no_contradiction() {
    for conditions in [
        "topic = 'f/{client_id}', client_id = ['a#b', 'c']",
        "topic = 'f/{client_id}', client_id = '!a#b'",
        "topic = ['f/{client_id}', 'g'], client_id = 'a#b'",
        "topic = 'f/{client_id}', username = 'a#b'",
        "topic = 'f/{client_id}', client_id = 'a?b'",
        "payload = { regex = '^a', size = { min = 10 } }",
        "payload = { regex = 'a$', size = { min = 10 } }",
        "payload = { regex = '(?m)^a$', size = { min = 10 } }",
        "payload = { regex = '^ab|c$', size = { min = 10 } }",
        "payload = { regex = '^.{10}$', size = { min = 10, max = 10 } }",
        "payload = { regex = '!^a$', size = { min = 10 } }",
        "payload = { regex = ['abcd', 'ab'], size = { max = 3 } }",
        "payload = { starts_with = 'x', regex = 'y' }",
        "payload = { starts_with = 'xyz', regex = '^x' }",
        "payload = { starts_with = 'x', regex = '^xyz' }",
        "payload = { starts_with = 'x', regex = '^(y|x)' }",
        "payload = { starts_with = 'x', regex = '(?m)^y' }",
        "payload = { starts_with = 'x', regex = '^y?x' }",
        "payload = { starts_with = 'X', regex = '(?i)^x' }",
    ] {
        assert_eq!(
            pack(&format!(
                "[[rule]]\nid = \"r\"\nmatch = {{ packet = 'PUBLISH', {conditions} }}\naction = \"drop\"\n"
            )),
            "",
            "{conditions}"
        );
    }
    // Whoever is let through in a session that nobody saw begin may be called anything.
    let text = "[[rule]]\nid = \"r\"\naction = \"accept\"\n\
        match = { packet = 'PUBLISH', topic = 'f/{client_id}', client_id = 'a#b' }\n";
    assert!(!pack(text).contains("can never match"));
}

/// Of a packet that nobody knows nothing follows.
#[test]
fn a_misspelt_name_is_told_once() {
    for rest in [
        "payload = { utf8 = true } }\naction = \"drop\"",
        "topic = \"a\" }\naction = \"challenge\"",
        "will = true }\naction = \"drop\"\nlimit = { max = 1, of = \"sessions\", per = \"topic\" }",
    ] {
        let said = pack(&format!(
            "[[rule]]\nid = \"q\"\nmatch = {{ packet = \"PUBLISH\" }}\naction = \"drop\"\n\
             [[rule]]\nid = \"r\"\nmatch = {{ packet = \"PUBLSH\", {rest}\n"
        ));
        assert!(said.contains("did you mean `PUBLISH`?"), "{said}");
        assert!(said.ends_with("\n1 error\n"), "{said}");
    }
}
