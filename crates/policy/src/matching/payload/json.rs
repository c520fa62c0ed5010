//! JSON (RFC 8259) walked without building anything: is it any, and what stands where a pointer points?
//!
//! Two readers of one text may see different things: the first or the last of two members with one name, say, or
//! one reads what is a mistake to the other. So there are two ways to read it here. What a rule lets through has to
//! be JSON without a mistake, no deeper than 64 levels, and every value that the pointer may lead to has to pass.
//! What it catches is read as lenient readers would, one like the other ([`loose`]), and one such value is enough.

mod dialect;
mod fuzz;
mod loose;
mod name;
mod space;
mod test;
mod text;
mod tree;
mod walker;
mod wide;
mod word;

#[cfg(test)]
mod readers;
#[cfg(test)]
mod tests;

use super::pointer::Pointer;
use crate::matching::asked::Effect;
use text::{with_any, with_decoded};
use walker::Walker;

pub(crate) use fuzz::fuzz_json;
pub(super) use name::folded;
pub(crate) use test::{JsonTest, Range, Real};
pub(crate) use text::any_reading;
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
    Walker::new(text, |_| true).document(None).is_ok()
}

/// Whether the values that `pointer` names pass, as many of them as the effect asks for.
pub(super) fn holds(text: &[u8], pointer: &Pointer, test: &JsonTest, effect: Effect) -> bool {
    let way = pointer.tokens();
    let is_missed = *test == JsonTest::Exists(false);
    if effect == Effect::Catches && !is_missed {
        return loose::any(text, way, |_, value| test.passes(value, with_any));
    }
    let mut is_found = false;
    let mut walker = Walker::new(text, |value| {
        is_found = true;
        is_missed || test.passes(value, with_decoded)
    });
    let surely = walker.document(Some(way));
    match (is_missed, effect) {
        // What isn't surely there is missing to some reader.
        (true, Effect::Catches) => surely != Ok(true),
        (true, Effect::LetsThrough) => surely.is_ok() && !is_found,
        (false, _) => surely == Ok(true),
    }
}

/// The same of what a text that goes on begins with; what it may yet hold is nothing that is known to be missing.
pub(super) fn holds_for_beginning(text: &[u8], pointer: &Pointer, test: &JsonTest) -> bool {
    *test != JsonTest::Exists(false) && holds(text, pointer, test, Effect::Catches)
}
