//! What is said about a rule's limit.

use crate::{headlines, pack};

/// What is reported of a rule of this scope with this limit.
fn limit(conditions: &str, action: &str, limit: &str) -> String {
    pack(&format!(
        "[[rule]]\nid = \"r\"\nmatch = {{ {conditions} }}\naction = \"{action}\"\nlimit = {limit}\n"
    ))
}

#[test]
fn limits_without_fault_are_read() {
    for of in [
        "{ count = 10, window = \"10m\", per = \"client\" }",
        "{ count = 1_000_000, window = \"30d\", per = \"client_id\" }",
        "{ rate = 5, burst = 20, per = \"username\" }",
        "{ rate = 0.001, burst = 1, per = \"flow\" }",
        "{ rate = 10, burst = 1, per = \"zone\" }",
        "{ rate = 1_000_000, burst = 1_000_000, per = \"destination\" }",
    ] {
        assert_eq!(limit("packet = \"CONNECT\"", "reset", of), "", "{of}");
    }
    let names = "{ distinct = 256, of = \"client_id\", window = \"1d\", per = \"client\" }";
    assert_eq!(limit("packet = \"CONNECT\"", "alert", names), "");
    for (conditions, of) in [
        (
            "packet = \"CONNECT\"",
            "{ max = 5, of = \"sessions\", per = \"username\" }",
        ),
        (
            "packet = [\"SUBSCRIBE\", \"SUBACK\"]",
            "{ count = 10, of = \"filters\", window = \"1m\", per = \"flow\" }",
        ),
        (
            "packet = \"SUBSCRIBE\"",
            "{ max = 5, of = \"subscriptions\", per = \"client_id\" }",
        ),
        (
            "packet = \"PUBLISH\", qos = 2",
            "{ max = 5, of = \"in_flight\", per = \"flow\" }",
        ),
        (
            "method = \"GET\"",
            "{ max = 5, of = \"observers\", per = \"destination\" }",
        ),
        (
            "code = \"0.xx\"",
            "{ max = 5, of = \"exchanges\", per = \"zone\" }",
        ),
    ] {
        assert_eq!(limit(conditions, "drop", of), "", "{of}");
    }
}

#[test]
fn what_is_wrong_with_a_limit_of_holdings() {
    let (connect, requests) = ("packet = \"CONNECT\"", "code = \"0.xx\"");
    for (conditions, of, headline, help) in [
        (
            connect,
            "{ max = 0, of = \"sessions\", per = \"client\" }",
            "between 1 and 1000000",
            "",
        ),
        (
            connect,
            "{ distinct = 257, of = \"client_id\", window = \"1m\", per = \"client\" }",
            "between 1 and 256",
            "",
        ),
        (
            connect,
            "{ distinct = 9, of = \"clientid\", window = \"1m\", per = \"client\" }",
            "`clientid` isn't one of",
            "did you mean `client_id`?",
        ),
        (
            connect,
            "{ distinct = 9, of = \"client\", window = \"1m\", per = \"client\" }",
            "there is one client per client",
            "",
        ),
        (
            connect,
            "{ distinct = 9, of = \"topic\", window = \"1m\", per = \"client\" }",
            "not all that the rule matches has a topic",
            "packet = \"PUBLISH\"",
        ),
        (
            requests,
            "{ distinct = 9, of = \"client\", window = \"1m\", per = \"username\" }",
            "not all that the rule matches has a `username`",
            "",
        ),
        (
            connect,
            "{ max = 1, per = \"client\" }",
            "`limit` lacks `of`",
            "",
        ),
        (
            connect,
            "{ max = 1, of = \"session\", per = \"client\" }",
            "`session` isn't one of",
            "did you mean `sessions`?",
        ),
        (
            connect,
            "{ max = 1, of = \"sessions\", per = \"client\", window = \"1m\" }",
            "`limit` has no key `window`",
            "",
        ),
        (
            "protocol = \"mqtt\"",
            "{ max = 1, of = \"sessions\", per = \"client\" }",
            "not all that the rule matches opens a session",
            "packet = \"CONNECT\"",
        ),
        (
            connect,
            "{ max = 1, of = \"in_flight\", per = \"client\" }",
            "not all that the rule matches opens a message in flight",
            "packet = \"PUBLISH\"",
        ),
        (
            "protocol = \"coap\"",
            "{ max = 1, of = \"exchanges\", per = \"client\" }",
            "not all that the rule matches opens an exchange",
            "0.xx",
        ),
        (
            connect,
            "{ max = 1, of = \"sessions\", per = \"topic\" }",
            "`sessions` aren't counted by topic",
            "count it by client",
        ),
        (
            "packet = \"PUBLISH\", qos = 0",
            "{ max = 1, of = \"in_flight\", per = \"client\" }",
            "nothing that the rule matches is in flight",
            "acknowledged by nobody",
        ),
        (
            "packet = \"CONNECT\", client_id = \"!*\"",
            "{ max = 1, of = \"sessions\", per = \"client_id\" }",
            "what the rule matches has no `client_id` to be counted by",
            "who has no name isn't counted",
        ),
        (
            "packet = \"CONNECT\", username = \"!*\"",
            "{ rate = 1, burst = 1, per = \"username\" }",
            "what the rule matches has no `username` to be counted by",
            "who has no name isn't counted",
        ),
        (
            requests,
            "{ max = 1, of = \"observers\", per = \"client_id\" }",
            "who holds `observers` has no `client_id`",
            "count them by client",
        ),
    ] {
        let shown = limit(conditions, "drop", of);
        assert!(shown.contains(headline) && shown.contains(help), "{shown}");
    }
}

