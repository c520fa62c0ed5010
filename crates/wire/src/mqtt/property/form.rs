//! What values of properties are, whatever they mean (§2.2.2.2): for those who treat all of a kind alike.

use crate::mqtt::QoS;

/// What a property's value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PropertyForm {
    /// Yes or no.
    Flag,
    /// An integer.
    Number,
    /// A UTF-8 encoded string.
    Text,
    /// Binary data.
    Bytes,
    /// A name and a value, both strings.
    Pair,
}

/// A property's value, as its form has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the variants are those of PropertyForm")]
pub enum PropertyValue<'a> {
    Flag(bool),
    Number(u32),
    Text(&'a str),
    Bytes(&'a [u8]),
    Pair(&'a str, &'a str),
}

/// A type that values of properties are of.
pub(super) trait Formed<'a> {
    const FORM: PropertyForm;

    fn formed(self) -> PropertyValue<'a>;
}

macro_rules! formed {
    ($( $kind:ty => $form:ident($value:pat => $formed:expr); )+) => {
        $(
            impl<'a> Formed<'a> for $kind {
                const FORM: PropertyForm = PropertyForm::$form;

                fn formed(self) -> PropertyValue<'a> {
                    let $value = self;
                    $formed
                }
            }
        )+
    };
}

formed! {
    bool => Flag(flag => PropertyValue::Flag(flag));
    u16 => Number(number => PropertyValue::Number(number.into()));
    u32 => Number(number => PropertyValue::Number(number));
    QoS => Number(qos => PropertyValue::Number(qos as u32));
    &'a str => Text(text => PropertyValue::Text(text));
    &'a [u8] => Bytes(bytes => PropertyValue::Bytes(bytes));
    (&'a str, &'a str) => Pair((name, value) => PropertyValue::Pair(name, value));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::Property;

    #[test]
    fn a_value_has_the_form_its_identifier_says() {
        for (property, form, value) in [
            (
                Property::RetainAvailable(true),
                PropertyForm::Flag,
                PropertyValue::Flag(true),
            ),
            (
                Property::TopicAlias(7),
                PropertyForm::Number,
                PropertyValue::Number(7),
            ),
            (
                Property::MaximumQoS(QoS::AtLeastOnce),
                PropertyForm::Number,
                PropertyValue::Number(1),
            ),
            (
                Property::ReasonString("no"),
                PropertyForm::Text,
                PropertyValue::Text("no"),
            ),
            (
                Property::CorrelationData(b"c"),
                PropertyForm::Bytes,
                PropertyValue::Bytes(b"c"),
            ),
            (
                Property::UserProperty(("n", "v")),
                PropertyForm::Pair,
                PropertyValue::Pair("n", "v"),
            ),
        ] {
            assert_eq!(Property::form(property.id()), Some(form));
            assert_eq!(property.value(), value);
        }
        assert_eq!(Property::form(0x04), None);
    }
}
