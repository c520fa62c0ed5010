//! JSON (RFC 8259) walked without building anything: is it any, and what stands where a pointer points?
//!
//! Two readers of one text may see different things: the first or the last of two members with one name, say, or
//! one reads what is a mistake to the other. So there are two ways to read it here. What a rule lets through has to
//! be JSON without a mistake, no deeper than [`MAX_DEPTH`], and every value that the pointer may lead to has to pass.
//! What it catches is read as the most lenient of readers would ([`loose`]), and one such value is enough.

mod loose;
mod tree;

use smallvec::SmallVec;

use super::pointer::Pointer;
use crate::matching::asked::Effect;
use crate::matching::glob::Glob;
use crate::matching::list::List;

pub(crate) use tree::{Tree, TreeBuilder};

const MAX_DEPTH: usize = 64;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// Texts with escapes are decoded on the stack up to here.
const INLINE_BYTES: usize = 256;

/// What is asked of the value a pointer names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum JsonTest {
    /// Whether there is one; where a rule catches what has none, in what is no JSON there is none.
    Exists(bool),
    Flag(bool),
    /// A number in one of these ranges, both ends included.
    Within(Box<[Range]>),
    Like(List<Glob>),
}

/// Numbers from one to another; without an end they go on for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Range {
    pub(crate) min: Real,
    pub(crate) max: Real,
}

/// A number of a rule, or an infinity: what is too large for a number is read as that.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Real(pub(crate) f64);

impl Eq for Real {}

impl Real {
    /// Its place among all numbers there are (IEEE 754 §5.10): of two, the larger one has the larger.
    pub(crate) fn rank(self) -> u64 {
        // Zero is one number, whatever its sign.
        let bits = (self.0 + 0.0).to_bits();
        match bits >> 63 {
            0 => bits | 1 << 63,
            _ => !bits,
        }
    }
}

impl std::hash::Hash for Real {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}

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

/// The text is no JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct NotJson;

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

impl JsonTest {
    /// Whether a value passes; `decode` hands over what a string's inside stands for.
    fn passes(
        &self,
        value: Value<'_>,
        decode: impl Fn(&[u8], &dyn Fn(&str) -> bool) -> bool,
    ) -> bool {
        match (self, value) {
            (Self::Exists(wanted), _) => *wanted,
            (Self::Flag(wanted), Value::Flag(flag)) => flag == *wanted,
            (Self::Within(ranges), Value::Number(number)) => {
                ranges.iter().any(|range| range.contains(number))
            }
            (Self::Like(globs), Value::Text(raw)) => {
                decode(raw, &|text| globs.holds(|glob| glob.matches(text)))
            }
            // What is no text is no text that is excluded.
            (Self::Like(globs), _) => globs.any_of.is_empty(),
            _ => false,
        }
    }
}

impl Range {
    pub(crate) const fn new(min: f64, max: f64) -> Self {
        Self {
            min: Real(min),
            max: Real(max),
        }
    }

    fn contains(&self, number: f64) -> bool {
        (self.min.0..=self.max.0).contains(&number)
    }
}

struct Walker<'t, F> {
    text: &'t [u8],
    at: usize,
    found: F,
}

/// What is left of a pointer, for a value that stands on its way.
type Way<'p> = Option<&'p [Box<str>]>;

