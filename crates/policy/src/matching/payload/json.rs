//! JSON (RFC 8259) walked without building anything: is it any, and what stands where a pointer points?
//!
//! Two readers of one text may see different things: the first or the last of two members with one name,
//! say. So an object on the pointer's way that has its name twice makes the text no JSON, and so does all
//! that follows the value, and more depth than [`MAX_DEPTH`].

use smallvec::SmallVec;

use super::pointer::Pointer;
use crate::matching::glob::Glob;
use crate::matching::list::List;

const MAX_DEPTH: usize = 64;
/// Texts with escapes are decoded on the stack up to here.
const INLINE_BYTES: usize = 256;

/// What is asked of the value a pointer names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum JsonTest {
    /// Whether there is one; in what is no JSON there is none.
    Exists(bool),
    Flag(bool),
    /// A number, both ends included.
    Within(Real, Real),
    Like(List<Glob>),
}

/// A number of a rule, finite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Real(pub(crate) f64);

impl Eq for Real {}

impl std::hash::Hash for Real {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}

/// A value, as far as it is looked at.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Value<'t> {
    Flag(bool),
    Number(f64),
    /// Between its quotes, escapes and all.
    Text(&'t [u8]),
    /// Null, an array, an object.
    Other,
}

/// The text is no JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct NotJson;

pub(super) fn is_json(text: &[u8]) -> bool {
    Walker { text, at: 0 }.document(None).is_ok()
}

/// Whether the value that `pointer` names passes.
pub(super) fn holds(text: &[u8], pointer: &Pointer, test: &JsonTest) -> bool {
    let found = Walker { text, at: 0 }.document(Some(pointer.tokens()));
    let value = found.ok().flatten();
    match (test, value) {
        (JsonTest::Exists(wanted), value) => value.is_some() == *wanted,
        (JsonTest::Flag(wanted), Some(Value::Flag(flag))) => flag == *wanted,
        (JsonTest::Within(min, max), Some(Value::Number(number))) => {
            (min.0..=max.0).contains(&number)
        }
        (JsonTest::Like(globs), Some(Value::Text(raw))) => with_decoded(raw, |text| {
            text.is_some_and(|text| globs.holds(|glob| glob.matches(text)))
        }),
        _ => false,
    }
}

struct Walker<'t> {
    text: &'t [u8],
    at: usize,
}

/// What is left of a pointer, for a value that stands on its way.
type Way<'p> = Option<&'p [Box<str>]>;

