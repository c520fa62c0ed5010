//! What is asked of values, sets, exceptions; and packs beside each other.

use weir_policy::{Config, Policy, SourceText};

use super::rules::check_match;
use super::{headlines, pack};

#[test]
fn what_is_wrong_with_what_is_asked_of_values() {
    for (conditions, headline, help) in [
        (
            "property = { sesion_expiry = true }",
            "`property` has no key `sesion_expiry`",
            "did you mean `session_expiry`?",
        ),
        ("property = {}", "no property is named", "session_expiry"),
        (
            "filter = { overlaps = [\"x/#\", \"!x/y\"] }",
            "warning: `r` passes by every wildcard that reaches `x/y`",
            "except = { filter = { within = \"x/y\" } }",
        ),
        (
            "client_id = \"\"",
            "what has no characters counts as missing",
            "write \"!*\"",
        ),
        (
            "username = [\"u\", \"!\"]",
            "what has no characters counts as missing",
            "",
        ),
        (
            "path = \"/dev/{source}/x\"",
            "`{source}` stands for nothing in a path",
            r"`\{`",
        ),
        (
            "path = \"/a?x=1\"",
            "warning: a `?` in a path stands for any one character",
            "option = { uri_query = \"x=1\" }",
        ),
        (
            "filter = { within = \"$queue/cell/#\" }",
            "a filter is compared without its `$queue/`",
            "write \"cell/#\"",
        ),
        (
            "property = { session_expiry = {} }",
            "the number has no bound",
            "or true for any",
        ),
        (
            "property = { session_expiry = { least = 1 } }",
            "has no key `least`",
            "`min` or `max`",
        ),
        (
            "property = { payload_format = \"x\" }",
            "expected true or false",
            "",
        ),
        ("property = { content_type = 3 }", "expected a string", ""),
        (
            "property = { user_property = true }",
            "expected a table",
            "",
        ),
        (
            "option = { uri_qery = true }",
            "there is no option `uri_qery`",
            "did you mean `uri_query`?",
        ),
        (
            "option = { 70000 = true }",
            "there is no option `70000`",
            "its number",
        ),
        (
            "option = { accept = \"x\" }",
            "`x` isn't a number",
            "write 5, \"!5\", \"10-20\"",
        ),
        ("qos = \"!3\"", "between 0 and 2", ""),
        ("qos = []", "the list is empty", "leave the condition out"),
        (
            "qos = [1, \"!1\"]",
            "the list excludes all that it names",
            "remove an entry",
        ),
        (
            "qos = \"!0-2\"",
            "the list excludes all that it names",
            "no message fits it",
        ),
        (
            "version = [\"!3.1\", \"!3.1.1\", \"!5\"]",
            "the list excludes all that it names",
            "no message fits it",
        ),
        (
            "code = [\"2.05\", \"!2.xx\"]",
            "the list excludes all that it names",
            "no message fits it",
        ),
        (
            "reason = [\"mqtt.spoofed.*\", \"!mqtt.*\"]",
            "the list excludes all that it names",
            "no message fits it",
        ),
        (
            "size = \"20-10\"",
            "the range `20-10` ends before it begins",
            "",
        ),
        ("size = \"-1\"", "`-1` isn't a number", ""),
        ("size = \"0x\"", "`0x` isn't a number", ""),
        ("size = true", "expected a whole number", ""),
        ("vlan = 4095", "between 0 and 4094", ""),
        ("vlan = \"guests\"", "`guests` isn't a number", ""),
        (
            "vlan = {}",
            "the VLAN has no bound",
            "or false for untagged",
        ),
        ("keep_alive = 65536", "between 0 and 65535", ""),
        ("packet_id = 0x1_0000", "between 0 and 65535", ""),
        (
            "packet = \"PINGREQ\", packet_id = true",
            "`packet_id` can never hold together with `packet`",
            "and what answers them",
        ),
        (
            "packet = \"CONNECT\", session_present = true",
            "`session_present` can never hold together with `packet`",
            "only a CONNACK",
        ),
        (
            "filter = { no_locla = true }",
            "`filter` has no key `no_locla`",
            "did you mean `no_local`?",
        ),
        ("filter = { retain_handling = 3 }", "between 0 and 2", ""),
        (
            "source_port = \"@prots\"",
            "there is no set `prots`",
            "defined in [sets]",
        ),
        ("option = {}", "no option is named", "uri_query"),
        ("payload = {}", "the payload is asked nothing", "contains"),
        (
            "time = { days = \"mon\", zone = \"Europe/Berln\" }",
            "there is no time zone `Europe/Berln`",
            "did you mean `Europe/Berlin`?",
        ),
        (
            "time = { days = \"mon\", zone = \"the shop floor\" }",
            "there is no time zone",
            "IANA database",
        ),
        ("time = { days = \"mon\" }", "`time` lacks `zone`", ""),
        ("time = { zone = \"UTC\" }", "any time will do", "mon-fri"),
        ("time = []", "the list is empty", "any time will do"),
        (
            "time = { days = \"mon-fry\", zone = \"UTC\" }",
            "`fry` isn't a day of the week",
            "did you mean `fri`?",
        ),
        (
            "time = { days = [], zone = \"UTC\" }",
            "the list is empty",
            "",
        ),
        (
            "time = { from = \"25:00\", zone = \"UTC\" }",
            "`25:00` isn't a time of day",
            "06:30",
        ),
        (
            "time = { from = \"6:00\", zone = \"UTC\" }",
            "`6:00` isn't a time of day",
            "write \"06:00\"",
        ),
        (
            "time = { from = \"00:00\", until = \"24:00\", zone = \"UTC\" }",
            "any time will do",
            "mon-fri",
        ),
        (
            "time = { from = \"06:00\", until = \"06:00\", zone = \"UTC\" }",
            "the time ends when it begins",
            "leave `from` and `until` out",
        ),
        (
            "time = { form = \"06:00\", zone = \"UTC\" }",
            "`time` has no key `form`",
            "did you mean `from`?",
        ),
        (
            "payload = { contains = \"hex:0\" }",
            "`hex:0` isn't 1 to 1024 bytes",
            "hex:00ff",
        ),
        (
            "payload = { regex = \"a(\" }",
            "not a regular expression: unclosed group",
            "",
        ),
        (
            "payload = { regex = '(\\w{999}){999}' }",
            "the regular expression is too large",
            "repeat less",
        ),
        (
            "payload = { regex = '^\\x1f\\x8b' }",
            "beyond `\\x7f` this is a character, which takes two bytes or more",
            "write (?-u) before it",
        ),
        (
            "payload = { json = { speed = true } }",
            "a JSON pointer begins with a slash",
            "write \"/speed\"",
        ),
        (
            "payload = { json = { \"/~x\" = true } }",
            "`~` isn't followed by 0 or 1",
            "`~0`",
        ),
        (
            "client_id = 5",
            "expected a string, found a whole number",
            "write \"5\", in quotes",
        ),
        (
            "keep_alive = { min = \"60\" }",
            "expected a whole number, found a string",
            "write 60, without quotes",
        ),
        (
            "payload = { json = { \"/a\" = [1, { min = 5 }] } }",
            "a list is one of numbers, or one of texts",
            "{ min = 5 } alone for a range",
        ),
        (
            "payload = { json = { \"/a\" = [\"x\", 1] } }",
            "a list is one of numbers, or one of texts",
            "write [1, 2.5] for numbers",
        ),
        (
            "payload = { json = { \"/a\" = [1.5, nan] } }",
            "not a finite number",
            "",
        ),
        (
            "payload = { json = {} }",
            "no value is named",
            "or true for any JSON",
        ),
        (
            "payload = { json = { \"/a\" = {} } }",
            "the number has no bound",
            "exists = true",
        ),
        (
            "payload = { json = { \"/a\" = { min = 2, max = 1 } } }",
            "as small as `max`",
            "",
        ),
        (
            "packet = \"PINGREQ\", payload = { utf8 = true }",
            "`payload` can never hold together with `packet`",
            "have a payload",
        ),
        (
            "levels = {}",
            "the number of levels has no bound",
            "{ max = 64 }",
        ),
        (
            "levels = { min = 3, max = 2 }",
            "no number of levels is as small as `max`",
            "",
        ),
        (
            "reason = \"mqtt.spoof\"",
            "`mqtt.spoof` names no reason",
            "did you mean `mqtt.spoofed.*`?",
        ),
        (
            "reason = \"mqtt.ack.entirely-unknown\"",
            "names no reason",
            "`weir explain 'mqtt.ack.*'` lists those near by",
        ),
        (
            "source = \"::ffff:10.20.0.7\"",
            "warning: no frame bears an IPv4-mapped address: it is taken for 10.20.0.7",
            "",
        ),
        (
            "source = \"::ffff:10.20.0.0/112\"",
            "warning: no frame bears an IPv4-mapped address: it is taken for 10.20.0.0/16",
            "",
        ),
        ("reason_code = 256", "between 0 and 255", ""),
        (
            "protocol = \"coap\", will = true",
            "`will` can never hold together with `protocol`",
            "only a CONNECT says that",
        ),
        (
            "client_id = \"@own\"",
            "there is no set `own`",
            "defined in [sets]",
        ),
    ] {
        check_match(conditions, headline, help);
    }
}

