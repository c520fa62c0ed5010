//! JSON as lenient readers take it: wherever one of them might find what a pointer names, this one does.
//!
//! It knows no mistakes. Names and texts stand in single quotes or in none, commas too many or missing, comments,
//! control characters and bytes that aren't UTF-8 anywhere, numbers in hex, all of it in UTF-16; whatever isn't on the
//! pointer's way is passed over, however deep. Of members with names that a reader may take for one it shows all, and
//! of values that follow one another each. A text in which readers differ is read as each of them does ([`Dialect`]).

use smallvec::SmallVec;

use super::dialect::{Dialect, begins_space};
use super::name::{each_folded, is_folded};
use super::space::wide_len;
use super::{Value, wide, word};
use crate::matching::payload::pointer::Token;

/// What Gson passes over at the beginning, and browsers' code for it: it keeps a script from running.
const NO_SCRIPT: &[u8] = b")]}'";

/// Where a reader may have to go from the place where it is.
pub(super) trait Way: Copy {
    /// Whether a value here is one that is looked for.
    fn ends(self) -> bool;
    /// Whether something within it is.
    fn goes_on(self) -> bool;
    /// By its name, folded.
    fn member(self, name: &[u8]) -> Option<Self>;
    fn item(self, number: usize) -> Option<Self>;
    /// Whether it is the same place, of two that a name leads to.
    fn is(self, other: Self) -> bool;
}

/// The tokens of one pointer that are left.
impl Way for &[Token] {
    fn ends(self) -> bool {
        self.is_empty()
    }

    fn goes_on(self) -> bool {
        !self.is_empty()
    }

    fn member(self, name: &[u8]) -> Option<Self> {
        let (token, rest) = self.split_first()?;
        (name == token.folded()).then_some(rest)
    }

    fn item(self, number: usize) -> Option<Self> {
        let (token, rest) = self.split_first()?;
        (token.index() == Some(number)).then_some(rest)
    }

    fn is(self, other: Self) -> bool {
        self.len() == other.len()
    }
}

/// Whether one of the values that `way` may lead to passes.
pub(super) fn any<W: Way>(text: &[u8], way: W, passes: impl FnMut(W, Value<'_>) -> bool) -> bool {
    match wide::narrowed(text) {
        Some(narrowed) => any_of_narrow(narrowed.as_bytes(), way, passes),
        None => any_of_narrow(text, way, passes),
    }
}

fn any_of_narrow<'t, W: Way>(
    text: &'t [u8],
    way: W,
    mut passes: impl FnMut(W, Value<'t>) -> bool,
) -> bool {
    for dialect in Dialect::ALL {
        let mut reader = Reader {
            text,
            at: 0,
            dialect,
            is_odd: false,
        };
        if reader.document(way, &mut passes) {
            return true;
        }
        if !reader.is_odd {
            break;
        }
    }
    false
}

struct Reader<'t> {
    text: &'t [u8],
    at: usize,
    dialect: Dialect,
    /// Whether it came by something that another dialect takes for something else.
    is_odd: bool,
}

