//! Properties of MQTT 5.0 by name (MQTT 5.0 §2.2.2.2).

use wire::mqtt::{Property, PropertyForm, PropertyValue};

use super::asked::Asked;
use super::told;
use super::value::{Test, Value};

/// A property by the name rules give it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) name: &'static str,
    pub(crate) id: u8,
    /// What its value is, and so what can be asked of it: of bytes, their length; of a pair, `name=value`.
    pub(crate) form: PropertyForm,
}

const fn known(name: &'static str, id: u8) -> Known {
    let form = Property::form(id).expect("an identifier of the specification's");
    Known { name, id, form }
}

/// All of them, by identifier.
pub(crate) const PROPERTIES: [Known; 27] = [
    known("payload_format", 0x01),
    known("message_expiry", 0x02),
    known("content_type", 0x03),
    known("response_topic", 0x08),
    known("correlation_data", 0x09),
    known("subscription_id", 0x0b),
    known("session_expiry", 0x11),
    known("assigned_client_id", 0x12),
    known("server_keep_alive", 0x13),
    known("auth_method", 0x15),
    known("auth_data", 0x16),
    known("request_problem_information", 0x17),
    known("will_delay", 0x18),
    known("request_response_information", 0x19),
    known("response_information", 0x1a),
    known("server_reference", 0x1c),
    known("reason_string", 0x1f),
    known("receive_maximum", 0x21),
    known("topic_alias_maximum", 0x22),
    known("topic_alias", 0x23),
    known("maximum_qos", 0x24),
    known("retain_available", 0x25),
    known("user_property", 0x26),
    known("maximum_packet_size", 0x27),
    known("wildcard_available", 0x28),
    known("subscription_id_available", 0x29),
    known("shared_available", 0x2a),
];

/// The name of the one with this identifier.
pub(crate) fn name(id: u8) -> Option<&'static str> {
    let known = PROPERTIES.iter().find(|known| known.id == id);
    known.map(|known| known.name)
}

/// Their names, and what is asked of each: a flag, a number, a text, a table of texts.
pub(crate) fn forms() -> impl Iterator<Item = (&'static str, &'static str)> {
    PROPERTIES.iter().map(|known| {
        let form = match known.form {
            PropertyForm::Flag => "flag",
            PropertyForm::Number | PropertyForm::Bytes => "number",
            PropertyForm::Text => "text",
            PropertyForm::Pair => "table",
        };
        (known.name, form)
    })
}

/// A property and what is asked of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PropertyCondition {
    pub(crate) id: u8,
    pub(crate) test: Test,
    /// Of a pair, what its name has to be; `test` is about the value then.
    pub(crate) name: Option<Box<str>>,
}

/// The text of a property, of a pair its value.
pub(super) fn text(property: Property<'_>) -> Option<&str> {
    match property.value() {
        PropertyValue::Text(text) | PropertyValue::Pair(_, text) => Some(text),
        PropertyValue::Flag(_) | PropertyValue::Number(_) | PropertyValue::Bytes(_) => None,
    }
}

impl PropertyCondition {
    pub(super) fn holds(&self, asked: &Asked<'_, '_>) -> bool {
        let Some(properties) = told::properties(asked.subject) else {
            return false;
        };
        let mine = properties.filter(|property| property.id() == self.id);
        let values = mine.filter_map(|property| self.value(property));
        self.test.holds(values, asked.effect)
    }

    fn value<'a>(&self, property: Property<'a>) -> Option<Value<'a>> {
        Some(match property.value() {
            PropertyValue::Flag(flag) => Value::Flag(flag),
            PropertyValue::Number(number) => Value::Number(number.into()),
            PropertyValue::Text(text) => Value::Text(text),
            PropertyValue::Bytes(bytes) => Value::Bytes(bytes),
            PropertyValue::Pair(name, value) => {
                let is_asked_for = self.name.as_deref().is_none_or(|wanted| wanted == name);
                return is_asked_for.then_some(Value::Text(value));
            }
        })
    }
}