#[test]
fn what_is_wrong_with_sets_and_exceptions() {
    for (text, headline, help) in [
        (
            "[sets]\na = [\"!x\"]\n",
            "an entry of a set is a plain one",
            "negate the set",
        ),
        (
            "[sets]\na = [\"@x\"]\n",
            "an entry of a set is a plain one",
            "name both sets",
        ),
        ("[sets]\na = \"x\"\n", "expected a list", ""),
        ("[sets]\na = []\n", "the set is empty", ""),
        (
            "[sets]\na = [\"a/#/b\"]\n[[rule]]\nid = \"r\"\nmatch = { topic = \"@a\" }\naction = \"drop\"\n",
            "site.toml:2:6: error: `a/#/b` isn't a topic filter",
            "",
        ),
        (
            "[sets]\nown = [\"x\"]\n[[rule]]\nid = \"r\"\nmatch = { client_id = \"@onw\" }\naction = \"drop\"\n",
            "there is no set `onw`",
            "did you mean `own`?",
        ),
        (
            "[[rule]]\nid = \"r\"\nmatch = { topic = \"a\" }\nexcept = {}\naction = \"drop\"\n",
            "the exception leaves nothing of the rule",
            "as in `match`",
        ),
        (
            "[[rule]]\nid = \"r\"\nmatch = { topic = \"a\" }\nexcept = { topc = \"b\" }\naction = \"drop\"\n",
            "has no key `topc`",
            "did you mean `topic`?",
        ),
    ] {
        let rendered = pack(text);
        assert_eq!(headlines(&rendered).len(), 1, "{text}: {rendered}");
        assert!(rendered.contains(headline), "{text}: {rendered}");
        assert!(rendered.contains(help), "{text}: {rendered}");
    }
}

