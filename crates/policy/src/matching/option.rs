//! Options of CoAP by name or number (RFC 7252 §5.10, §12.2).

use wire::coap::{Format, Opt, definition, number};

use super::asked::Asked;
use super::resolved::Resolved;
use super::value::{Test, Value};

/// An option and what is asked of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OptionCondition {
    pub(crate) number: u16,
    pub(crate) test: Test,
}

/// The registered options by the names rules give them: `Uri-Query` is `uri_query`.
pub(crate) fn names() -> Vec<(String, u16)> {
    let numbers = 0..=u16::MAX >> 4;
    numbers
        .filter_map(|number| {
            let name = definition(number)?.name;
            Some((name.to_lowercase().replace('-', "_"), number))
        })
        .collect()
}

/// What the value of an option is; of one that isn't registered only its length can be told.
pub(crate) fn format(number: u16) -> Format {
    definition(number).map_or(Format::Opaque, |definition| definition.format)
}

/// Whether it holds a name, which is the same in any case of letters: a host's or a scheme's.
pub(crate) fn is_name(number: u16) -> bool {
    matches!(number, number::URI_HOST | number::PROXY_SCHEME)
}

impl OptionCondition {
    pub(super) fn holds(&self, asked: &Asked<'_, '_>) -> bool {
        let Some(message) = asked.subject.message.coap() else {
            return false;
        };
        match Resolved::option(message, self.number) {
            Some(resolved) => {
                let values = resolved.parts().map(Value::Text);
                self.test.holds(values, asked.effect)
            }
            None => {
                let values = message.options_of(self.number);
                self.test.holds(values.map(value), asked.effect)
            }
        }
    }
}

fn value<'a>(option: Opt<'a>) -> Value<'a> {
    let number = || Some(Value::Number(option.as_uint()?.into()));
    let text = || Some(Value::Text(option.as_str()?));
    match format(option.number) {
        Format::Uint => number().unwrap_or(Value::Broken),
        Format::Text => text().unwrap_or(Value::Broken),
        Format::Opaque | Format::Empty => Value::Bytes(option.value),
    }
}
