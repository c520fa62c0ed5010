//! What is said about limits by networks of IPv6, and about cases whose clients come from networks.

use crate::pack;

/// What is reported of a rule with this limit and this ban.
fn limit(limit: &str, ban: &str) -> String {
    pack(&format!(
        "[[rule]]\nid = \"r\"\nmatch = {{ packet = \"CONNECT\" }}\naction = \"reset\"\n{ban}\nlimit = {limit}\n"
    ))
}

const BAN: &str = "ban = \"15m\"";

#[test]
fn networks_without_fault_are_read() {
    for of in [
        "{ count = 10, window = \"10m\", per = \"client\", ipv6_prefix = 64 }",
        "{ rate = 5, burst = 20, per = \"source\", ipv6_prefix = 48 }",
        "{ max = 5, of = \"sessions\", per = \"destination\", ipv6_prefix = 56 }",
        "{ distinct = 9, of = \"client_id\", window = \"1m\", per = \"client\", ipv6_prefix = 64 }",
        "{ distinct = 9, of = \"client\", window = \"1m\", per = \"client\", ipv6_prefix = 64 }",
        "{ count = 10, window = \"10m\", per = \"client\", ipv6_prefix = 128 }",
    ] {
        assert_eq!(limit(of, ""), "", "{of}");
        let direction = of.replace("\"source\"", "\"client\"");
        assert_eq!(limit(&direction, BAN), "", "{of}");
    }
    let whole = "{ rate = 5, burst = 20, per = \"source\", ipv6_prefix = 1 }";
    assert_eq!(limit(whole, ""), "");
}

#[test]
fn what_is_wrong_with_a_network() {
    for (of, ban, headline, help) in [
        (
            "{ count = 10, window = \"10m\", per = \"client\", ipv6_prefix = 0 }",
            "",
            "between 1 and 128",
            "",
        ),
        (
            "{ count = 10, window = \"10m\", per = \"client\", ipv6_prefix = 129 }",
            "",
            "between 1 and 128",
            "",
        ),
        (
            "{ count = 10, window = \"10m\", per = \"client\", ipv6_prefix = \"/64\" }",
            "",
            "expected a whole number",
            "",
        ),
        (
            "{ count = 10, window = \"10m\", per = \"client\", ipv6_prefx = 64 }",
            "",
            "no key `ipv6_prefx`",
            "did you mean `ipv6_prefix`?",
        ),
        (
            "{ count = 10, window = \"10m\", per = \"username\", ipv6_prefix = 64 }",
            "",
            "`ipv6_prefix` is about addresses, and a username is none",
            "per = \"client\", \"source\" or \"destination\"",
        ),
        (
            "{ max = 5, of = \"sessions\", per = \"flow\", ipv6_prefix = 64 }",
            "",
            "and a flow is none",
            "per = \"client\"",
        ),
        (
            "{ rate = 5, burst = 5, per = \"client\", ipv6_prefix = 15 }",
            BAN,
            "a large part of all addresses",
            "an `ipv6_prefix` of 16 or more",
        ),
    ] {
        let shown = limit(of, ban);
        assert!(shown.contains(headline) && shown.contains(help), "{shown}");
    }
}

#[test]
fn a_ratio_is_of_single_addresses() {
    let shown = pack(
        "[[rule]]\nid = \"r\"\nmatch = { protocol = \"coap\" }\naction = \"drop\"\n\
         limit = { ratio = 3.0, per = \"client\", window = \"60s\", ipv6_prefix = 64 }\n",
    );
    assert!(
        shown.contains("a `ratio` is counted by single addresses"),
        "{shown}"
    );
    assert!(shown.contains("its neighbours"), "{shown}");
}