/// Two packs of a rule each, named one after the other.
fn two_packs(first: &str, second: &str) -> String {
    let pack = |name: &str, id: &str, action: &str| {
        let rule = format!(
            "[[rule]]\nid = \"{id}\"\nmatch = {{ topic = \"a/#\" }}\naction = \"{action}\"\n"
        );
        SourceText::new(name, &rule)
    };
    let packs = [pack("one.toml", "r", first), pack("two.toml", "s", second)];
    Policy::check(&Config::default(), &packs).1.render()
}

#[test]
fn packs_that_stop_the_same_overlap_and_nothing_worse() {
    let said = two_packs("reset", "drop");
    assert!(
        said.contains("two.toml:2:6: warning: packs overlap: `s` stops nothing"),
        "{said}"
    );
    assert!(
        said.contains("one.toml:2:6") && !said.contains("error"),
        "{said}"
    );
    let said = two_packs("accept", "drop");
    assert!(
        said.contains("two.toml:2:6: error: the rule `s` can never be reached"),
        "{said}"
    );
    assert!(
        said.contains("`r` lets through all that it would stop"),
        "{said}"
    );
    let said = two_packs("drop", "accept");
    assert!(
        said.contains("error: the rule `s` can never be reached"),
        "{said}"
    );
    assert_eq!(two_packs("alert", "drop"), "");
}
