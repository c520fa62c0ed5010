//! What rules ask to be told of a message beyond the usual: payloads, properties, options.

use policy::vocabulary;
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use wire::coap::{self, Format, Opt, definition, number};
use wire::mqtt::{Properties, Property, PropertyValue};

use super::message::{MAX_ENTRIES, MAX_TEXT_BYTES, Text};

/// A payload, as it is where it is text, else in hex; nothing where it isn't asked for or isn't at hand.
pub(super) struct Payload<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) names: &'static [&'static str; 2],
}

/// What EVE calls a payload in MQTT, and what it would if it told of bytes.
pub(super) const MESSAGE: &[&str; 2] = &["message", "message_hex"];
/// EVE has no CoAP.
pub(super) const PAYLOAD: &[&str; 2] = &["payload", "payload_hex"];

impl Serialize for Payload<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let [as_text, as_hex] = self.names;
        let text = std::str::from_utf8(self.bytes).ok();
        let mut map = serializer.serialize_map(None)?;
        match text.filter(|text| is_plain(text)) {
            Some("") => {}
            Some(text) => map.serialize_entry(as_text, &Text(text))?,
            None => map.serialize_entry(as_hex, &Hex(self.bytes))?,
        }
        map.end()
    }
}

/// Text for people, which may have several lines.
fn is_plain(text: &str) -> bool {
    let odd = |c: char| c.is_control() && !matches!(c, '\t' | '\r' | '\n');
    !text.contains(odd)
}

/// Bytes in hex, cut to a bound.
pub(super) struct Hex<'a>(pub(super) &'a [u8]);

impl Serialize for Hex<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let end = self.0.len().min(MAX_TEXT_BYTES);
        let digits = self.0[..end].iter().flat_map(|byte| {
            let digit = |nibble: u8| char::from_digit(nibble.into(), 16).unwrap_or('0');
            [digit(byte >> 4), digit(byte & 0xf)]
        });
        let cut = (end < self.0.len()).then_some('…');
        serializer.serialize_str(&digits.chain(cut).collect::<String>())
    }
}

/// Properties under the names that rules give them, each once, without what authenticates somebody.
pub(super) struct PropertyFields<'a>(Properties<'a>);

impl<'a> PropertyFields<'a> {
    /// Of some, if there are any.
    pub(super) fn of(properties: Properties<'a>) -> Option<Self> {
        (!properties.is_empty()).then_some(Self(properties))
    }
}

impl Serialize for PropertyFields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let (mut told, mut users) = (0_u64, Vec::new());
        for property in self.0.iter() {
            let id = property.id();
            if let Property::UserProperty((name, value)) = property {
                if users.len() < MAX_ENTRIES {
                    users.push([Text(name), Text(value)]);
                }
                continue;
            }
            let is_new = told & 1 << id == 0;
            told |= 1 << id;
            if let Some(name) = vocabulary::property(id).filter(|_| is_new) {
                serialize_property(&mut map, name, property)?;
            }
        }
        if !users.is_empty() {
            map.serialize_entry("user_properties", &users)?;
        }
        map.end()
    }
}

fn serialize_property<M: SerializeMap>(
    map: &mut M,
    name: &str,
    property: Property<'_>,
) -> Result<(), M::Error> {
    match property.value() {
        // A secret.
        _ if matches!(property, Property::AuthenticationData(_)) => Ok(()),
        PropertyValue::Flag(flag) => map.serialize_entry(name, &flag),
        PropertyValue::Number(number) => map.serialize_entry(name, &number),
        PropertyValue::Text(text) => map.serialize_entry(name, &Text(text)),
        PropertyValue::Bytes(bytes) => map.serialize_entry(name, &Hex(bytes)),
        // Listed apart.
        PropertyValue::Pair(..) => Ok(()),
    }
}

/// Options in their order, but for the cookies of Echo (RFC 9175 §2.2.1).
pub(super) struct OptionFields<'a>(pub(super) coap::Content<'a>);

impl Serialize for OptionFields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        let told = self
            .0
            .options()
            .filter(|option| option.number != number::ECHO);
        for option in told.take(MAX_ENTRIES) {
            list.serialize_element(&OptionField::new(option))?;
        }
        list.end()
    }
}

#[derive(Serialize)]
struct OptionField<'a> {
    number: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'static str>,
    value: OptionValue<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum OptionValue<'a> {
    Number(u32),
    Text(Text<'a>),
    Hex(Hex<'a>),
}

impl<'a> OptionField<'a> {
    fn new(option: Opt<'a>) -> Self {
        let definition = definition(option.number);
        let value = match definition.map(|definition| definition.format) {
            Some(Format::Uint) => option.as_uint().map(OptionValue::Number),
            Some(Format::Text) => option.as_str().map(|text| OptionValue::Text(Text(text))),
            Some(Format::Opaque | Format::Empty) | None => None,
        };
        Self {
            number: option.number,
            name: definition.map(|definition| definition.name),
            value: value.unwrap_or(OptionValue::Hex(Hex(option.value))),
        }
    }
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;
    use serde_json::{json, to_value};

    use super::*;

    fn told(bytes: &[u8]) -> serde_json::Value {
        let names = PAYLOAD;
        to_value(Payload { bytes, names }).expect("JSON")
    }

    #[test]
    fn a_payload_is_text_or_hex_and_never_long() {
        assert_eq!(told(b""), json!({}));
        assert_eq!(told(b"on\n"), json!({ "payload": "on\n" }));
        assert_eq!(told(b"on\0"), json!({ "payload_hex": "6f6e00" }));
        assert_eq!(told(b"\xff\x01"), json!({ "payload_hex": "ff01" }));
        for long in [vec![b'a'; 70_000], vec![0xff; 70_000]] {
            let line = told(&long).to_string();
            assert!(line.contains('…') && line.len() < 600, "{line}");
        }
    }

    #[test]
    fn options_are_told_by_their_formats_and_cookies_are_not() {
        // GET with Uri-Path, Uri-Query, Accept, Echo, and one that nobody registered.
        let datagram = hex!("40 01 0001 b1 61 43 623d31 21 32 d8 de 0102030405060708 d2 fc ff01");
        let message = coap::Message::decode(&datagram).expect("a request");
        let told = to_value(OptionFields(*message)).expect("JSON");
        let expected = json!([
            { "number": 11, "name": "Uri-Path", "value": "a" },
            { "number": 15, "name": "Uri-Query", "value": "b=1" },
            { "number": 17, "name": "Accept", "value": 50 },
            { "number": 517, "value": "ff01" },
        ]);
        assert_eq!(told, expected);
    }
}