#[test]
fn what_is_wrong_with_a_limit() {
    let mqtt = "protocol = \"mqtt\"";
    let coap = "protocol = \"coap\"";
    for (conditions, action, of, headline, help) in [
        (
            mqtt,
            "drop",
            "{ count = 10, window = \"1m\", per = \"topic\" }",
            "not all that the rule matches has a topic",
            "packet = \"PUBLISH\"",
        ),
        (
            mqtt,
            "drop",
            "{ count = 10, of = \"filters\", window = \"1m\", per = \"flow\" }",
            "not all that the rule matches has filters",
            "packet = \"SUBSCRIBE\"",
        ),
        (
            mqtt,
            "drop",
            "{}",
            "the limit measures nothing",
            "count = 10",
        ),
        (
            mqtt,
            "drop",
            "5",
            "expected a table, found a whole number",
            "",
        ),
        (
            mqtt,
            "drop",
            "{ cuont = 10, window = \"1m\", per = \"client\" }",
            "`limit` has no key `cuont`",
            "did you mean `count`?",
        ),
        (
            mqtt,
            "drop",
            "{ count = 10, rate = 5, per = \"client\" }",
            "a limit measures one thing: `count` or `rate`",
            "`count` is here: site.toml:5:11",
        ),
        (
            mqtt,
            "drop",
            "{ count = 0, window = \"1m\", per = \"client\" }",
            "between 1 and 1000000",
            "",
        ),
        (
            mqtt,
            "drop",
            "{ count = 10, window = \"500ms\", per = \"client\" }",
            "the time has to be between 1s and 30d",
            "",
        ),
        (
            mqtt,
            "drop",
            "{ count = 10, window = \"1m\" }",
            "`limit` lacks `per`",
            "",
        ),
        (
            mqtt,
            "drop",
            "{ count = 10, window = \"1m\", per = \"client\", burst = 5 }",
            "`limit` has no key `burst`",
            "its keys are `count`, `of`, `window`, `per` or `ipv6_prefix`",
        ),
        (
            mqtt,
            "drop",
            "{ rate = 5, per = \"client\" }",
            "`limit` lacks `burst`",
            "",
        ),
        (
            mqtt,
            "drop",
            "{ rate = 0, burst = 1, per = \"client\" }",
            "the rate has to be between 0.001 and 1000000",
            "",
        ),
        (
            mqtt,
            "drop",
            "{ rate = 5, burst = 0, per = \"client\" }",
            "between 1 and 1000000",
            "",
        ),
        (
            mqtt,
            "drop",
            "{ rate = 5, burst = 5, per = \"clientid\" }",
            "`clientid` isn't one of",
            "did you mean `client_id`?",
        ),
        (
            coap,
            "drop",
            "{ rate = 5, burst = 5, per = \"client_id\" }",
            "not all that the rule matches has a `client_id`",
            "per = \"client\"",
        ),
        (
            "direction = \"to_server\"",
            "drop",
            "{ rate = 5, burst = 5, per = \"username\" }",
            "not all that the rule matches has a `username`",
            "protocol = \"mqtt\"",
        ),
        (
            mqtt,
            "accept",
            "{ rate = 5, burst = 5, per = \"client\" }",
            "`accept` would let through just what exceeds the limit",
            "a limit goes with `alert`",
        ),
    ] {
        let rendered = limit(conditions, action, of);
        assert_eq!(headlines(&rendered).len(), 1, "{of}: {rendered}");
        assert!(rendered.contains(headline), "{of}: {rendered}");
        assert!(rendered.contains(help), "{of}: {rendered}");
    }
}

#[test]
fn what_a_limit_raises_is_no_condition() {
    for code in ["rule.limit.count", "rule.limit.*", "coap.amplification.*"] {
        let rendered = pack(&format!(
            "[[rule]]\nid = \"r\"\nmatch = {{ reason = \"{code}\" }}\naction = \"drop\"\n"
        ));
        assert_eq!(headlines(&rendered).len(), 1, "{code}: {rendered}");
        assert!(
            rendered.contains("only a `limit` raises that"),
            "{rendered}"
        );
    }
}

