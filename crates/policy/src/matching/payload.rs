//! What a rule asks of a payload: of a PUBLISH, of a will, of a CoAP message.
//!
//! A payload that isn't at hand as a whole, because it is larger than what is ever kept of a packet
//! (`[limits] partial_bytes`), is only measured: it fits nothing else, whatever is asked.

mod expression;
mod json;
mod needed;
mod pointer;

use std::hash::{Hash, Hasher};

use memchr::memmem::Finder;

use super::list::List;
use super::numbers::Numbers;
use super::told;
use crate::Subject;

pub(crate) use expression::{Expression, ExpressionError};
pub(crate) use json::{JsonTest, Real};
pub(crate) use pointer::{Pointer, PointerError};

/// Longer ones are refused.
pub(crate) const MAX_PATTERN_BYTES: usize = 1024;

/// What has to be true of one payload.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
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
    pub(super) fn holds(&self, subject: &Subject<'_>) -> bool {
        let Some(payload) = told::payload(subject) else {
            return false;
        };
        let size = told::payload_len(subject);
        if !self.size.as_ref().is_none_or(|wanted| wanted.holds(size)) {
            return false;
        }
        match payload {
            Some(payload) => self.holds_for(payload),
            None => !self.looks_inside(),
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

    fn holds_for(&self, payload: &[u8]) -> bool {
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
            && pointers.all(|(pointer, test)| json::holds(payload, pointer, test))
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

impl Hash for Bytes {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_slice().hash(state);
    }
}

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
            assert_eq!(condition.holds_for(payload), holds, "{payload:?}");
        }
    }
}
