//! Files nobody would write, and policies nobody wrote.

use proptest::collection::vec;
use proptest::prelude::*;
use weir_policy::fuzz::fuzz_policy;
use weir_policy::{
    Action, Config, Endpoints, Message, Policy, Protocol, Reason, Service, Session, Side,
    SourceText, Subject,
};
use wire::coap;
use wire::mqtt::{ControlPacket, Malformed, Version};
use wire::{Decoded, Direction};

const BASELINE: &str = include_str!("../../../rules/baseline.toml");

/// What files are made of.
const WORDS: &[&str] = &[
    "[[rule]]\n",
    "[[case]]\n",
    "[zones]\n",
    "[[link]]\n",
    "[services]\n",
    "[sets]\n",
    "except",
    "payload",
    "regex",
    "json",
    "property",
    "option",
    "levels",
    "\"@a\"",
    "'(a|b{2,900}){900}'",
    "\"/a/0\"",
    "\n",
    " = ",
    "{ ",
    " }",
    "[",
    "]",
    ", ",
    "\"",
    "id",
    "match",
    "action",
    "limit",
    "say",
    "expect",
    "topic",
    "filter",
    "overlaps",
    "packet",
    "reason",
    "source",
    "path",
    "code",
    "\"drop\"",
    "\"a/#\"",
    "\"!mqtt.*\"",
    "\"{client_id}/+\"",
    "\"10.0.0.0/8\"",
    "\"/a/**\"",
    "\"4.xx\"",
    "\"PUBLISH\"",
    "\"< 2.05 size=3\"",
    "\"hex 00\"",
    "\"60s\"",
    "3",
    "-1",
    "1.5",
    "true",
    "# ü\n",
    "'",
];

/// What payloads are made of that look like JSON.
const PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    ";",
    "=",
    "=>",
    "\"a\"",
    "\"A\"",
    "\"a\\u0000b\"",
    "\"\\x61\"",
    "a",
    "b",
    "'",
    "\"",
    "\\",
    "{\"a\":",
    "{\"speed\":",
    "500",
    "0x1F",
    "-1e3",
    "true",
    "NULL",
    " ",
    "\n",
    "\r",
    "\u{a0}",
    "\u{2028}",
    "/*",
    "*/",
    "//",
    "#",
    ")]}'",
    "\0",
    "\u{212a}",
    "\\ud800",
];

