//! Rules and zones.

use weir_policy::{Config, Policy, SourceText};

use super::{headlines, pack};

/// A rule with this `match`, which has to draw exactly one finding with these words in it.
#[track_caller]
pub(crate) fn check_match(conditions: &str, headline: &str, help: &str) {
    let text = format!("[[rule]]\nid = \"r\"\nmatch = {{ {conditions} }}\naction = \"drop\"\n");
    let rendered = pack(&text);
    assert_eq!(headlines(&rendered).len(), 1, "{conditions}: {rendered}");
    assert!(rendered.contains(headline), "{conditions}: {rendered}");
    assert!(rendered.contains(help), "{conditions}: {rendered}");
}

#[test]
fn a_good_pack_draws_no_remark() {
    let text = r##"
[zones]
historian = ["10.30.0.9"]

[[rule]]
id          = "harvest-wildcard"
sid         = 1000001
description = "Only the historian may subscribe to everything"
severity    = "high"
match       = { packet = "SUBSCRIBE", filter = { covers = ["#", "$SYS/#"] }, source = "!historian" }
action      = "refuse"
ban         = "15m"
references  = ["house rule 7"]

[[rule]]
id     = "own-topics"
match  = { packet = "PUBLISH", topic = "!devices/{client_id}/#", client_id = ["s-*", "!s-7"], tls = true }
action = "drop"

[[rule]]
id     = "coap-amplification"
match  = { protocol = "coap", direction = "to_client", address_validated = false }
limit  = { ratio = 3, of = "udp_payload_bytes", per = "client", window = "60s" }
action = "challenge"

[[rule]]
id     = "discovery"
match  = { method = "GET", path = ["/.well-known/core", "/oic/**"], source = "outside", size = { min = 4, max = 64 } }
action = "refuse"
dry_run = true
log = ["token", "options"]

[[rule]]
id     = "loud"
match  = { code = ["2.05", "5.xx"], service = "coap" }
action = "alert"

[[case]]
name   = "a sensor asking for everything is refused"
from   = "10.20.0.7"
say    = ["CONNECT client_id=s7", "< CONNACK", "SUBSCRIBE filter=# packet_id=1"]
expect = { verdict = "refuse", rule = "harvest-wildcard" }
"##;
    assert_eq!(pack(text), "");
}