#[test]
fn a_ban_that_may_fall_on_a_server_is_told_of() {
    const WARNING: &str = "a server that passes such a message on gets banned for it, too";
    let said = |conditions: &str, rest: &str| {
        pack(&format!(
            "[zones]\nhall = [\"10.1.0.0/16\"]\n[[rule]]\nid = \"r\"\nmatch = {{ {conditions} }}\naction = \"reset\"\n\
             ban = \"10m\"\n{rest}\n[[rule]]\nid = \"s\"\nmatch = {{ server = \"hall\" }}\naction = \"alert\"\n"
        ))
    };
    let topic = "topic = \"bad/#\"";
    for conditions in [
        topic,
        "topic = \"bad/#\", source = \"!hall\"",
        "protocol = \"mqtt\"",
        "packet = [\"CONNECT\", \"DISCONNECT\"]",
    ] {
        let said = said(conditions, "");
        assert!(said.contains(WARNING), "{conditions}\n{said}");
        assert!(said.contains("direction = \"to_server\""), "{said}");
    }
    for (conditions, rest) in [
        ("topic = \"bad/#\", direction = \"to_server\"", ""),
        ("topic = \"bad/#\", direction = \"to_client\"", ""),
        ("topic = \"bad/#\", source = \"hall\"", ""),
        ("packet = [\"CONNECT\", \"SUBSCRIBE\"]", ""),
        ("reason = \"mqtt.spoofed.*\"", ""),
        (
            topic,
            "limit = { count = 9, window = \"1m\", per = \"client\" }",
        ),
    ] {
        assert_eq!(said(conditions, rest), "", "{conditions} {rest}");
    }
    let per_source = said(
        topic,
        "limit = { count = 9, window = \"1m\", per = \"source\" }",
    );
    assert!(per_source.contains(WARNING), "{per_source}");
    const ANSWERS: &str = "a server that sends such a message gets banned for it";
    for conditions in [
        "packet = \"CONNACK\", reason_code = 5",
        "packet = [\"CONNECT\", \"SUBACK\"], direction = \"to_client\"",
        "code = \"4.xx\", address_validated = true",
    ] {
        let said = said(conditions, "");
        assert!(said.contains(ANSWERS), "{conditions}\n{said}");
    }
    for per in ["client", "destination"] {
        let rest = format!("limit = {{ count = 9, window = \"1m\", per = \"{per}\" }}");
        assert_eq!(said("packet = \"CONNACK\", reason_code = 5", &rest), "");
    }
}

/// Every kind of limit by everything that may be counted by: what works, and what is said of the rest.
#[test]
fn every_kind_of_limit_is_counted_by_all_that_there_is() {
    let publish = "packet = \"PUBLISH\", direction = \"to_server\"";
    let everybody = ["client", "source", "destination", "flow", "zone"];
    let names = ["client_id", "username"];
    for (measure, conditions, with_names, with_topic) in [
        ("count = 9, window = \"1m\"", publish, true, ""),
        ("rate = 9, burst = 9", publish, true, ""),
        (
            "distinct = 9, of = \"OTHER\", window = \"1m\"",
            publish,
            true,
            "",
        ),
        (
            "count = 9, window = \"1m\"",
            "packet = \"CONNECT\"",
            true,
            "has a topic",
        ),
        (
            "rate = 9, burst = 9",
            "protocol = \"coap\"",
            false,
            "has a topic",
        ),
        (
            "max = 9, of = \"sessions\"",
            "packet = \"CONNECT\"",
            true,
            "has no topic",
        ),
        (
            "max = 9, of = \"sessions\"",
            "code = \"7.01\"",
            false,
            "has no topic",
        ),
        (
            "max = 9, of = \"subscriptions\"",
            "packet = \"SUBSCRIBE\"",
            true,
            "has a filter",
        ),
        ("max = 9, of = \"in_flight\"", publish, true, ""),
        (
            "max = 9, of = \"observers\"",
            "method = \"GET\"",
            false,
            "CoAP has no topics",
        ),
        (
            "max = 9, of = \"exchanges\"",
            "code = \"0.xx\"",
            false,
            "CoAP has no topics",
        ),
    ] {
        let said = |per: &str| {
            let other = if per == "client" { "flow" } else { "client" };
            let measure = measure.replace("OTHER", other);
            limit(
                conditions,
                "drop",
                &format!("{{ {measure}, per = \"{per}\" }}"),
            )
        };
        for per in everybody {
            assert_eq!(said(per), "", "{measure} per {per}");
        }
        for per in names {
            assert_eq!(
                said(per).is_empty(),
                with_names,
                "{measure} per {per}: {}",
                said(per)
            );
        }
        let by_topic = said("topic");
        assert_eq!(
            by_topic.is_empty(),
            with_topic.is_empty(),
            "{measure}: {by_topic}"
        );
        assert!(by_topic.contains(with_topic), "{measure}: {by_topic}");
    }
    for per in [
        "source",
        "destination",
        "flow",
        "zone",
        "client_id",
        "username",
        "topic",
    ] {
        let ratio = format!(
            "{{ ratio = 3.0, of = \"udp_payload_bytes\", window = \"1m\", per = \"{per}\" }}"
        );
        let said = limit("protocol = \"coap\"", "drop", &ratio);
        assert!(said.contains("a `ratio` is counted by client"), "{said}");
    }
}
