//! Other ways to write the same: words before topics, a proxy's URI, names of no characters.

use weir_policy::Action;
use wire::coap::number;
use wire::mqtt::encode;

use crate::ask::{Ask, Coap, Mqtt, policy, policy_with};
use crate::dropping;

/// Whether a rule stops what fits, and whether one lets it through where nothing else does.
fn caught_and_let_through(message: &impl Ask, conditions: &str) -> [bool; 2] {
    let accepting =
        format!("[[rule]]\nid = \"r\"\nmatch = {{ {conditions} }}\naction = \"accept\"\n");
    let by_default = policy_with("[policy]\ndefault = \"drop\"\n", &accepting);
    [
        message.ask(&dropping(conditions)).is_matched(),
        message.ask(&by_default).ruling.action == Action::Accept,
    ]
}

#[test]
fn words_of_brokers_before_a_filter_hide_nothing() {
    for (filter, conditions, caught, let_through) in [
        ("$queue/secret/x", "overlaps = \"secret/#\"", true, true),
        ("$exclusive/secret/x", "overlaps = \"secret/#\"", true, true),
        (
            "$share/g/$exclusive/secret/x",
            "overlaps = \"secret/#\"",
            true,
            true,
        ),
        ("$queue/#", "covers = \"#\"", true, true),
        ("$queue/cell/x", "within = \"!cell/#\"", false, false),
        ("$queue/cell/x", "within = \"cell/#\"", true, true),
        ("$queue/x", "within = \"cell/#\"", false, false),
        ("$share/g/cell/x", "text = \"$share/*\"", true, false),
        ("$share/g/cell/x", "text = \"cell*\"", true, true),
        ("$share/cell/x", "text = \"*cell*\"", true, false),
        ("$share/g/cell/x", "text = \"!$share/*\"", false, false),
        ("cell/x", "text = \"!$share/*\"", true, true),
    ] {
        let conditions = format!("filter = {{ {conditions} }}");
        let answer = caught_and_let_through(&Mqtt::subscribe(&[filter]), &conditions);
        assert_eq!(answer, [caught, let_through], "{filter} {conditions}");
    }
}

#[test]
fn a_message_that_is_put_off_is_one_to_where_it_arrives() {
    for (topic, conditions, caught, let_through) in [
        ("$delayed/9/plant/valve", "topic = \"plant/#\"", true, false),
        (
            "$delayed/9/plant/valve",
            "topic = \"!plant/#\"",
            false,
            false,
        ),
        ("$delayed/9/x", "topic = \"!plant/#\"", true, true),
        (
            "$delayed/9/plant/valve",
            "topic = \"$delayed/#\"",
            true,
            true,
        ),
        (
            "$delayed/9/plant/valve",
            "topic_text = \"plant*\"",
            true,
            false,
        ),
        ("$delayed/9/plant/valve", "topic_text = \"$*\"", true, true),
        (
            "$delayed/x/plant/valve",
            "topic = \"plant/#\"",
            false,
            false,
        ),
    ] {
        let answer = caught_and_let_through(&Mqtt::publish(topic), conditions);
        assert_eq!(answer, [caught, let_through], "{topic} {conditions}");
    }
}

#[test]
fn a_proxy_is_asked_for_the_parts_of_its_uri() {
    for (uri, conditions, fits) in [
        (
            "coap://10.30.0.2/x",
            "option = { uri_host = '10.30.*' }",
            true,
        ),
        (
            "coap://PLC.site:5683/x",
            "option = { uri_host = 'plc.site' }",
            true,
        ),
        (
            "coap://pl%63.site/x",
            "option = { uri_host = '!plc.site' }",
            false,
        ),
        ("coap:///x", "option = { uri_host = true }", false),
        (
            "coap://h/x?ep=s7&%6ct=1",
            "option = { uri_query = ['ep=*', 'lt=*'] }",
            true,
        ),
        ("coap://h/x", "option = { uri_query = true }", false),
        ("coap://h/x?", "option = { uri_query = true }", true),
        ("coap://10.30.0.2/secret/x", "path = \"/secret/**\"", true),
        ("coap://h/%73ecret/x?a=/", "path = \"/secret/x\"", true),
        ("coap://h/a/../secret", "path = \"/secret\"", true),
        ("coap://h/a/%2e%2E/secret", "path = \"/secret\"", true),
        ("coap://h/secret", "path = \"/\"", false),
        ("coap://h?a=/x", "path = \"/\"", true),
        ("coap://h/public/x", "path = \"!/public/**\"", false),
        ("coap://h/a/b/c", "code = \"0.xx\", levels = 3", true),
    ] {
        let get = Coap::built(|builder| {
            let builder = builder.option(number::PROXY_URI, uri.as_bytes());
            builder.payload(b"");
        });
        let answer = caught_and_let_through(&get, conditions);
        assert_eq!(answer, [fits; 2], "{uri} {conditions}");
    }
}