impl<'t, F: FnMut(Value<'t>)> Walker<'t, F> {
    fn new(text: &'t [u8], found: F) -> Self {
        Self { text, at: 0, found }
    }

    /// The one value that the text is, and what `way` leads to in it. A byte order mark before it and NULs
    /// behind it are no part of it: readers pass over the one (RFC 8259 §8.1), and end at the other.
    fn document(&mut self, way: Way<'_>) -> Result<(), NotJson> {
        if self.text.starts_with(BYTE_ORDER_MARK) {
            self.at = BYTE_ORDER_MARK.len();
        }
        self.value(way, 0)?;
        self.space();
        match self.text[self.at..].iter().all(|byte| *byte == 0) {
            true => Ok(()),
            false => Err(NotJson),
        }
    }

    fn value(&mut self, way: Way<'_>, depth: usize) -> Result<(), NotJson> {
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
        self.tell(way, value);
        Ok(())
    }

    fn object(&mut self, way: Way<'_>, depth: usize) -> Result<(), NotJson> {
        self.tell(way, Value::Other);
        self.at += 1;
        self.space();
        if self.eat(b'}') {
            return Ok(());
        }
        loop {
            self.space();
            let name = self.string()?;
            self.space();
            self.expect(b':')?;
            let on_way = way
                .and_then(<[Box<str>]>::split_first)
                .filter(|(token, _)| with_decoded(name, &|name| name == &***token));
            self.value(on_way.map(|(_, rest)| rest), depth + 1)?;
            self.space();
            if self.eat(b'}') {
                return Ok(());
            }
            self.expect(b',')?;
        }
    }

    fn array(&mut self, way: Way<'_>, depth: usize) -> Result<(), NotJson> {
        self.tell(way, Value::Other);
        let wanted = way.and_then(<[Box<str>]>::split_first);
        let wanted = wanted.and_then(|(token, rest)| Some((index(token)?, rest)));
        self.at += 1;
        self.space();
        if self.eat(b']') {
            return Ok(());
        }
        for number in 0_usize.. {
            let on_way = wanted.filter(|(index, _)| *index == number);
            self.value(on_way.map(|(_, rest)| rest), depth + 1)?;
            self.space();
            if self.eat(b']') {
                break;
            }
            self.expect(b',')?;
        }
        Ok(())
    }

    /// Hands over a value that the pointer names.
    fn tell(&mut self, way: Way<'_>, value: Value<'t>) {
        if way.is_some_and(<[Box<str>]>::is_empty) {
            (self.found)(value);
        }
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

/// Asks of the text that a string's inside stands for; half a character is none.
fn with_decoded(raw: &[u8], test: &dyn Fn(&str) -> bool) -> bool {
    if !raw.contains(&b'\\') {
        return std::str::from_utf8(raw).is_ok_and(test);
    }
    let mut text = SmallVec::<[u8; INLINE_BYTES]>::new();
    decode(raw, &mut text) && std::str::from_utf8(&text).is_ok_and(test)
}

/// The same of any bytes.
fn with_lossy(raw: &[u8], test: &dyn Fn(&str) -> bool) -> bool {
    lossy(raw, test)
}

/// Reads what any bytes stand for: what is no character stands for the one that says so.
pub(crate) fn lossy<R>(raw: &[u8], read: impl FnOnce(&str) -> R) -> R {
    if !raw.contains(&b'\\') {
        return read(&String::from_utf8_lossy(raw));
    }
    let mut text = SmallVec::<[u8; INLINE_BYTES]>::new();
    decode(raw, &mut text);
    read(&String::from_utf8_lossy(&text))
}

/// Writes what escapes stand for; false if one of them stands for nothing.
fn decode(mut raw: &[u8], text: &mut SmallVec<[u8; INLINE_BYTES]>) -> bool {
    let mut is_whole = true;
    while let Some(&byte) = raw.first() {
        if byte != b'\\' {
            text.push(byte);
            raw = &raw[1..];
            continue;
        }
        let escaped = escaped(raw);
        is_whole &= escaped.is_some();
        let (c, len) = escaped.unwrap_or((char::REPLACEMENT_CHARACTER, 2));
        text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        raw = raw.get(len..).unwrap_or_default();
    }
    is_whole
}

/// The character that an escape stands for, and its length.
fn escaped(raw: &[u8]) -> Option<(char, usize)> {
    Some(match raw.get(1)? {
        b'u' => return escaped_char(raw),
        b'b' => ('\u{8}', 2),
        b'f' => ('\u{c}', 2),
        b'n' => ('\n', 2),
        b'r' => ('\r', 2),
        b't' => ('\t', 2),
        plain => (char::from(*plain), 2),
    })
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

    fn find<'t>(text: &'t str, pointer: &str) -> Result<Vec<Value<'t>>, NotJson> {
        let pointer = Pointer::new(pointer).expect("a pointer");
        let mut found = Vec::new();
        let mut walker = Walker::new(text.as_bytes(), |value| found.push(value));
        walker.document(Some(pointer.tokens()))?;
        Ok(found)
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
            let found = value.into_iter().collect();
            assert_eq!(find(text, pointer), Ok(found), "{pointer}");
        }
    }

    #[test]
    fn a_name_in_disguise_is_the_same_name() {
        let text = r#"{"\u0073peed": 5, "\ud83d\ude00": 6}"#;
        assert_eq!(find(text, "/speed"), Ok(vec![Value::Number(5.0)]));
        assert_eq!(find(text, "/😀"), Ok(vec![Value::Number(6.0)]));
        let twice = r#"{"a":1,"\u0061":2}"#;
        let both = vec![Value::Number(1.0), Value::Number(2.0)];
        assert_eq!(find(twice, "/a"), Ok(both));
    }

    #[test]
    fn a_mistake_is_no_json() {
        for text in [
            r#"{"a":1} x"#,
            r#"{"a":01}"#,
            r#"{"a":+1}"#,
            r#"{"a":.5}"#,
            r#"{"a":1,}"#,
            r#"{'a':1}"#,
            r#"{"a":NaN}"#,
            "{\"a\":\"\n\"}",
            r#"{"a":"\x"}"#,
            "{\"a\":1}\0x",
            "",
        ] {
            assert_eq!(find(text, "/a"), Err(NotJson), "{text}");
        }
        for text in ["\u{feff}{\"a\":3}", "{\"a\":3}\0", "{\"a\":3}\n\0\0"] {
            assert_eq!(find(text, "/a"), Ok(vec![Value::Number(3.0)]), "{text:?}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(is_json(nested(MAX_DEPTH).as_bytes()));
        assert!(!is_json(nested(MAX_DEPTH + 2).as_bytes()));
        assert!(!is_json("[".repeat(1 << 20).as_bytes()));
    }

    fn above_100() -> JsonTest {
        JsonTest::Within([Range::new(101.0, f64::INFINITY)].into())
    }

    #[test]
    fn what_some_device_reads_is_caught() {
        let (pointer, test) = (Pointer::new("/speed").expect("a pointer"), above_100());
        let [open, close] = ["[", "]"].map(|bracket| bracket.repeat(5000));
        let deep = format!("{{\"q\":{open}1{close},\"speed\":500}}");
        let caught = |text: &[u8]| holds(text, &pointer, &test, Effect::Catches);
        for text in [
            &br#"{"speed":500}"#[..],
            br#"{"speed":5,"speed":500}"#,
            br#"{"speed":500,"speed":5}"#,
            b"\xef\xbb\xbf{\"speed\":500}",
            b"{\"speed\":500}\0",
            br#"{"a":[1,2,],"speed":500,}"#,
            b"{\"place\":\"M\xfcnchen\",\"speed\":500}",
            br#"{speed:500}"#,
            br#"{'speed':+500}"#,
            br#"{"a":1 "speed":0500.}"#,
            br#"{"a":{"speed":1}/* "speed" */,"speed":5e2"#,
            b"// speed\n{\"a\":\"\x01\",\"speed\":500}",
            b"{\"speed\":5}\n{\"speed\":500}",
            br#"{"a":"\ud800","sp\u0065ed":500} and so on"#,
            deep.as_bytes(),
        ] {
            assert!(caught(text), "{}", String::from_utf8_lossy(text));
        }
        for text in [
            &br#"{"speed":5}"#[..],
            br#"{"a":{"speed":500}}"#,
            br#"{"a":"{\"speed\":500}"}"#,
            br#"["speed",500]"#,
            br#"{"Speed":500}"#,
            br#"{"speed":"500"}"#,
            br#"{"speed":"#,
            br#"{"speed":}"#,
            b"INFO {\"speed\":500}",
            b"speed=500",
            b"\x01\x02\xff",
            b"",
        ] {
            assert!(!caught(text), "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn what_is_let_through_passes_whoever_reads_it() {
        let pointer = Pointer::new("/speed").expect("a pointer");
        let test = JsonTest::Within([Range::new(0.0, 100.0)].into());
        for (text, passes) in [
            (r#"{"speed":5}"#, true),
            ("{\"speed\":5}\0", true),
            (r#"{"speed":5,"speed":6}"#, true),
            (r#"{"speed":5,"speed":500}"#, false),
            (r#"{"speed":5,}"#, false),
            (r#"{"speed":5} {"speed":500}"#, false),
            ("{}", false),
        ] {
            let through = holds(text.as_bytes(), &pointer, &test, Effect::LetsThrough);
            assert_eq!(through, passes, "{text}");
        }
    }

    #[test]
    fn nothing_is_missing_from_what_cannot_be_read() {
        let pointer = Pointer::new("/x").expect("a pointer");
        let none = JsonTest::Exists(false);
        for (text, caught, let_through) in [
            ("{}", true, true),
            (r#"{"x":1}"#, false, false),
            (r#"{"x":1,}"#, true, false),
            ("no JSON", true, false),
        ] {
            let holds = |effect| holds(text.as_bytes(), &pointer, &none, effect);
            assert_eq!(holds(Effect::Catches), caught, "{text}");
            assert_eq!(holds(Effect::LetsThrough), let_through, "{text}");
        }
    }

    #[test]
    fn a_text_is_compared_as_what_it_stands_for() {
        let mut globs = List::default();
        globs.push(false, Glob::new("auto*").expect("a glob"));
        let test = JsonTest::Like(globs);
        let pointer = Pointer::new("/mode").expect("a pointer");
        for (text, caught, let_through) in [
            (r#"{"mode":"auto-1"}"#, true, true),
            (r#"{"mode":"\u0061uto"}"#, true, true),
            (r#"{"mode":"manual"}"#, false, false),
            (r#"{"mode":"auto\ud800"}"#, true, false),
            (r#"{"mode":1}"#, false, false),
        ] {
            let holds = |effect| holds(text.as_bytes(), &pointer, &test, effect);
            assert_eq!(holds(Effect::Catches), caught, "{text}");
            assert_eq!(holds(Effect::LetsThrough), let_through, "{text}");
        }
    }

    /// What texts that look like JSON are made of.
    pub(super) const PIECES: &[&str] = &[
        "{", "}", "[", "]", ":", ",", "\"a\"", "\"b\"", "{\"a\":", "[1,", "500", "0", "-1e3",
        "true", " ", "/*", "*/", "//", "\n", "'", "\"", "\\", "a",
    ];

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

        /// Whatever comes, the lenient reader ends, and finds whatever the strict one does.
        #[test]
        fn catches_all_that_is_read_strictly(
            pieces in proptest::collection::vec(prop::sample::select(PIECES), 0..24),
            pointer in prop::sample::select(&["", "/a", "/0", "/a/a", "/a/0", "/0/a"]),
        ) {
            let (text, named) = (pieces.concat(), Pointer::new(pointer).expect("a pointer"));
            for test in [JsonTest::Exists(true), above_100()] {
                let holds = |effect| holds(text.as_bytes(), &named, &test, effect);
                prop_assert!(holds(Effect::Catches) || !holds(Effect::LetsThrough), "{} {}", text, pointer);
            }
        }
    }
}
