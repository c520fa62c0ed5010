//! What a case can say below its application, and what carries it, through a real inspector.

use std::sync::Arc;

use policy::{Config, Policy, SourceText};
use testkit::conversation::{self, assert_cases};

#[test]
fn a_protocol_is_all_that_it_carries() {
    let said = [
        ("mqtt", "CONNECT"),
        ("coap", "GET /a"),
        ("coap-tcp", "7.01"),
    ];
    for (protocol, stops) in [
        (r#""tcp""#, [true, false, true]),
        (r#""udp""#, [false, true, false]),
        (r#""ip""#, [true, true, true]),
        (r#""coap""#, [false, true, true]),
        (r#""!tcp""#, [false, true, false]),
        (r#""!udp""#, [true, false, true]),
        (r#""!coap""#, [true, false, false]),
        (r#"["udp", "mqtt"]"#, [true, true, false]),
        (r#"["tcp", "!coap"]"#, [true, false, false]),
        (r#"["tcp", "dtls"]"#, [true, false, true]),
    ] {
        let mut pack = format!(
            "[[rule]]\nid = \"r\"\nmatch = {{ protocol = {protocol} }}\naction = \"drop\"\n"
        );
        for ((service, line), stops) in said.into_iter().zip(stops) {
            let expect = match stops {
                true => r#"verdict = "drop", rule = "r""#,
                false => r#"verdict = "accept""#,
            };
            pack += &format!(
                "[[case]]\nname = '{protocol} {line}'\nservice = \"{service}\"\nsay = [\"{line}\"]\n\
                 expect = {{ {expect} }}\n"
            );
        }
        assert_cases(&pack);
    }
}

#[test]
fn a_vlan_is_that_of_the_frame_in_both_directions() {
    for (vlan, stops) in [
        ("12", [false, true, false]),
        ("false", [true, false, false]),
    ] {
        let rule =
            format!("[[rule]]\nid = \"r\"\nmatch = {{ vlan = {vlan} }}\naction = \"drop\"\n");
        let answers = "[[rule]]\nid = \"a\"\nmatch = { vlan = 13, direction = \"to_client\" }\naction = \"drop\"\n";
        for say in ["CONNECT", "GET /a", "fragment offset=8"] {
            let mut pack = rule.clone();
            for (case, stops) in ["", "vlan = 12", "vlan = 13"].into_iter().zip(stops) {
                let expect = match (stops, say) {
                    (true, _) => r#"verdict = "drop", rule = "r""#,
                    (false, "fragment offset=8") => r#"verdict = "drop", reason = "ip.fragment""#,
                    (false, _) => r#"verdict = "accept""#,
                };
                pack += &format!(
                    "[[case]]\nname = '{say} {case}'\n{case}\nservice = '{}'\nsay = ['{say}']\nexpect = {{ {expect} }}\n",
                    if say == "CONNECT" { "mqtt" } else { "coap" }
                );
            }
            assert_cases(&pack);
        }
        assert_cases(&format!(
            "{answers}[[case]]\nname = \"an answer\"\nvlan = 13\nsay = [\"CONNECT\", \"< CONNACK\"]\n\
             expect = {{ verdict = \"drop\", rule = \"a\" }}\n"
        ));
    }
}

/// Whoever was refused has no connection left to end, and comes again on another.
#[test]
fn who_was_stopped_hangs_up_like_others() {
    for stopped in [
        "! CONNECT client_id=bad",
        "! CONNECT client_id=bad version=5.0",
    ] {
        assert_cases(&format!(
            "[[rule]]\nid = \"r\"\nmatch = {{ packet = \"CONNECT\", client_id = \"bad\" }}\naction = \"refuse\"\n\
             [[case]]\nname = \"again\"\nsay = [\"{stopped}\", \"reconnect\", \"CONNECT client_id=good\"]\n\
             expect = {{ verdict = \"accept\" }}\n"
        ));
    }
}

/// What the lines of a case ask for may be impossible: that is an answer, too.
#[test]
fn what_cannot_be_sent_arrives_nowhere() {
    let dropped = [
        (r#"from = "127.0.0.1""#, r#"["CONNECT"]"#, "ip.martian"),
        (r#"from = "ff02::1""#, r#"["tcp ACK"]"#, "ip.martian"),
        (r#"from = "0.0.0.0""#, r#"["GET /a"]"#, "ip.martian"),
        (
            "",
            r#"["CONNECT", "< CONNACK", "tcp URG payload=x urgent=5"]"#,
            "tcp.malformed.flags",
        ),
    ];
    for (ends, say, reason) in dropped {
        assert_cases(&format!(
            "[[case]]\nname = \"c\"\n{ends}\nsay = {say}\nexpect = {{ verdict = \"drop\", reason = \"{reason}\" }}\n"
        ));
    }
    let large = "x".repeat(65_500);
    for say in [
        format!("PUT /a payload={large}"),
        format!("tcp ACK payload={large}"),
    ] {
        assert_cases(&format!(
            "[[case]]\nname = \"c\"\nsay = [\"{say}\"]\nexpect = {{ verdict = \"drop\" }}\n"
        ));
    }
}

/// A pack of one rule, and what becomes of hellos to each of the services over TLS.
fn check_hellos(rule: &str, hellos: &[(&str, bool)]) {
    let mut pack = format!("[[rule]]\nid = \"r\"\naction = \"drop\"\n{rule}\n");
    for (hello, stops) in hellos {
        for service in ["mqtts", "coaps"] {
            let expect = match stops {
                true => r#"verdict = "drop", rule = "r""#,
                false => r#"verdict = "accept""#,
            };
            pack += &format!(
                "[[case]]\nname = '{hello} {service}'\nservice = '{service}'\nsay = ['client-hello {hello}']\n\
                 expect = {{ {expect} }}\n"
            );
        }
    }
    assert_cases(&pack);
}

#[test]
fn a_hello_goes_through_the_rules_like_a_connect() {
    for everything in [
        "match = {}",
        "match = { protocol = [\"tls\", \"dtls\"] }",
        "match = { service = [\"mqtts\", \"coaps\"] }",
        "match = { tls = true, source = \"192.0.2.7\" }",
        "match = { sni = \"!*\" }",
        "match = { alpn = \"!mqtt\" }",
    ] {
        check_hellos(everything, &[("", true)]);
    }
    let hello = "sni=Broker.example alpn=mqtt alpn=x-amzn-mqtt-ca version=1.3";
    for (conditions, named, unnamed) in [
        ("sni = \"broker.example\"", true, false),
        ("sni = \"BROKER.*\"", true, false),
        ("sni = \"!*.example\"", false, true),
        ("sni = [\"*.example\", \"!b*\"]", false, false),
        ("alpn = \"mqtt\"", true, false),
        ("alpn = \"x-*\"", true, false),
        ("alpn = \"http/1.1\"", false, false),
        ("tls_version = \"1.3\"", true, false),
        ("tls_version = \"!1.3\"", false, true),
        ("tls_version = [\"1.2\", \"1.3\"]", true, true),
        (
            "sni = \"broker.example\", tls_version = \"1.2\"",
            false,
            false,
        ),
    ] {
        let rule = format!("match = {{ {conditions} }}");
        check_hellos(&rule, &[(hello, named), ("", unnamed)]);
    }
    check_hellos(
        "match = {}\nexcept = { alpn = \"mqtt\" }",
        &[("alpn=mqtt", false), (hello, true), ("", true)],
    );
    check_hellos(
        "match = { tls_version = [\"1.0\", \"1.1\", \"ssl3\"] }",
        &[
            ("version=1.0", true),
            ("version=1.1", true),
            ("version=1.2", false),
        ],
    );
}

#[test]
fn a_hello_is_stopped_by_the_default_as_all_else_is() {
    let source = SourceText::new(
        "weir.toml",
        "[policy]\ndefault = \"drop\"\n[services]\nmqtts = [8883]\n",
    );
    let config = Config::parse(&source).unwrap_or_else(|problems| panic!("{problems}"));
    let pack = "[[rule]]\nid = \"r\"\nmatch = { sni = \"broker\" }\naction = \"accept\"\n\
                [[case]]\nname = \"known\"\nsay = [\"client-hello sni=broker\"]\nservice = \"mqtts\"\nexpect = { verdict = \"accept\" }\n\
                [[case]]\nname = \"unknown\"\nsay = [\"client-hello sni=other\"]\nservice = \"mqtts\"\nexpect = { verdict = \"drop\" }\n";
    let policy = Policy::compile(&config, &[SourceText::new("pack.toml", pack)]);
    let policy = Arc::new(policy.unwrap_or_else(|problems| panic!("{problems}")));
    for case in policy.cases() {
        conversation::check(&policy, case).unwrap_or_else(|failure| panic!("{failure}"));
    }
}

#[test]
fn what_is_stopped_on_the_way_is_marked_so() {
    let pack = |said: &str| {
        format!(
            "[[rule]]\nid = \"r\"\nmatch = {{ code = \"2.05\" }}\naction = \"drop\"\n\
             [[case]]\nname = \"c\"\nsay = [{said}, \"GET /b\"]\nexpect = {{ verdict = \"accept\" }}\n"
        )
    };
    assert_cases(&pack(r#""GET /a", "! < 2.05 payload=x""#));
    for (said, failed) in [
        (
            r#""GET /a", "< 2.05 payload=x""#,
            "isn't the last line, but it was dropped",
        ),
        (r#""! GET /a""#, "was to be stopped, but it was accepted"),
    ] {
        let source = SourceText::new("pack.toml", &pack(said));
        let policy = Policy::compile(&Config::default().for_cases(), &[source]);
        let policy = Arc::new(policy.unwrap_or_else(|problems| panic!("{problems}")));
        let told = conversation::check(&policy, &policy.cases()[0]);
        let failure = told.expect_err(said).to_string();
        assert!(failure.contains(failed), "{failure}");
    }
}