#[test]
fn what_is_wrong_with_a_match() {
    for (conditions, headline, help) in [
        (
            "packet = \"PUBLSH\"",
            "`PUBLSH` isn't one of",
            "did you mean `PUBLISH`?",
        ),
        (
            "packet = []",
            "the list is empty",
            "leave the condition out",
        ),
        ("packet = 3", "expected a string, found a whole number", ""),
        ("protocol = \"http\"", "isn't one of `ip`, `tcp`", ""),
        (
            "service = \"mqtt\", method = \"GET\"",
            "`method` can never hold together with `service`",
            "that is CoAP's",
        ),
        (
            "packet = \"PUBLISH\", filter = { within = \"a\" }",
            "`filter` can never hold together with `packet`",
            "`packet` is here: site.toml:3:11",
        ),
        (
            "packet = [\"PUBLISH\", \"PINGREQ\"], topic = \"a\"",
            "warning: `topic` never holds for PINGREQ",
            "the will of a CONNECT",
        ),
        (
            "protocol = \"coap\", reason = \"mqtt.*\"",
            "`reason` can never hold together with `protocol`",
            "",
        ),
        (
            "direction = \"to_client\", reason = \"mqtt.spoofed.server-packet\"",
            "`reason` can never hold together with `direction`",
            "isn't raised on such messages",
        ),
        (
            "packet = \"CONNECT\", reason = \"mqtt.ack.*\"",
            "`reason` can never hold together with `packet`",
            "isn't raised on such messages",
        ),
        (
            "packet = \"PUBLISH\", reason = \"mqtt.session.second-connect\"",
            "`reason` can never hold together with `packet`",
            "isn't raised on such messages",
        ),
        (
            "protocol = \"mqtt\", reason = \"tcp.blind-reset\"",
            "`reason` can never hold together with `protocol`",
            "isn't raised on such messages",
        ),
        (
            "packet = \"PUBLISH\", reason = \"mqtt.too-large\"",
            "`reason` can never hold together with `packet`",
            "isn't raised on such messages",
        ),
        (
            "topic = \"a\", reason = \"mqtt.malformed.*\"",
            "`reason` can never hold together with `topic`",
            "can't be parsed",
        ),
        (
            "code = \"2.5\"",
            "`2.5` isn't a CoAP code",
            "like \\\"2.05\\\"",
        ),
        (
            "username = \"!{clientid}\"",
            "`{clientid}` is no placeholder",
            "a brace itself is written",
        ),
        (
            "username = \"*-{client_id}\"",
            "a placeholder stands alone, or with plain text around it",
            "",
        ),
        (
            "client_id = \"{client_id}\"",
            "`{client_id}` compares the `client_id` with itself",
            "",
        ),
        ("source_port = { max = 70000 }", "65535", ""),
        (
            "client_id = \"{source}\", direction = \"to_client\"",
            "`client_id` can never hold together with `direction`",
            "",
        ),
        ("code = \"9.00\"", "isn't a CoAP code", ""),
        (
            "method = \"get\"",
            "`get` isn't one of",
            "did you mean `GET`?",
        ),
        (
            "path = \"a/b\"",
            "a path begins with a slash",
            "write \"/a/b\"",
        ),
        (
            "path = \"/**/x/**\"",
            "`**` may stand in a path only once",
            "",
        ),
        (
            "path = \"/%zz\"",
            "`%` isn't followed by two hex digits",
            "write `%25`",
        ),
        (
            "topic = \"a/#/b\"",
            "`a/#/b` isn't a topic filter",
            "[MQTT-4.7.1-2]",
        ),
        (
            "topic = \"a/{client}\"",
            "`{client}` is no placeholder",
            "`{client_id}`, `{username}` or `{source}`",
        ),
        (
            "topic = \"$share/g/a\"",
            "a shared subscription's filter",
            "what follows",
        ),
        (
            "filter = \"a\"",
            "a filter needs a relation",
            "{ overlaps = … }",
        ),
        ("filter = {}", "the filter asks nothing", "{ covers = … }"),
        (
            "filter = { overlap = \"a\" }",
            "`filter` has no key `overlap`",
            "did you mean `overlaps`?",
        ),
        (
            "filter = { overlaps = \"#\" }",
            "warning: every subscription overlaps with `#`",
            "{ covers = \"#\" }",
        ),
        ("qos = 3", "the number has to be between 0 and 2", ""),
        (
            "retain = \"yes\"",
            "expected true or false, found a string",
            "",
        ),
        ("version = \"4\"", "`4` isn't one of `3.1`", ""),
        ("size = {}", "the size has no bound", "in bytes"),
        (
            "keep_alive = {}",
            "the keep alive has no bound",
            "in seconds",
        ),
        (
            "size = { min = 9, max = 8 }",
            "as small as `max` and as large as `min`",
            "",
        ),
        (
            "size = { max = -1 }",
            "the number has to be between 0 and",
            "",
        ),
        (
            "source = \"sensors\"",
            "`sensors` isn't a zone of [zones], nor an address",
            "",
        ),
        (
            "source = \"insid\"",
            "`insid` isn't a zone",
            "did you mean `inside`?",
        ),
        (
            "client = \"10.0.0.1/33\"",
            "neither an address nor a network",
            "10.20.0.0/16",
        ),
        (
            "server = \"10.0.0.1/8\"",
            "`10.0.0.1/8` has bits set beyond its prefix",
            "write `10.0.0.0/8` for the network",
        ),
        (
            "reason = \"mqtt.spoofed.server-paket\"",
            "names no reason",
            "did you mean `mqtt.spoofed.server-packet`?",
        ),
        (
            "reason = \"mqtt.spoofde.*\"",
            "names no reason",
            "did you mean `mqtt.spoofed.*`?",
        ),
        (
            "protocol = \"mqtt\", address_validated = true",
            "`address_validated` can never hold together with `protocol`",
            "the handshake",
        ),
        (
            "Packet = \"PUBLISH\"",
            "`match` has no key `Packet`",
            "did you mean `packet`?",
        ),
        (
            "zebra = 1",
            "`match` has no key `zebra`",
            "its keys are `protocol`",
        ),
    ] {
        check_match(conditions, headline, &help.replace("\\\"", "\""));
    }
}

/// A rule that matches CoAP towards clients, with these lines, has to draw one finding.
#[track_caller]
fn check_rule(lines: &str, headline: &str, help: &str) {
    let text = format!("[[rule]]\nid = \"r\"\n{lines}\n");
    let rendered = pack(&text);
    assert_eq!(headlines(&rendered).len(), 1, "{lines}: {rendered}");
    assert!(rendered.contains(headline), "{lines}: {rendered}");
    assert!(rendered.contains(help), "{lines}: {rendered}");
}

