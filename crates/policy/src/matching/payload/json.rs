//! JSON (RFC 8259) walked without building anything: is it any, and what stands where a pointer points?
//!
//! Two readers of one text may see different things: the first or the last of two members with one name, say, or
//! one reads what is a mistake to the other. So there are two ways to read it here. What a rule lets through has to
//! be JSON without a mistake, no deeper than 64 levels, and every value that the pointer may lead to has to pass.
//! What it catches is read as the most lenient of readers would ([`loose`]), and one such value is enough.

mod loose;
mod test;
mod text;
mod tree;
mod walker;
mod wide;

#[cfg(test)]
mod tests;

use super::pointer::Pointer;
use crate::matching::asked::Effect;
use text::{with_decoded, with_lossy};
use walker::Walker;

pub(crate) use test::{JsonTest, Range, Real};
pub(crate) use text::lossy;
pub(crate) use tree::{Tree, TreeBuilder};

/// A value, as far as it is looked at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Value<'t> {
    Flag(bool),
    Number(f64),
    /// Between its quotes, escapes and all.
    Text(&'t [u8]),
    /// Null, an array, an object.
    Other,
}
pub(super) fn is_json(text: &[u8]) -> bool {
    Walker::new(text, |_| ()).document(None).is_ok()
}

/// Whether the values that `pointer` names pass, as many of them as the effect asks for.
pub(super) fn holds(text: &[u8], pointer: &Pointer, test: &JsonTest, effect: Effect) -> bool {
    let way = pointer.tokens();
    if effect == Effect::Catches && *test != JsonTest::Exists(false) {
        return loose::any(text, way, |_, value| test.passes(value, with_lossy));
    }
    let (mut count, mut all_pass) = (0, true);
    let mut walker = Walker::new(text, |value| {
        count += 1;
        all_pass &= test.passes(value, with_decoded);
    });
    let is_json = walker.document(Some(way)).is_ok();
    match (test, effect) {
        (JsonTest::Exists(false), Effect::Catches) => !is_json || count == 0,
        (JsonTest::Exists(false), Effect::LetsThrough) => is_json && count == 0,
        _ => is_json && count > 0 && all_pass,
    }
}

/// The same of what a text that goes on begins with; what it may yet hold is nothing that is known to be missing.
pub(super) fn holds_for_beginning(text: &[u8], pointer: &Pointer, test: &JsonTest) -> bool {
    *test != JsonTest::Exists(false) && holds(text, pointer, test, Effect::Catches)
}
/// RFC 6901 §4: digits without leading zeros.
fn index(token: &str) -> Option<usize> {
    let is_plain = token == "0" || token.starts_with(|c: char| ('1'..='9').contains(&c));
    token.parse().ok().filter(|_| is_plain)
}