#[test]
fn a_host_and_a_scheme_are_the_same_in_any_case() {
    for (option, value, conditions, fits) in [
        (number::URI_HOST, "PLC.site", "uri_host = 'plc.site'", true),
        (number::URI_HOST, "plc.site.", "uri_host = 'plc.SITE'", true),
        (number::URI_HOST, "plc.site", "uri_host = '!PLC.*'", false),
        (
            number::URI_HOST,
            "plc%2esite",
            "uri_host = 'plc.site'",
            false,
        ),
        (number::URI_HOST, ".", "uri_host = true", true),
        (number::PROXY_SCHEME, "HTTP", "proxy_scheme = 'http'", true),
        (
            number::PROXY_SCHEME,
            "coap",
            "proxy_scheme = 'http*'",
            false,
        ),
    ] {
        let get = Coap::built(|builder| {
            let builder = builder.option(option, value.as_bytes());
            builder.payload(b"");
        });
        let answer = caught_and_let_through(&get, &format!("option = {{ {conditions} }}"));
        assert_eq!(answer, [fits; 2], "{value} {conditions}");
    }
}

#[test]
fn a_name_or_a_password_of_no_characters_is_none() {
    let connect = |password: Option<&'static [u8]>| {
        Mqtt::written(|out| {
            let connect = encode::Connect {
                client_id: "s7",
                username: Some(""),
                password,
                ..Default::default()
            };
            encode::connect(out, &connect);
        })
    };
    let matches = |message: &Mqtt, conditions| message.ask(&dropping(conditions)).is_matched();
    let nobody = connect(Some(b"")).username("");
    assert!(matches(&nobody, "username = \"!*\""));
    assert!(!matches(&nobody, "username = \"*\""));
    assert!(matches(&nobody, "password = false"));
    let somebody = connect(Some(b"secret")).username("u");
    assert!(!matches(&somebody, "username = \"!*\""));
    assert!(!matches(&somebody, "password = false"));
    assert!(matches(&connect(None), "password = false"));
}

/// What isn't UTF-8 is a password all the same (MQTT 5.0 §3.1.3.6: binary data).
#[test]
fn a_password_is_asked_for_by_its_text() {
    for (conditions, password, fits) in [
        ("password = 'admin'", Some(&b"admin"[..]), true),
        ("password = 'admin'", Some(b"Admin"), false),
        ("password = 'admin'", Some(b"admin2"), false),
        ("password = ['public', 'adm*']", Some(b"admin"), true),
        ("password = 'admin'", None, false),
        ("password = '!admin'", None, true),
        ("password = '!admin'", Some(b"secret"), true),
        ("password = '!*'", Some(b""), true),
        ("password = '!*'", Some(b"\xff"), false),
        ("password = '*'", Some(b"\xff"), true),
        ("password = '!admin'", Some(b"\xff"), true),
        ("password = '{username}'", Some(b"u"), true),
        ("password = '{username}1'", Some(b"u1"), true),
        ("password = '{username}'", Some(b"v"), false),
        (
            "username = 'u', password = ['{client_id}', 'x']",
            Some(b"s7"),
            true,
        ),
        ("username = 'v', password = 'x'", Some(b"x"), false),
    ] {
        let connect = Mqtt::written(|out| {
            let connect = encode::Connect {
                client_id: "s7",
                username: Some("u"),
                password,
                ..Default::default()
            };
            encode::connect(out, &connect);
        });
        let answer = connect
            .username("u")
            .client_id("s7")
            .ask(&dropping(conditions));
        assert_eq!(answer.is_matched(), fits, "{conditions} {password:?}");
    }
}

/// So many rules are found by what they ask for.
#[test]
fn what_is_disguised_is_found_among_many() {
    let keys = [
        "topic = \"t/{}\"",
        "filter = { overlaps = \"t/{}\" }",
        "path = \"/t/{}\"",
    ];
    let texts = [
        "topic_text = \"t/{}\"",
        "filter = { text = \"t/{}\" }",
        "option = { uri_query = \"t/{}\" }",
    ];
    for keys in [keys, texts] {
        let rules = (0..90).map(|number| {
            let conditions = keys[number % keys.len()].replace("{}", &number.to_string());
            format!("[[rule]]\nid = \"r{number}\"\nmatch = {{ {conditions} }}\naction = \"drop\"\n")
        });
        let policy = policy(&rules.collect::<String>());
        let found = |message: &dyn Ask| message.ask(&policy).is_matched();
        let at = |key: usize| 60 + (key + keys.len() - 60 % keys.len()) % keys.len();
        assert!(found(&Mqtt::publish(&format!("$delayed/9/t/{}", at(0)))));
        assert!(found(&Mqtt::subscribe(&[&format!("$queue/t/{}", at(1))])));
        let uri = format!("coap://h/%74/{}?%74/{}", at(2), at(2));
        assert!(found(&Coap::built(|builder| {
            let builder = builder.option(number::PROXY_URI, uri.as_bytes());
            builder.payload(b"");
        })));
    }
}