impl<'t> Walker<'t> {
    /// The one value that the text is; what `way` leads to in it.
    fn document(&mut self, way: Way<'_>) -> Result<Option<Value<'t>>, NotJson> {
        let found = self.value(way, 0)?;
        self.space();
        if self.at < self.text.len() {
            return Err(NotJson);
        }
        Ok(found)
    }

    fn value(&mut self, way: Way<'_>, depth: usize) -> Result<Option<Value<'t>>, NotJson> {
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
        Ok(is_end(way).then_some(value))
    }

    fn object(&mut self, way: Way<'_>, depth: usize) -> Result<Option<Value<'t>>, NotJson> {
        let mut found = is_end(way).then_some(Value::Other);
        let mut is_met = false;
        self.at += 1;
        self.space();
        if self.eat(b'}') {
            return Ok(found);
        }
        loop {
            self.space();
            let name = self.string()?;
            self.space();
            self.expect(b':')?;
            let on_way = way
                .and_then(<[Box<str>]>::split_first)
                .filter(|(token, _)| {
                    with_decoded(name, |name| name.is_some_and(|name| name == &***token))
                });
            if on_way.is_some() && std::mem::replace(&mut is_met, true) {
                return Err(NotJson);
            }
            let inner = self.value(on_way.map(|(_, rest)| rest), depth + 1)?;
            found = found.or(inner);
            self.space();
            if self.eat(b'}') {
                return Ok(found);
            }
            self.expect(b',')?;
        }
    }

    fn array(&mut self, way: Way<'_>, depth: usize) -> Result<Option<Value<'t>>, NotJson> {
        let mut found = is_end(way).then_some(Value::Other);
        let wanted = way.and_then(<[Box<str>]>::split_first);
        let wanted = wanted.and_then(|(token, rest)| Some((index(token)?, rest)));
        self.at += 1;
        self.space();
        if self.eat(b']') {
            return Ok(found);
        }
        for number in 0_usize.. {
            let on_way = wanted.filter(|(index, _)| *index == number);
            let inner = self.value(on_way.map(|(_, rest)| rest), depth + 1)?;
            found = found.or(inner);
            self.space();
            if self.eat(b']') {
                break;
            }
            self.expect(b',')?;
        }
        Ok(found)
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

/// Whether the pointer names this very value.
fn is_end(way: Way<'_>) -> bool {
    way.is_some_and(<[Box<str>]>::is_empty)
}

/// RFC 6901 §4: digits without leading zeros.
fn index(token: &str) -> Option<usize> {
    let is_plain = token == "0" || token.starts_with(|c: char| ('1'..='9').contains(&c));
    token.parse().ok().filter(|_| is_plain)
}

/// The number in `\u0041`.
fn code_unit(escape: &[u8]) -> Option<u16> {
    let digits = escape.get(2..6)?;
    digits.iter().try_fold(0, |unit: u16, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        Some(unit << 4 | u16::try_from(digit).ok()?)
    })
}

/// Hands over the text that a string's inside stands for; `None` where half a character is escaped.
fn with_decoded<T>(raw: &[u8], then: impl FnOnce(Option<&str>) -> T) -> T {
    if !raw.contains(&b'\\') {
        return then(std::str::from_utf8(raw).ok());
    }
    let mut text = SmallVec::<[u8; INLINE_BYTES]>::new();
    let decoded = decode(raw, &mut text);
    then(decoded.and_then(|()| std::str::from_utf8(&text).ok()))
}

fn decode(mut raw: &[u8], text: &mut SmallVec<[u8; INLINE_BYTES]>) -> Option<()> {
    while let Some(&byte) = raw.first() {
        if byte != b'\\' {
            text.push(byte);
            raw = &raw[1..];
            continue;
        }
        let (c, len) = match raw.get(1)? {
            b'u' => escaped_char(raw)?,
            b'b' => ('\u{8}', 2),
            b'f' => ('\u{c}', 2),
            b'n' => ('\n', 2),
            b'r' => ('\r', 2),
            b't' => ('\t', 2),
            plain => (char::from(*plain), 2),
        };
        text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        raw = raw.get(len..)?;
    }
    Some(())
}

/// One code unit, or two that make up a character (RFC 8259 §7).
fn escaped_char(raw: &[u8]) -> Option<(char, usize)> {
    let first = code_unit(raw)?;
    let second = raw.get(6..).filter(|rest| rest.starts_with(b"\\u"));
    let units = [Some(first), second.and_then(code_unit)];
    let c = char::decode_utf16(units.into_iter().flatten())
        .next()?
        .ok()?;
    Some((c, 6 * c.len_utf16()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn find<'t>(text: &'t str, pointer: &str) -> Result<Option<Value<'t>>, NotJson> {
        let pointer = Pointer::new(pointer).expect("a pointer");
        let mut walker = Walker {
            text: text.as_bytes(),
            at: 0,
        };
        walker.document(Some(pointer.tokens()))
    }

    #[test]
    fn finds_what_a_pointer_names() {
        let text =
            r#" { "a" : [1, {"b": -2.5e1}], "on": true, "t": "x\u0041", "n": null, "": 7 } "#;
        for (pointer, value) in [
            ("", Some(Value::Other)),
            ("/a/0", Some(Value::Number(1.0))),
            ("/a/1/b", Some(Value::Number(-25.0))),
            ("/a/2", None),
            ("/a/01", None),
            ("/a/b", None),
            ("/on", Some(Value::Flag(true))),
            ("/n", Some(Value::Other)),
            ("/", Some(Value::Number(7.0))),
            ("/on/x", None),
        ] {
            assert_eq!(find(text, pointer), Ok(value), "{pointer}");
        }
    }

    #[test]
    fn a_name_in_disguise_is_the_same_name() {
        let text = r#"{"\u0073peed": 5, "\ud83d\ude00": 6}"#;
        assert_eq!(find(text, "/speed"), Ok(Some(Value::Number(5.0))));
        assert_eq!(find(text, "/😀"), Ok(Some(Value::Number(6.0))));
    }

    #[test]
    fn what_readers_may_disagree_on_is_no_json() {
        for text in [
            r#"{"a":1,"a":2}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"a":1} x"#,
            r#"{"a":01}"#,
            r#"{"a":+1}"#,
            r#"{"a":.5}"#,
            r#"{"a":1,}"#,
            r#"{'a':1}"#,
            r#"{"a":NaN}"#,
            "{\"a\":\"\n\"}",
            r#"{"a":"\x"}"#,
            "",
        ] {
            assert_eq!(find(text, "/a"), Err(NotJson), "{text}");
        }
        assert_eq!(
            find(r#"{"b":1,"b":2,"a":3}"#, "/a"),
            Ok(Some(Value::Number(3.0)))
        );
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(is_json(nested(MAX_DEPTH).as_bytes()));
        assert!(!is_json(nested(MAX_DEPTH + 2).as_bytes()));
        assert!(!is_json("[".repeat(1 << 20).as_bytes()));
    }

    #[test]
    fn a_text_is_compared_as_what_it_stands_for() {
        let mut globs = List::default();
        globs.push(false, Glob::new("auto*").expect("a glob"));
        let test = JsonTest::Like(globs);
        let pointer = Pointer::new("/mode").expect("a pointer");
        for (text, wanted) in [
            (r#"{"mode":"auto-1"}"#, true),
            (r#"{"mode":"\u0061uto"}"#, true),
            (r#"{"mode":"manual"}"#, false),
            (r#"{"mode":"\ud800auto"}"#, false),
            (r#"{"mode":1}"#, false),
        ] {
            assert_eq!(holds(text.as_bytes(), &pointer, &test), wanted, "{text}");
        }
    }

    proptest! {
        /// Whatever comes, it ends, and agrees with another reader on what is JSON.
        #[test]
        fn agrees_with_another_reader(text in r#"[\[\]{}:,"a0-9.eE\\u+\- ]{0,24}"#) {
            let theirs = serde_json::from_str::<serde_json::Value>(&text);
            // That one refuses numbers beyond an f64, and half characters, which this one leaves alone.
            let beyond = |e: &serde_json::Error| {
                let text = e.to_string();
                text.contains("out of range") || text.contains("surrogate") || text.contains("hex escape")
            };
            match theirs {
                Ok(_) => prop_assert!(is_json(text.as_bytes()), "{}", text),
                Err(e) => prop_assert!(!is_json(text.as_bytes()) || beyond(&e), "{}: {}", text, e),
            }
        }
    }
}