fn check(choice: u8, text: &str) {
    let data: Vec<u8> = std::iter::once(choice).chain(text.bytes()).collect();
    fuzz_policy(&data);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_bytes_are_read_without_a_panic(data in vec(any::<u8>(), 0..300)) {
        fuzz_policy(&data);
    }

    #[test]
    fn any_words_are_read_without_a_panic(words in vec(prop::sample::select(WORDS), 0..60), choice in 0u8..2) {
        check(choice, &words.concat());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn any_payload_is_read_as_promised(pieces in vec(prop::sample::select(PIECES), 0..30)) {
        check(b'j', &pieces.concat());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_broken_pack_is_read_without_a_panic(
        edits in vec((any::<prop::sample::Index>(), 0usize..40, prop::sample::select(WORDS)), 1..8),
    ) {
        let mut text: Vec<char> = BASELINE.chars().take(6000).collect();
        for (at, cut, word) in edits {
            let at = at.index(text.len() + 1);
            let end = (at + cut).min(text.len());
            text.splice(at..end, word.chars());
        }
        check(1, &text.into_iter().collect::<String>());
    }
}

/// Conditions, of which some hold for some of the messages below.
const MATCHES: &[&str] = &[
    "",
    "protocol = \"mqtt\"",
    "protocol = \"coap\"",
    "packet = \"PUBLISH\"",
    "packet = \"!PUBLISH\"",
    "topic = \"a/#\"",
    "topic = \"!a/#\"",
    "direction = \"to_server\"",
    "direction = \"to_client\"",
    "reason = \"mqtt.spoofed.*\"",
    "reason = [\"mqtt.malformed.*\", \"coap.*\"]",
    "reason = \"!mqtt.*\"",
    "source = \"inside\"",
    "source = \"192.0.2.7\"",
    "client = \"!192.0.2.0/24\"",
    "method = \"GET\"",
    "code = \"2.xx\"",
    "path = \"/a/**\"",
    "size = { min = 8 }",
    "tls = false",
    "filter = { covers = \"a/b\" }",
    "service = \"mqtt\"",
    "retain = false",
    "topic = [\"+/b\", \"x/+\"]",
    "topic = [\"a/b/#\", \"!a/b\"]",
    "topic = \"{client_id}/b\"",
    "topic = \"a/b\", client = \"192.0.2.0/25\"",
    "client = [\"192.0.2.0/28\", \"fd00::/8\"]",
    "server = \"198.51.100.1\"",
    "destination = [\"192.0.2.0/24\", \"!192.0.2.7\"]",
    "source = [\"192.0.2.7\", \"inside\"]",
];

const ACTIONS: &[&str] = &["accept", "alert", "drop", "reset"];

fn compile(rules: &[(usize, &&str, &&str, bool)]) -> Option<Policy> {
    let text: String = rules
        .iter()
        .map(|(id, conditions, action, dry_run)| {
            format!("[[rule]]\nid = \"r{id}\"\nmatch = {{ {conditions} }}\naction = \"{action}\"\ndry_run = {dry_run}\n")
        })
        .collect();
    Policy::compile(&Config::default(), &[SourceText::new("p.toml", &text)]).ok()
}

/// A message, decoded or not, with what was found against it.
#[derive(Debug, Clone)]
struct Sample {
    message: &'static [u8],
    direction: Direction,
    reasons: Vec<Reason>,
    protocol: Protocol,
}

impl Sample {
    fn ask(&self, policy: &Policy) -> (Action, Option<String>, Vec<String>) {
        let packet = ControlPacket::decode(self.message, Version::V311, self.direction);
        let datagram = coap::Message::decode(self.message);
        let message = match (self.protocol, &packet, &datagram) {
            (Protocol::Mqtt, Ok(Decoded::Complete { message, .. }), _) => Message::Mqtt(message),
            (Protocol::Coap, _, Ok(message)) => Message::Coap(message),
            _ => Message::None,
        };
        let endpoints = Endpoints {
            source: [192, 0, 2, 7].into(),
            source_port: 40_000,
            destination: [198, 51, 100, 1].into(),
            destination_port: 1883,
            from: Side::Inside,
            vlan: None,
        };
        let subject = Subject {
            protocol: self.protocol,
            service: Service::Mqtt,
            direction: self.direction,
            endpoints,
            message,
            session: Session::default(),
            reasons: &self.reasons,
            address_validated: false,
            unix_s: None,
            size: self.message.len(),
        };
        let mut noted = Vec::new();
        let ruling = policy.decide(&subject, &mut (), &mut |m| noted.push(m.rule.id.clone()));
        let rule = ruling
            .rule
            .map(|at| policy.rules()[at.as_usize()].id.clone());
        (ruling.action, rule, noted)
    }
}

fn sample() -> impl Strategy<Value = Sample> {
    let messages: &[(Protocol, &[u8])] = &[
        (Protocol::Mqtt, b"\x30\x05\x00\x03a/bx"),
        (Protocol::Mqtt, b"\x30\x05\x00\x03x/bx"),
        (Protocol::Mqtt, b"\x82\x08\x00\x01\x00\x03a/+\x00"),
        (Protocol::Mqtt, b"\xc0\x00"),
        (Protocol::Mqtt, b""),
        (Protocol::Coap, b"\x40\x01\x00\x01\xb1a\x01b"),
        (Protocol::Coap, b"\x60\x45\x00\x01\xffx"),
        (Protocol::Coap, b""),
        (Protocol::Tcp, b""),
        (Protocol::Udp, b""),
    ];
    let reasons = [
        Reason::MQTT_SPOOFED_SERVER_PACKET,
        Reason::COAP_SPOOFED_UNMATCHED_RESPONSE,
        Reason::TLS_REQUIRED,
        Reason::from(Malformed::Utf8),
        Reason::from(coap::Malformed::Version),
    ];
    let directions = [Direction::ToServer, Direction::ToClient];
    (
        prop::sample::select(messages),
        prop::sample::select(directions.to_vec()),
        vec(prop::sample::select(reasons.to_vec()), 0..3),
    )
        .prop_map(|((protocol, message), direction, reasons)| Sample {
            message,
            direction,
            reasons,
            protocol,
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// So many that they are found by what they ask for, and not one after the other.
    #[test]
    fn many_rules_are_each_found(
        conditions in vec(prop::sample::select(MATCHES), 40..120),
        sample in sample(),
    ) {
        let rules: Vec<_> = conditions.iter().enumerate().map(|(id, m)| (id, m, &"alert", false)).collect();
        let policy = compile(&rules).expect("alerts hide nothing");
        let alone = rules.iter().flat_map(|rule| {
            let alone = compile(&[*rule]).expect("a rule that compiles among others compiles alone");
            sample.ask(&alone).2
        });
        let expected: Vec<String> = alone.collect();
        prop_assert_eq!(sample.ask(&policy).2, expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// The index and the order of rules change nothing: all rules together say what each of them
    /// says alone, up to the first that decides.
    #[test]
    fn a_policy_is_its_rules_one_after_the_other(
        rules in vec((prop::sample::select(MATCHES), prop::sample::select(ACTIONS), any::<bool>()), 0..8),
        sample in sample(),
    ) {
        let rules: Vec<_> = rules.iter().enumerate().map(|(id, (m, a, d))| (id, m, a, *d)).collect();
        // Rules that hide one another are no policy.
        let Some(policy) = compile(&rules) else {
            return Ok(());
        };
        let mut noted = Vec::new();
        let mut decided = None;
        for rule in &rules {
            let alone = compile(&[*rule]).expect("a rule that compiles among others compiles alone");
            let (action, by, notes) = sample.ask(&alone);
            noted.extend(notes);
            if by.is_some() {
                decided = Some((action, by));
                break;
            }
        }
        let (action, by) = decided.unwrap_or_else(|| {
            let (action, by, _) = sample.ask(&compile(&[]).expect("no rules"));
            (action, by)
        });
        prop_assert_eq!(sample.ask(&policy), (action, by, noted));
    }
}