impl<'t> Reader<'t> {
    /// Reads one value after the other, up to a word that is none: that is text, and no JSON.
    fn document<W: Way>(&mut self, way: W, passes: &mut impl FnMut(W, Value<'t>) -> bool) -> bool {
        self.gap();
        if self.rest().starts_with(NO_SCRIPT) {
            self.at += NO_SCRIPT.len();
        }
        while self.next().is_some() {
            let is_word = !self.is_at_open() && !self.is_at_quote();
            let start = self.at;
            if self.value(way, passes) {
                return true;
            }
            if is_word && !word::is_value(&self.text[start..self.at]) {
                break;
            }
        }
        false
    }

    /// Reads a value; it stands at its first byte. As deep as the way is long, and no deeper.
    fn value<W: Way>(&mut self, way: W, passes: &mut impl FnMut(W, Value<'t>) -> bool) -> bool {
        if !self.is_at_open() {
            return self.scalar(way, passes);
        }
        if way.ends() && passes(way, Value::Other) {
            return true;
        }
        if !way.goes_on() {
            self.skip();
            return false;
        }
        match self.peek() {
            Some(b'{') => self.object(way, passes),
            _ => self.array(way, passes),
        }
    }

    /// A value with nothing in it, if there is one before something ends.
    fn scalar<W: Way>(&mut self, way: W, passes: &mut impl FnMut(W, Value<'t>) -> bool) -> bool {
        match self.peek() {
            None | Some(b'}' | b']') => return false,
            Some(byte) if self.dialect.is_colon(byte) => {
                self.at += 1;
                return false;
            }
            _ => {}
        }
        let is_quoted = self.is_at_quote();
        let text = self.text();
        way.ends()
            && match is_quoted {
                true => passes(way, Value::Text(text)),
                false => word::any(text, |value| passes(way, value)),
            }
    }

    fn object<W: Way>(&mut self, way: W, passes: &mut impl FnMut(W, Value<'t>) -> bool) -> bool {
        self.at += 1;
        while let Some(byte) = self.next() {
            match byte {
                b'}' | b']' => {
                    self.at += 1;
                    return false;
                }
                b':' => self.at += 1,
                // Nothing has a name that isn't text.
                b'{' | b'[' => self.skip(),
                _ if self.member(way, passes) => return true,
                _ => {}
            }
        }
        false
    }

    fn member<W: Way>(&mut self, way: W, passes: &mut impl FnMut(W, Value<'t>) -> bool) -> bool {
        let name = self.text();
        if !self.eat_colon() || self.is_at_comma() {
            return false;
        }
        if !is_folded(name) {
            return self.member_in_disguise(name, way, passes);
        }
        if let Some(rest) = way.member(name) {
            return self.value(rest, passes);
        }
        self.skip();
        false
    }

    /// Reads a member's value as that of each name which its own may be.
    fn member_in_disguise<W: Way>(
        &mut self,
        name: &[u8],
        way: W,
        passes: &mut impl FnMut(W, Value<'t>) -> bool,
    ) -> bool {
        let mut ways = SmallVec::<[W; 2]>::new();
        each_folded(name, |name| {
            let rest = way.member(name);
            let new = rest.filter(|rest| !ways.iter().any(|way| way.is(*rest)));
            ways.extend(new);
        });
        if ways.is_empty() {
            self.skip();
        }
        let start = self.at;
        ways.into_iter().any(|rest| {
            self.at = start;
            self.value(rest, passes)
        })
    }

    fn array<W: Way>(&mut self, way: W, passes: &mut impl FnMut(W, Value<'t>) -> bool) -> bool {
        let mut number = 0;
        let mut is_behind_comma = true;
        self.at += 1;
        self.space();
        while let Some(byte) = self.peek() {
            if matches!(byte, b'}' | b']') {
                self.at += 1;
                return false;
            }
            if self.dialect.is_comma(byte) {
                self.at += 1;
                self.is_odd |= is_behind_comma;
                number += usize::from(is_behind_comma && self.dialect.counts_nothing());
                is_behind_comma = true;
            } else {
                if let Some(rest) = way.item(number) {
                    if self.value(rest, passes) {
                        return true;
                    }
                } else {
                    self.skip();
                }
                number += 1;
                is_behind_comma = false;
            }
            self.space();
        }
        false
    }

    /// Passes over a value with all that is in it.
    fn skip(&mut self) {
        let mut depth = 0_usize;
        while let Some(byte) = self.next() {
            match byte {
                b'{' | b'[' => {
                    self.at += 1;
                    depth += 1;
                }
                b'}' | b']' if depth == 0 => return,
                b'}' | b']' => {
                    self.at += 1;
                    depth -= 1;
                }
                b':' => self.at += 1,
                _ => _ = self.text(),
            }
            if depth == 0 {
                return;
            }
        }
    }

    /// What stands between quotes, escapes and all, or up to where something else begins.
    fn text(&mut self) -> &'t [u8] {
        match self.is_at_quote() {
            true => self.quoted(),
            false => self.word(),
        }
    }

    fn quoted(&mut self) -> &'t [u8] {
        let Some((quote, rest)) = self.rest().split_first() else {
            return &[];
        };
        self.is_odd |= *quote == b'\'';
        let mut len = 0;
        while let Some(byte) = rest.get(len)
            && byte != quote
        {
            len += 1 + usize::from(*byte == b'\\');
        }
        let inside = &rest[..len.min(rest.len())];
        self.at = self.text.len().min(self.at + len + 2);
        inside
    }

    /// At least one byte: what ends a word and begins nothing is one by itself.
    fn word(&mut self) -> &'t [u8] {
        let rest = self.rest();
        let (len, is_odd) = self.dialect.word(rest);
        let word = &rest[..len.max(1).min(rest.len())];
        self.is_odd |= is_odd;
        self.at += word.len();
        word
    }

    /// Passes over a colon, with the space around it.
    fn eat_colon(&mut self) -> bool {
        self.space();
        let Some(colon) = self.peek().filter(|byte| self.dialect.is_colon(*byte)) else {
            return false;
        };
        self.at += 1;
        if colon == b'=' && self.peek() == Some(b'>') {
            self.at += 1;
        }
        self.space();
        true
    }

    /// The next byte that means something; commas mean nothing.
    fn next(&mut self) -> Option<u8> {
        self.gap();
        self.peek()
    }

    fn gap(&mut self) {
        self.space();
        while self.is_at_comma() {
            self.at += 1;
            self.space();
        }
    }

    /// Passes over white space, control characters and comments.
    #[inline]
    fn space(&mut self) {
        if self.peek().is_some_and(begins_space) {
            self.spaces();
        }
    }

    fn spaces(&mut self) {
        while let Some(byte) = self.peek()
            && begins_space(byte)
        {
            let Some(len) = self.space_len(byte) else {
                return;
            };
            self.at += len;
        }
    }

    fn space_len(&mut self, byte: u8) -> Option<usize> {
        match byte {
            0..=b' ' => Some(1),
            b'/' | b'#' => {
                self.is_odd = true;
                self.dialect.comment(self.rest())
            }
            _ => wide_len(self.rest()),
        }
    }

    fn rest(&self) -> &'t [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn is_at_open(&self) -> bool {
        matches!(self.peek(), Some(b'{' | b'['))
    }

    fn is_at_quote(&self) -> bool {
        self.peek().is_some_and(|byte| self.dialect.is_quote(byte))
    }

    fn is_at_comma(&self) -> bool {
        self.peek().is_some_and(|byte| self.dialect.is_comma(byte))
    }
}
