//! What the lines of a case say.

use std::time::Duration;

use weir_policy::{
    Case, Config, Line, Policy, Resource, Service, Side, SourceText, Speech, Value, Verdict,
};
use wire::coap::Code;
use wire::mqtt::PacketType;

fn case(say: &str, more: &str) -> Case {
    let text = format!(
        "[[case]]\nname = \"c\"\nsay = [{say}]\nexpect = {{ verdict = \"accept\" }}\n{more}\n"
    );
    let source = SourceText::new("p.toml", &text);
    let policy = Policy::compile(&Config::default(), &[source]);
    let policy = policy.unwrap_or_else(|problems| panic!("{problems}"));
    policy.cases()[0].clone()
}

fn line(text: &str) -> Line {
    let case = case(&format!("'{text}'"), "service = \"mqtt\"");
    case.say[0].clone()
}

fn coap(text: &str) -> (Code, Resource) {
    match case(&format!("'{text}'"), "").say.remove(0).speech {
        Speech::Coap { code, resource, .. } => (code, resource),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_packet_with_its_fields() {
    let line =
        line(r#"< PUBLISH topic=a/b payload="two words" qos=1 retain dup=false packet_id=0x10"#);
    assert!(line.from_server);
    assert_eq!(line.place.to_string(), "p.toml:3:8");
    let Speech::Mqtt { packet, fields } = line.speech else {
        panic!("{line:?}");
    };
    assert_eq!(packet, PacketType::Publish);
    assert_eq!(fields.text("topic"), Some("a/b"));
    assert_eq!(fields.text("payload"), Some("two words"));
    assert_eq!(fields.number("qos"), Some(1));
    assert_eq!(fields.flag("retain"), Some(true));
    assert_eq!(fields.flag("dup"), Some(false));
    assert_eq!(fields.number("packet_id"), Some(16));
    assert_eq!(fields.text("hex"), None);
    assert!(!fields.is_empty());
}

#[test]
fn what_may_be_repeated_is_kept_in_order() {
    let Speech::Mqtt { fields, .. } = line("SUBSCRIBE filter=a filter=b/#").speech else {
        panic!("an MQTT packet");
    };
    let filters: Vec<&Value> = fields.all("filter").collect();
    assert_eq!(
        filters,
        [&Value::Text("a".to_owned()), &Value::Text("b/#".to_owned())]
    );
}

#[test]
fn quotes_of_either_kind_hold_the_other() {
    for (text, payload) in [
        (r#"PUBLISH payload="a b""#, "a b"),
        (r#"PUBLISH payload='{"on": true}' qos=1"#, r#"{"on": true}"#),
        ("PUBLISH payload=it's", "it's"),
        (r#"PUBLISH payload="it's fine""#, "it's fine"),
    ] {
        let mut case = case(&format!("'''{text}'''"), "");
        let Speech::Mqtt { fields, .. } = case.say.remove(0).speech else {
            panic!("a control packet");
        };
        assert_eq!(fields.text("payload"), Some(payload), "{text}");
    }
}

#[test]
fn options_and_repeated_properties() {
    let mut case = case("'GET / option=2049:ff00 option=9:'", "");
    let Speech::Coap { fields, .. } = case.say.remove(0).speech else {
        panic!("a request");
    };
    let options: Vec<_> = fields.all("option").cloned().collect();
    let expected = [
        Value::Option(2049, vec![0xff, 0]),
        Value::Option(9, Vec::new()),
    ];
    assert_eq!(options, expected);
    let Speech::Mqtt { fields, .. } = line("CONNECT user_property=a=1 user_property=b").speech
    else {
        panic!("a control packet");
    };
    let given: Vec<_> = fields.all("user_property").cloned().collect();
    assert_eq!(given, ["a=1", "b"].map(|text| Value::Text(text.to_owned())));
}

#[test]
fn requests_responses_and_empty_messages() {
    let nothing = Resource::default();
    assert_eq!(coap("GET /a/b?c=d&e").0, Code::GET);
    assert_eq!(coap("iPATCH /"), (Code::IPATCH, nothing.clone()));
    assert_eq!(coap("< 2.05 size=600"), (Code::CONTENT, nothing.clone()));
    assert_eq!(coap("EMPTY type=RST"), (Code::EMPTY, nothing));
}

/// What is written with `%` divides nothing (RFC 7252 §6.4).
#[test]
fn paths_and_queries_are_options_with_nothing_left_encoded() {
    for (text, path, query) in [
        (
            "/a/b?c=d&e",
            &[&b"a"[..], b"b"][..],
            &[&b"c=d"[..], b"e"][..],
        ),
        ("/a/", &[b"a", b""], &[]),
        ("/?x", &[], &[b"x"]),
        ("/a%2Fb/%2f", &[b"a/b", b"/"], &[]),
        ("/a%3Fb?c=%26%3d&%3F", &[b"a?b"], &[b"c=&=", b"?"]),
        ("/%C3%BC%FF%00/%25", &[b"\xc3\xbc\xff\0", b"%"], &[]),
        ("/%252F", &[b"%2F"], &[]),
    ] {
        let owned = |parts: &[&[u8]]| parts.iter().map(|part| part.to_vec()).collect();
        let (path, query) = (owned(path), owned(query));
        assert_eq!(
            coap(&format!("GET {text}")).1,
            Resource { path, query },
            "{text}"
        );
    }
}

#[test]
fn no_bytes_are_quotes_of_either_kind() {
    for none in ["\"\"", "''"] {
        let mut case = case(&format!("\"\"\"GET /a token={none}\"\"\""), "");
        let Speech::Coap { fields, .. } = case.say.remove(0).speech else {
            panic!("a request");
        };
        assert_eq!(fields.bytes("token"), Some(&[][..]), "{none}");
    }
}

#[test]
fn bytes_segments_fragments_and_time() {
    assert_eq!(
        line("hex 30 04 0001").speech,
        Speech::Hex(vec![0x30, 4, 0, 1])
    );
    assert_eq!(
        line("wait 61s").speech,
        Speech::Wait(Duration::from_secs(61))
    );
    let Speech::Tcp { flags, fields } = line("tcp RST+ACK seq=+5000 ack=-1 checksum=bad").speech
    else {
        panic!("a segment");
    };
    assert_eq!(flags, 0x14);
    assert_eq!(
        (fields.number("seq"), fields.number("ack")),
        (Some(5000), Some(-1))
    );
    assert_eq!(fields.text("checksum"), Some("bad"));
    let Speech::Fragment { fields } = line("fragment offset=8 more").speech else {
        panic!("a fragment");
    };
    assert_eq!(
        (fields.number("offset"), fields.flag("more")),
        (Some(8), Some(true))
    );
    let Speech::ClientHello { fields } = line("client-hello sni=a.example").speech else {
        panic!("a ClientHello");
    };
    assert_eq!(fields.text("sni"), Some("a.example"));
}

#[test]
fn a_case_has_defaults() {
    let bare = case("\"CONNECT\"", "");
    assert_eq!(
        (bare.from, bare.to),
        (vec![[192, 0, 2, 7].into()], [192, 0, 2, 200].into())
    );
    assert_eq!((bare.side, bare.service), (Side::Inside, Service::Mqtt));
    assert_eq!(bare.expect.verdict, Verdict::Accept);
    assert_eq!(case("\"GET /\"", "").service, Service::Coap);
    assert_eq!(case("\"wait 1s\", \"< 2.05\"", "").service, Service::Coap);
    let given = case(
        "\"CONNECT\"",
        "from = \"fd00::7\"\nside = \"outside\"\nservice = \"mqtts\"",
    );
    assert!(given.to.is_ipv6());
    assert_eq!((given.side, given.service), (Side::Outside, Service::Mqtts));
}

#[test]
fn several_clients_speak_and_repeat_themselves() {
    let case = case(
        "'CONNECT', { times = 3, say = ['@2 CONNECT', '@2 < CONNACK'] }, '@2 reconnect'",
        "from = ['10.0.0.1', '10.0.0.2']",
    );
    let addresses: [[u8; 4]; 2] = [[10, 0, 0, 1], [10, 0, 0, 2]];
    assert_eq!(case.from, addresses.map(std::net::IpAddr::from));
    let said: Vec<_> = case
        .say
        .iter()
        .map(|line| (line.client, line.from_server))
        .collect();
    let twice = [(2, false), (2, true)];
    let expected = [&[(1, false)][..], &twice.repeat(3), &[(2, false)]].concat();
    assert_eq!(said, expected);
    assert_eq!(case.say[7].speech, Speech::Reconnect);
    assert_eq!(case.say[5].place.to_string(), "p.toml:3:39");
}

#[test]
fn a_repetition_counts() {
    let case = case(
        "{ times = 3, say = ['@{n} PUBLISH topic=t/{n}/{n} packet_id={n} qos=1', 'PINGREQ'] }",
        "",
    );
    let said: Vec<_> = case.say.iter().step_by(2).collect();
    for (line, n) in said.into_iter().zip(1..) {
        let Speech::Mqtt { fields, .. } = &line.speech else {
            panic!("a packet");
        };
        assert_eq!(line.client, n);
        assert_eq!(fields.text("topic"), Some(&*format!("t/{n}/{n}")));
        assert_eq!(fields.number("packet_id"), Some(n.into()));
    }
    assert_eq!(case.say.len(), 6);
}
