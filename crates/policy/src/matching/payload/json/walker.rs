//! JSON without a mistake, walked from its beginning to its end.

use super::Value;
use super::name::named;
use super::text::code_unit;
use crate::matching::payload::pointer::Token;

/// The deepest that a value may stand.
pub(super) const MAX_DEPTH: usize = 64;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The text is no JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotJson;

/// Asks `passes` of each value that some reader finds where a pointer points.
pub(super) struct Walker<'t, F> {
    text: &'t [u8],
    at: usize,
    passes: F,
}

/// What is left of a pointer, for a value that stands on its way.
type Way<'p> = Option<&'p [Token]>;

/// Whether every reader finds a value there, and one that passes.
type Surely = Result<bool, NotJson>;

impl<'t, F: FnMut(Value<'t>) -> bool> Walker<'t, F> {
    pub(super) fn new(text: &'t [u8], passes: F) -> Self {
        let at = 0;
        Self { text, at, passes }
    }

    /// The one value that the text is, and what `way` leads to in it. A byte order mark before it and NULs
    /// behind it are no part of it: readers pass over the one (RFC 8259 §8.1), and end at the other.
    pub(super) fn document(&mut self, way: Way<'_>) -> Surely {
        if self.text.starts_with(BYTE_ORDER_MARK) {
            self.at = BYTE_ORDER_MARK.len();
        }
        let surely = self.value(way, 0)?;
        self.space();
        match self.text[self.at..].iter().all(|byte| *byte == 0) {
            true => Ok(surely),
            false => Err(NotJson),
        }
    }

    fn value(&mut self, way: Way<'_>, depth: usize) -> Surely {
        if depth > MAX_DEPTH {
            return Err(NotJson);
        }
        self.space();
        let value = match self.peek().ok_or(NotJson)? {
            b'{' => return self.object(way, depth),
            b'[' => return self.array(way, depth),
            b'"' => Value::Text(self.string()?),
            b't' => self.word(b"true", Value::Flag(true))?,
            b'f' => self.word(b"false", Value::Flag(false))?,
            b'n' => self.word(b"null", Value::Other)?,
            _ => Value::Number(self.number()?),
        };
        Ok(self.ends(way, value))
    }

    /// Of several members that a reader may take for the one, each has to do, and one has to be it to all of them.
    fn object(&mut self, way: Way<'_>, depth: usize) -> Surely {
        let ends = self.ends(way, Value::Other);
        let wanted = way.and_then(<[Token]>::split_first);
        let (mut is_there, mut all_pass) = (false, true);
        self.at += 1;
        self.space();
        if self.eat(b'}') {
            return Ok(ends);
        }
        loop {
            self.space();
            let name = self.string()?;
            self.space();
            self.expect(b':')?;
            let on_way = wanted.and_then(|(token, rest)| Some((named(name, token)?, rest)));
            let passes = self.value(on_way.map(|(_, rest)| rest), depth + 1)?;
            if let Some((surely, _)) = on_way {
                is_there |= surely;
                all_pass &= passes;
            }
            self.space();
            if self.eat(b'}') {
                return Ok(ends || is_there && all_pass);
            }
            self.expect(b',')?;
        }
    }

    fn array(&mut self, way: Way<'_>, depth: usize) -> Surely {
        let mut surely = self.ends(way, Value::Other);
        let wanted = way.and_then(<[Token]>::split_first);
        let wanted = wanted.and_then(|(token, rest)| Some((token.index()?, rest)));
        self.at += 1;
        self.space();
        if self.eat(b']') {
            return Ok(surely);
        }
        for number in 0_usize.. {
            let on_way = wanted.filter(|(index, _)| *index == number);
            surely |= self.value(on_way.map(|(_, rest)| rest), depth + 1)?;
            self.space();
            if self.eat(b']') {
                break;
            }
            self.expect(b',')?;
        }
        Ok(surely)
    }

    /// Whether the pointer names this value, and it passes.
    fn ends(&mut self, way: Way<'_>, value: Value<'t>) -> bool {
        way.is_some_and(<[Token]>::is_empty) && (self.passes)(value)
    }

    /// A string's inside. It is UTF-8, control characters stand escaped, and escapes are such.
    fn string(&mut self) -> Result<&'t [u8], NotJson> {
        self.expect(b'"')?;
        let start = self.at;
        loop {
            match self.peek().ok_or(NotJson)? {
                b'"' => break,
                b'\\' => self.escape()?,
                0..0x20 => return Err(NotJson),
                _ => self.at += 1,
            }
        }
        let inside = &self.text[start..self.at];
        self.at += 1;
        std::str::from_utf8(inside).map_err(|_| NotJson)?;
        Ok(inside)
    }

    fn escape(&mut self) -> Result<(), NotJson> {
        let rest = &self.text[self.at..];
        match rest.get(1).ok_or(NotJson)? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 2,
            b'u' if code_unit(rest).is_some() => self.at += 6,
            _ => return Err(NotJson),
        }
        Ok(())
    }

    /// RFC 8259 §6: no plus, no leading zeros, digits on both sides of the point.
    fn number(&mut self) -> Result<f64, NotJson> {
        let start = self.at;
        self.eat(b'-');
        if !self.eat(b'0') {
            self.digits()?;
        }
        if self.eat(b'.') {
            self.digits()?;
        }
        if self.eat(b'e') || self.eat(b'E') {
            _ = self.eat(b'+') || self.eat(b'-');
            self.digits()?;
        }
        let digits = std::str::from_utf8(&self.text[start..self.at]).map_err(|_| NotJson)?;
        digits.parse().map_err(|_| NotJson)
    }

    fn digits(&mut self) -> Result<(), NotJson> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at > start {
            Ok(())
        } else {
            Err(NotJson)
        }
    }

    fn word(&mut self, word: &[u8], value: Value<'t>) -> Result<Value<'t>, NotJson> {
        if !self.text[self.at..].starts_with(word) {
            return Err(NotJson);
        }
        self.at += word.len();
        Ok(value)
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, byte: u8) -> Result<(), NotJson> {
        if self.eat(byte) { Ok(()) } else { Err(NotJson) }
    }
}