#[test]
fn what_is_wrong_with_a_rule() {
    let mqtt = "match = { protocol = \"mqtt\" }";
    let coap = "match = { protocol = \"coap\" }";
    let tcp = "match = { service = \"mqtt\", reason = \"tcp.*\" }";
    for (lines, headline, help) in [
        (
            format!("{mqtt}\naction = \"challenge\""),
            "`challenge` needs CoAP, and the rule never matches it",
            "RFC 9175",
        ),
        (
            "match = {}\naction = \"challenge\"".to_owned(),
            "the rule matches more than that",
            "protocol = \"coap\"",
        ),
        (
            "match = { protocol = \"dtls\" }\naction = \"refuse\"".to_owned(),
            "nothing that the rule matches has a refusal",
            "",
        ),
        (
            format!("{mqtt}\naction = \"accept\"\nlog = \"payload\""),
            "a rule that accepts tells nobody",
            "`alert`",
        ),
        (
            format!("{mqtt}\naction = \"alert\"\nlog = [\"payload\", \"token\"]"),
            "nothing that the rule matches has `token`",
            "",
        ),
        (
            format!("{coap}\naction = \"alert\"\nlog = [\"tokens\"]"),
            "`tokens` isn't one of `payload`, `properties`, `token` or `options`",
            "did you mean `token`?",
        ),
        (
            format!("{mqtt}\naction = \"accept\"\nban = \"10m\""),
            "`accept` lets through what the ban would keep out",
            "",
        ),
        (
            format!("{coap}\naction = \"challenge\"\nban = \"10m\""),
            "who is challenged has to be able to answer",
            "",
        ),
        (
            format!("{coap}\naction = \"drop\"\nproof = \"echo\""),
            "`proof` belongs to `action = \"challenge\"`",
            "",
        ),
        (
            format!("{coap}\naction = \"challenge\"\nproof = \"ehco\""),
            "`ehco`",
            "`echo`",
        ),
        (
            format!("{coap}\naction = \"drop\"\nrefusal = \"4.05\""),
            "`refusal` belongs to `action = \"refuse\"`",
            "",
        ),
        (
            format!("{mqtt}\naction = \"refuse\"\nrefusal = \"4.05\""),
            "`refusal` is a code of CoAP, and the rule never matches it",
            "",
        ),
        (
            format!("{coap}\naction = \"refuse\"\nrefusal = \"4.5\""),
            "`4.5`",
            "`4.05`",
        ),
        (
            format!("{coap}\naction = \"drop\"\nban = \"10m\""),
            "warning: whoever forges a source address",
            "address_validated = true",
        ),
        (
            format!("{tcp}\naction = \"drop\"\nban = \"10m\""),
            "warning: whoever forges a frame that it is raised on",
            "leave `ban` out",
        ),
        (
            format!("{mqtt}\naction = \"drop\"\nban = \"10\""),
            "`10` isn't a time",
            "\"15m\"",
        ),
        (
            format!("{mqtt}\naction = \"drop\"\nban = \"0s\""),
            "the time has to be between 1s and 365d",
            "",
        ),
        (
            format!("{mqtt}\naction = \"drop\"\nseverity = \"urgent\""),
            "`urgent` isn't one of `low`, `medium`, `high` or `critical`",
            "",
        ),
        (
            format!("{mqtt}\naction = \"drop\"\nsid = 0"),
            "between 1 and 4294967295",
            "",
        ),
        (
            format!("{mqtt}\naction = \"drop\"\ndry-run = true"),
            "a rule has no key `dry-run`",
            "did you mean `dry_run`?",
        ),
        (
            format!("{mqtt}\naction = \"drop\"\nreferences = \"RFC 1\""),
            "expected a list, found a string",
            "",
        ),
        (mqtt.to_owned(), "a rule lacks `action`", ""),
        ("action = \"drop\"".to_owned(), "a rule lacks `match`", ""),
        (
            format!(
                "{mqtt}\naction = \"drop\"\nlimit = {{ ratio = 3.0, of = \"udp_payload_bytes\", per = \"client\", window = \"60s\" }}"
            ),
            "`udp_payload_bytes` aren't counted for all",
            "protocol = \"coap\"",
        ),
        (
            format!(
                "{coap}\naction = \"drop\"\nlimit = {{ ratio = 0, of = \"udp_payload_bytes\", per = \"client\", window = \"60s\" }}"
            ),
            "the ratio has to be between",
            "",
        ),
        (
            format!(
                "{coap}\naction = \"drop\"\nlimit = {{ ratio = nan, of = \"udp_payload_bytes\", per = \"client\", window = \"60s\" }}"
            ),
            "not a finite number",
            "",
        ),
        (
            format!(
                "{coap}\naction = \"drop\"\nlimit = {{ ratio = 3, of = \"frames\", per = \"client\", window = \"60s\" }}"
            ),
            "`frames` isn't one of `udp_payload_bytes`, `ip_bytes` or `frame_bytes`",
            "",
        ),
        (
            format!(
                "{coap}\naction = \"drop\"\nlimit = {{ ratio = 3, of = \"frame_byte\", per = \"client\", window = \"60s\" }}"
            ),
            "isn't one of `udp_payload_bytes`",
            "did you mean `frame_bytes`?",
        ),
        (
            format!(
                "{mqtt}\naction = \"drop\"\nlimit = {{ ratio = 3, of = \"ip_bytes\", per = \"client\", window = \"60s\" }}"
            ),
            "`ip_bytes` aren't counted for all",
            "protocol = \"coap\"",
        ),
        (
            format!(
                "{coap}\naction = \"drop\"\nlimit = {{ ratio = 3, of = \"udp_payload_bytes\", per = \"client\" }}"
            ),
            "`limit` lacks `window`",
            "",
        ),
        (
            format!(
                "{coap}\naction = \"drop\"\nlimit = {{ ratio = 3, of = \"udp_payload_bytes\", per = \"client\", window = \"2h\" }}"
            ),
            "between 1s and 1h",
            "",
        ),
    ] {
        check_rule(&lines, headline, help);
    }
    let rendered = pack("[[rule]]\nid = \"Rule 1\"\nmatch = {}\naction = \"drop\"\n");
    assert!(
        rendered.contains("`Rule 1` can't be a rule's id"),
        "{rendered}"
    );
    let rendered = pack("[rule]\nid = \"r\"\n");
    assert!(
        rendered.contains("a rule is written in double brackets"),
        "{rendered}"
    );
}

