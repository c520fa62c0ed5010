//! Properties of MQTT 5.0 by name (MQTT 5.0 §2.2.2.2).

use wire::mqtt::Property;

use super::told;
use super::value::{Test, Value};
use crate::Subject;

/// What a property's value is, and so what can be asked of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Flag,
    Number,
    Text,
    /// Its length is a number.
    Bytes,
    /// `name=value`.
    Pair,
}

/// A property by the name rules give it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) name: &'static str,
    pub(crate) id: u8,
    pub(crate) format: Format,
}

const fn known(name: &'static str, id: u8, format: Format) -> Known {
    Known { name, id, format }
}

/// All of them, by identifier.
pub(crate) const PROPERTIES: [Known; 27] = [
    known("payload_format", 0x01, Format::Flag),
    known("message_expiry", 0x02, Format::Number),
    known("content_type", 0x03, Format::Text),
    known("response_topic", 0x08, Format::Text),
    known("correlation_data", 0x09, Format::Bytes),
    known("subscription_id", 0x0b, Format::Number),
    known("session_expiry", 0x11, Format::Number),
    known("assigned_client_id", 0x12, Format::Text),
    known("server_keep_alive", 0x13, Format::Number),
    known("auth_method", 0x15, Format::Text),
    known("auth_data", 0x16, Format::Bytes),
    known("request_problem_information", 0x17, Format::Flag),
    known("will_delay", 0x18, Format::Number),
    known("request_response_information", 0x19, Format::Flag),
    known("response_information", 0x1a, Format::Text),
    known("server_reference", 0x1c, Format::Text),
    known("reason_string", 0x1f, Format::Text),
    known("receive_maximum", 0x21, Format::Number),
    known("topic_alias_maximum", 0x22, Format::Number),
    known("topic_alias", 0x23, Format::Number),
    known("maximum_qos", 0x24, Format::Number),
    known("retain_available", 0x25, Format::Flag),
    known("user_property", 0x26, Format::Pair),
    known("maximum_packet_size", 0x27, Format::Number),
    known("wildcard_available", 0x28, Format::Flag),
    known("subscription_id_available", 0x29, Format::Flag),
    known("shared_available", 0x2a, Format::Flag),
];

/// The name of the one with this identifier.
pub(crate) fn name(id: u8) -> Option<&'static str> {
    let known = PROPERTIES.iter().find(|known| known.id == id);
    known.map(|known| known.name)
}

/// Their names, and what is asked of each: a flag, a number, a text, a table of texts.
pub(crate) fn forms() -> impl Iterator<Item = (&'static str, &'static str)> {
    PROPERTIES.iter().map(|known| {
        let form = match known.format {
            Format::Flag => "flag",
            Format::Number | Format::Bytes => "number",
            Format::Text => "text",
            Format::Pair => "table",
        };
        (known.name, form)
    })
}

/// A property and what is asked of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct PropertyCondition {
    pub(crate) id: u8,
    pub(crate) test: Test,
    /// Of a pair, what its name has to be; `test` is about the value then.
    pub(crate) name: Option<Box<str>>,
}

/// The text of a property, of a pair its value.
pub(super) fn text(property: Property<'_>) -> Option<&str> {
    match property {
        Property::ContentType(text)
        | Property::ResponseTopic(text)
        | Property::AssignedClientIdentifier(text)
        | Property::AuthenticationMethod(text)
        | Property::ResponseInformation(text)
        | Property::ServerReference(text)
        | Property::ReasonString(text)
        | Property::UserProperty((_, text)) => Some(text),
        _ => None,
    }
}

impl PropertyCondition {
    pub(super) fn holds(&self, subject: &Subject<'_>) -> bool {
        let Some(properties) = told::properties(subject) else {
            return false;
        };
        let mine = properties.filter(|property| property.id() == self.id);
        self.test
            .holds(mine.filter_map(|property| self.value(property)))
    }

    fn value<'a>(&self, property: Property<'a>) -> Option<Value<'a>> {
        Some(match property {
            Property::PayloadFormatIndicator(flag)
            | Property::RequestProblemInformation(flag)
            | Property::RequestResponseInformation(flag)
            | Property::RetainAvailable(flag)
            | Property::WildcardSubscriptionAvailable(flag)
            | Property::SubscriptionIdentifierAvailable(flag)
            | Property::SharedSubscriptionAvailable(flag) => Value::Flag(flag),
            Property::MessageExpiryInterval(number)
            | Property::SubscriptionIdentifier(number)
            | Property::SessionExpiryInterval(number)
            | Property::WillDelayInterval(number)
            | Property::MaximumPacketSize(number) => Value::Number(number.into()),
            Property::ServerKeepAlive(number)
            | Property::ReceiveMaximum(number)
            | Property::TopicAliasMaximum(number)
            | Property::TopicAlias(number) => Value::Number(number.into()),
            Property::MaximumQoS(qos) => Value::Number(qos as u64),
            Property::ContentType(text)
            | Property::ResponseTopic(text)
            | Property::AssignedClientIdentifier(text)
            | Property::AuthenticationMethod(text)
            | Property::ResponseInformation(text)
            | Property::ServerReference(text)
            | Property::ReasonString(text) => Value::Text(text),
            Property::CorrelationData(bytes) | Property::AuthenticationData(bytes) => {
                Value::Bytes(bytes)
            }
            Property::UserProperty((name, value)) => {
                let is_asked_for = self.name.as_deref().is_none_or(|wanted| wanted == name);
                return is_asked_for.then_some(Value::Text(value));
            }
        })
    }
}
