//! What a site may ask of CoAP by rules, each with what it stops and what it lets pass, through a real
//! inspector.

use testkit::conversation::assert_cases;

/// A condition, what it stops and what is let go on.
type Row = (&'static str, &'static str, &'static str);

#[rustfmt::skip]
const CONDITIONS: &[Row] = &[
    (r#"method = ["PUT", "DELETE"]"#, "DELETE /a", "GET /a"),
    (r#"path = "/o""#, "GET /o", "GET /"),
    (r#"path = "/""#, "GET /?x=1", "GET /o"),
    (r#"path = "/3/*/secret""#, "GET /3/7/secret", "GET /3/7/8/secret"),
    (r#"path = "/3/**""#, "GET /3/7/8/secret", "GET /4/7"),
    (r#"path = "/a/*/c%2Fd""#, "GET /a/b/c%2fd", "GET /a/b/c/d"),
    (r#"method = "GET", option = { uri_query = "a=b&c" }"#, "GET /a?a=b%26c", "GET /a?a=b&c"),
    (r#"method = "GET", option = { uri_query = "rt=*" }"#, "GET /a?rt=x", "GET /a?if=x"),
    (r#"method = "PUT", option = { content_format = { min = 60, max = 60 } }"#, "PUT /a format=60 payload=x", "PUT /a format=50 payload=x"),
    (r#"method = "GET", option = { observe = { max = 0 } }"#, "GET /a observe=0", "GET /a observe=1"),
    (r#"method = "GET", option = { block2 = { min = 6 } }"#, "GET /a block2=0/0/1024", "GET /a block2=0/0/16"),
    (r#"protocol = "coap", size = { min = 200 }"#, "PUT /a size=400", "PUT /a size=40"),
    (r#"protocol = "coap", token = { min = 5 }"#, "GET /a token=0102030405", "GET /a token=01"),
    (r#"method = "GET", option = { proxy_uri = true }"#, "GET / option=35:636f61703a2f2f78", "GET /a"),
    (r#"method = "POST", option = { oscore = false }"#, "POST /a payload=x", "POST / option=9:0901 hex=00112233445566778899"),
    (r#"path = "/.well-known/core", client = "inside""#, "GET /.well-known/core", "GET /core"),
];

/// Rules that count, the conversation that exceeds them, and one that doesn't.
const LIMITS: &[(&str, &str, &str)] = &[
    // Notifications that one peer has asked for.
    (
        r#"match = { method = "GET", option = { observe = { max = 0 } } }
limit = { count = 4, window = "1h", per = "client" }"#,
        r#"[{ times = 4, say = ["GET /a observe=0"] }, "GET /a observe=0"]"#,
        r#"[{ times = 4, say = ["GET /a observe=0"] }, "GET /a"]"#,
    ),
    // Connections that one peer has opened.
    (
        r#"match = { protocol = "coap", code = "7.01", direction = "to_server" }
limit = { count = 1, window = "1h", per = "client" }"#,
        r#"["7.01", "< 7.01", "7.01"]"#,
        r#"["7.01", "< 7.01", "GET /a"]"#,
    ),
    // A device that sleeps: what all peers together may ask of it.
    (
        r#"match = { protocol = "coap", direction = "to_server", code = "0.xx" }
limit = { rate = 1, burst = 5, per = "destination" }"#,
        r#"[{ times = 5, say = ["GET /a type=NON"] }, "GET /a type=NON"]"#,
        r#"[{ times = 4, say = ["GET /a type=NON"] }, "GET /a type=NON"]"#,
    ),
];

fn pack(rule: &str, service: &str, action: &str, stopped: &str, let_go: &str) -> String {
    format!(
        r#"
[[rule]]
id     = "site"
{rule}
action = "{action}"

[[case]]
name    = "stopped"
service = "{service}"
say     = {stopped}
expect  = {{ verdict = "{action}", rule = "site" }}

[[case]]
name    = "let go on"
service = "{service}"
say     = {let_go}
expect  = {{ verdict = "accept" }}
"#
    )
}

#[test]
fn every_part_of_a_message_can_be_ruled_on() {
    for (condition, stopped, let_go) in CONDITIONS {
        let rule = format!("match  = {{ {condition} }}");
        let say = |message: &str| format!("[{message:?}]");
        for action in ["drop", "refuse"] {
            let cases = (say(stopped), say(let_go));
            assert_cases(&pack(&rule, "coap", action, &cases.0, &cases.1));
        }
    }
}

#[test]
fn peers_and_devices_have_their_shares() {
    for (rule, stopped, let_go) in LIMITS {
        let service = if rule.contains("7.01") {
            "coap-tcp"
        } else {
            "coap"
        };
        assert_cases(&pack(rule, service, "drop", stopped, let_go));
    }
}