#[test]
fn a_rule_that_can_never_be_reached_is_an_error() {
    let rule = |id: &str, rest: &str| format!("[[rule]]\nid = \"{id}\"\n{rest}\n");
    for (first, second, reached) in [
        (
            "match = {}\naction = \"drop\"",
            "match = { packet = \"PUBLISH\" }\naction = \"alert\"",
            false,
        ),
        (
            "match = { reason = \"mqtt.*\" }\naction = \"drop\"",
            "match = { reason = \"mqtt.spoofed.*\" }\naction = \"accept\"",
            false,
        ),
        (
            "match = { packet = \"PUBLISH\" }\naction = \"drop\"",
            "match = { packet = \"PUBLISH\", topic = \"a\" }\naction = \"accept\"",
            false,
        ),
        (
            "match = { size = { min = 10 } }\naction = \"drop\"",
            "match = { size = { min = 20, max = 30 } }\naction = \"drop\"",
            false,
        ),
        (
            "match = { topic = \"a\" }\naction = \"drop\"",
            "match = { topic = \"b\" }\naction = \"drop\"",
            true,
        ),
        (
            "match = { packet = \"PUBLISH\", topic = \"a\" }\naction = \"drop\"",
            "match = { packet = \"PUBLISH\" }\naction = \"drop\"",
            true,
        ),
        (
            "match = {}\naction = \"alert\"",
            "match = {}\naction = \"drop\"",
            true,
        ),
        (
            "match = {}\naction = \"drop\"\ndry_run = true",
            "match = {}\naction = \"drop\"",
            true,
        ),
        (
            "match = { reason = \"mqtt.*\" }\naction = \"drop\"",
            "match = { protocol = \"mqtt\" }\naction = \"drop\"",
            true,
        ),
        // What can't be parsed gets past an `accept` that doesn't name it.
        (
            "match = {}\naction = \"accept\"",
            "match = { reason = \"mqtt.malformed.*\" }\naction = \"drop\"",
            true,
        ),
        (
            "match = {}\naction = \"accept\"",
            "match = { reason = \"mqtt.spoofed.*\" }\naction = \"drop\"",
            false,
        ),
    ] {
        let rendered = pack(&(rule("first", first) + &rule("second", second)));
        let error = rendered.contains("the rule `second` can never be reached");
        assert_eq!(error, !reached, "{first}\n{second}\n{rendered}");
        assert_eq!(
            rendered.contains(": site.toml:2:6\n"),
            !reached,
            "{rendered}"
        );
    }
}

#[test]
fn a_zone_is_defined_once() {
    let config_text = "[zones]\nsensors = [\"10.0.0.0/8\"]\n";
    let (config, _) = Config::check(&SourceText::new("weir.toml", config_text));
    let pack = SourceText::new(
        "site.toml",
        "[zones]\nsensors = [\"10.1.0.0/16\"]\nothers = [\"10.2.0.1\"]\n[[rule]]\nid = \"r\"\nmatch = { source = \"others\" }\naction = \"drop\"\n",
    );
    let other = SourceText::new("other.toml", "[zones]\nothers = []\n");
    let rendered = Policy::check(&config, &[pack, other]).1.render();
    assert_eq!(
        rendered,
        "\
site.toml:2:1: error: there are two zones `sensors`
 2 | sensors = [\"10.1.0.0/16\"]
   | ^^^^^^^
   = help: the configuration defines it too

other.toml:2:1: error: there are two zones `others`
 2 | others = []
   | ^^^^^^
   = first defined here: site.toml:3:1

other.toml:2:10: warning: the zone `others` holds no address
 2 | others = []
   |          ^^

2 errors, 1 warning
"
    );
}
