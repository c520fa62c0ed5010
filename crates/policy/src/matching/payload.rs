//! What a rule asks of a payload: of a PUBLISH, of a will, of a CoAP message.
//!
//! A payload that isn't at hand as a whole, because it is larger than what is ever kept of a packet
//! (`[limits] partial_bytes`), is only measured: it fits nothing else, whatever is asked. Of a body that comes in
//! blocks each block shows what is surely in the body. That is enough to catch it, and never to let it through.

mod block;
mod expression;
mod json;
mod needed;
mod pointer;
mod stray;

use memchr::memmem::Finder;

use super::asked::{Asked, Effect};
use super::list::List;
use super::numbers::Numbers;
use super::told::{self, Content};

pub(crate) use expression::{Bounds as ExpressionBounds, Expression, ExpressionError};
pub(crate) use json::{JsonTest, Range, Real, Tree, TreeBuilder, Value, any_reading, fuzz_json};
pub(crate) use pointer::{Pointer, PointerError};

/// Longer ones are refused.
pub(crate) const MAX_PATTERN_BYTES: usize = 1024;

/// What has to be true of one payload.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct PayloadCondition {
    pub(crate) size: Option<Numbers>,
    pub(crate) utf8: Option<bool>,
    pub(crate) starts_with: List<Bytes>,
    pub(crate) contains: List<Bytes>,
    pub(crate) regex: List<Expression>,
    /// Whether it is JSON.
    pub(crate) is_json: Option<bool>,
    pub(crate) json: Vec<(Pointer, JsonTest)>,
}

/// Bytes to look for.
#[derive(Debug, Clone)]
pub(crate) struct Bytes(Finder<'static>);

impl PayloadCondition {
    pub(super) fn holds(&self, asked: &Asked<'_, '_>) -> bool {
        let Some(content) = told::content(asked.subject) else {
            return false;
        };
        let size = told::payload_len(asked.subject);
        let as_read = || self.holds_for_content(content, size, asked.effect);
        let (Some(in_5), Content::Whole(read)) = (told::payload_in_5(asked.subject), content)
        else {
            return as_read();
        };
        let size = size - (read.len() - in_5.len());
        let as_of_5 = || self.holds_for_content(Content::Whole(in_5), size, asked.effect);
        // What nobody knows catches nobody.
        match asked.effect {
            Effect::Catches => as_read() && as_of_5(),
            Effect::LetsThrough => as_read() || as_of_5(),
        }
    }

    fn holds_for_content(&self, content: Content<'_>, size: usize, effect: Effect) -> bool {
        if !self.size.as_ref().is_none_or(|wanted| wanted.holds(size)) {
            return false;
        }
        match (content, effect) {
            (Content::Whole(payload), effect) => self.holds_for(payload, effect),
            _ if !self.looks_inside() => true,
            (Content::Beginning(block), Effect::Catches) => self.holds_for_block(block, true),
            (Content::Middle(block), Effect::Catches) => self.holds_for_block(block, false),
            _ => false,
        }
    }

    /// Whether it asks for more than the size.
    pub(crate) fn looks_inside(&self) -> bool {
        let Self {
            size: _,
            utf8,
            starts_with,
            contains,
            regex,
            is_json,
            json,
        } = self;
        utf8.is_some()
            || !starts_with.is_empty()
            || !contains.is_empty()
            || !regex.is_empty()
            || is_json.is_some()
            || !json.is_empty()
    }

    fn holds_for(&self, payload: &[u8], effect: Effect) -> bool {
        let is_text = || std::str::from_utf8(payload).is_ok();
        let mut pointers = self.json.iter();
        self.starts_with
            .holds(|bytes| payload.starts_with(bytes.as_slice()))
            && self.contains.holds(|bytes| bytes.is_in(payload))
            && self.utf8.is_none_or(|wanted| is_text() == wanted)
            && self.regex.holds(|expression| expression.is_match(payload))
            && self
                .is_json
                .is_none_or(|wanted| json::is_json(payload) == wanted)
            && pointers.all(|(pointer, test)| json::holds(payload, pointer, test, effect))
    }
}

impl Bytes {
    /// `hex:00ff`, or the text itself.
    pub(crate) fn new(text: &str) -> Option<Self> {
        let bytes = match text.strip_prefix("hex:") {
            Some(digits) => hex(digits)?,
            None => text.as_bytes().to_vec(),
        };
        let fits = (1..=MAX_PATTERN_BYTES).contains(&bytes.len());
        fits.then(|| Self(Finder::new(&bytes).into_owned()))
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        self.0.needle()
    }

    pub(crate) fn is_in(&self, payload: &[u8]) -> bool {
        self.0.find(payload).is_some()
    }
}

/// Pairs of hex digits.
fn hex(digits: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = digits
        .chars()
        .filter(|c| *c != ' ')
        .map(|c| u8::try_from(c.to_digit(16)?).ok())
        .collect();
    let digits = digits.filter(|digits| digits.len().is_multiple_of(2))?;
    Some(
        digits
            .chunks(2)
            .map(|pair| pair[0] << 4 | pair[1])
            .collect(),
    )
}

impl PartialEq for Bytes {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for Bytes {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_text_or_hex() {
        for (text, bytes) in [
            ("abc", Some(&b"abc"[..])),
            ("hex:00fF", Some(&[0, 0xff])),
            ("hex:00 ff", Some(&[0, 0xff])),
            ("hex:0", None),
            ("hex:0g", None),
            ("hex:", None),
            ("", None),
        ] {
            let read = Bytes::new(text);
            assert_eq!(read.as_ref().map(Bytes::as_slice), bytes, "{text}");
        }
    }

    #[test]
    fn all_that_is_asked_holds_together() {
        let bytes = |text: &str| Bytes::new(text).expect("bytes");
        let mut condition = PayloadCondition::default();
        assert!(!condition.looks_inside());
        condition.contains.push(false, bytes("rm -rf"));
        condition.contains.push(true, bytes("dry"));
        condition.utf8 = Some(true);
        assert!(condition.looks_inside());
        for (payload, holds) in [
            (&b"; rm -rf /"[..], true),
            (b"dry; rm -rf /", false),
            (b"rm -rf \xff", false),
            (b"", false),
        ] {
            let answer = condition.holds_for(payload, Effect::Catches);
            assert_eq!(answer, holds, "{payload:?}");
        }
    }
}
