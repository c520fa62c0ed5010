//! What a payload shows, and to whom: a device's reader of JSON, a body that comes in blocks.

use wire::coap::number;
use wire::mqtt::{Version, encode};

use crate::ask::{Ask, Coap, Mqtt, policy};

fn publish(payload: &[u8]) -> Mqtt {
    Mqtt::written(|out| {
        let publish = encode::Publish {
            topic: "plant/pump",
            payload,
            ..Default::default()
        };
        encode::publish(out, Version::V5, &publish);
    })
}

/// A request with a part of a body; without `block` it is all of it.
fn block(block: Option<u32>, payload: &[u8]) -> Coap {
    Coap::built(|builder| {
        let blocks = block.into_iter();
        let builder = blocks.fold(builder, |builder, block| {
            builder.uint(number::BLOCK1, block)
        });
        builder.payload(payload);
    })
}

/// Whether a rule that stops what fits, and one that stops all but what fits, stop it.
fn stopped(message: &impl Ask, payload: &str) -> [bool; 2] {
    let by = |rest: &str| {
        let rule = format!("[[rule]]\nid = \"r\"\naction = \"drop\"\n{rest}\n");
        message.ask(&policy(&rule)).is_matched()
    };
    [
        by(&format!("match = {{ payload = {{ {payload} }} }}")),
        by(&format!(
            "match = {{}}\nexcept = {{ payload = {{ {payload} }} }}"
        )),
    ]
}

#[test]
fn no_reader_of_json_is_forgotten() {
    let (above, within) = (
        "json = { \"/speed\" = { min = 101 } }",
        "json = { \"/speed\" = { max = 100 } }",
    );
    for (payload, is_above, is_within) in [
        (&br#"{"speed":5}"#[..], false, true),
        (b"\xef\xbb\xbf{\"speed\":5}\0", false, true),
        (br#"{"speed":5,"speed":5}"#, false, true),
        (br#"{"speed":500}"#, true, false),
        (br#"{"speed":5,"speed":500}"#, true, false),
        (b"{\"x\":\"\xe9\",\"speed\":500}\0", true, false),
        (br#"{"speed":500,}"#, true, false),
        // Nothing shows that it is too much, and nothing that it isn't.
        (br#"{"speed":5,}"#, false, false),
        (b"speed: 500", false, false),
        // Larger than any number is infinite to most readers.
        (br#"{"speed":1e999}"#, true, false),
        (br#"{"speed":Infinity}"#, true, false),
        (br#"{"speed":-1e999}"#, false, true),
        (br#"{"speed":0x1F4}"#, true, false),
        (br#"{"speed":-0x1F4}"#, false, false),
        (
            b"\xff\xfe{\x00\"\x00s\x00p\x00e\x00e\x00d\x00\"\x00:\x005\x000\x000\x00}\x00",
            true,
            false,
        ),
        (
            b"\x00{\x00\"\x00s\x00p\x00e\x00e\x00d\x00\"\x00:\x005\x000\x000\x00}",
            true,
            false,
        ),
        (
            b"{\x00\"\x00s\x00p\x00e\x00e\x00d\x00\"\x00:\x005\x00}\x00",
            false,
            false,
        ),
    ] {
        let message = publish(payload);
        assert_eq!(stopped(&message, above)[0], is_above, "{payload:?}");
        assert_eq!(stopped(&message, within)[1], !is_within, "{payload:?}");
    }
}

#[test]
fn a_value_is_one_of_those_that_are_named() {
    for (value, payload, caught) in [
        ("2.50", "[1, 2.5]", true),
        ("1", "[1, 2.5]", true),
        ("1.5", "[1, 2.5]", false),
        ("\"1\"", "1", false),
        ("1", "1", true),
        // What is no text is no text that is excluded.
        ("\"auto\"", "\"!auto\"", false),
        ("\"manual\"", "\"!auto\"", true),
        ("1", "\"!auto\"", true),
        ("null", "\"!auto\"", true),
        ("{}", "[\"!auto\", \"!off\"]", true),
        ("1", "[\"on\", \"!auto\"]", false),
    ] {
        let message = publish(format!("{{\"v\":{value}}}").as_bytes());
        let asked = format!("json = {{ \"/v\" = {payload} }}");
        assert_eq!(
            stopped(&message, &asked),
            [caught, !caught],
            "{value} {payload}"
        );
    }
    let nothing = publish(b"{\"w\":1}");
    assert!(!stopped(&nothing, "json = { \"/v\" = \"!auto\" }")[0]);
}

#[test]
fn a_block_is_caught_by_what_it_shows_and_let_through_by_nothing() {
    let whole = br#"{"v":1}    stop1"#;
    // Number, more, size exponent (RFC 7959 §2.2): of 16 bytes.
    let (first, second, last) = (Some(0x08), Some(0x18), Some(0x20));
    for (payload, of_whole, of_first, of_second) in [
        ("contains = \"stop\"", true, true, true),
        ("contains = \"!go\"", true, false, false),
        ("starts_with = \"{\"", true, true, false),
        ("regex = \"stop.\"", true, true, true),
        ("regex = \"stop1$\"", true, false, false),
        ("utf8 = true", true, false, false),
        ("json = false", true, false, false),
        ("json = { \"/v\" = { max = 1 } }", true, true, false),
        ("size = { max = 16 }", true, true, true),
    ] {
        let caught = |number| stopped(&block(number, whole), payload)[0];
        let is_caught = [None, Some(0), first, second].map(caught);
        assert_eq!(
            is_caught,
            [of_whole, of_whole, of_first, of_second],
            "{payload}"
        );
        let let_through = [first, second, last].map(|n| !stopped(&block(n, whole), payload)[1]);
        assert_eq!(let_through, [payload.starts_with("size"); 3], "{payload}");
    }
}
