//! JSON as the most lenient of readers takes it: wherever one might find what a pointer names, this one does.
//!
//! It knows no mistakes. Names and texts stand in single quotes or in none, commas too many or missing, comments,
//! control characters and bytes that aren't UTF-8 anywhere, numbers in hex, all of it in UTF-16; whatever isn't on the
//! pointer's way is passed over, however deep. Of two members with one name it shows both, and of objects that follow one another each.

use super::{Value, index, lossy, wide};

/// Where a reader may have to go from the place where it is.
pub(super) trait Way: Copy {
    /// Whether a value here is one that is looked for.
    fn ends(self) -> bool;
    /// Whether something within it is.
    fn goes_on(self) -> bool;
    fn member(self, name: &str) -> Option<Self>;
    fn item(self, number: usize) -> Option<Self>;
}

/// The tokens of one pointer that are left.
impl Way for &[Box<str>] {
    fn ends(self) -> bool {
        self.is_empty()
    }

    fn goes_on(self) -> bool {
        !self.is_empty()
    }

    fn member(self, name: &str) -> Option<Self> {
        let (token, rest) = self.split_first()?;
        (name == &**token).then_some(rest)
    }

    fn item(self, number: usize) -> Option<Self> {
        let (token, rest) = self.split_first()?;
        (index(token) == Some(number)).then_some(rest)
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
    let mut reader = Reader { text, at: 0 };
    reader.gap();
    if !reader.is_at_open() {
        // A number or a text by itself, which only the empty pointer names.
        return way.ends() && reader.value(way, &mut passes);
    }
    while reader.is_at_open() {
        if reader.value(way, &mut passes) {
            return true;
        }
        reader.gap();
    }
    false
}

struct Reader<'t> {
    text: &'t [u8],
    at: usize,
}

impl<'t> Reader<'t> {
    /// Reads a value; it stands at its first byte. As deep as the way is long, and no deeper.
    fn value<W: Way>(&mut self, way: W, passes: &mut impl FnMut(W, Value<'t>) -> bool) -> bool {
        if !self.is_at_open() {
            let value = self.scalar();
            return way.ends() && value.is_some_and(|value| passes(way, value));
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
    fn scalar(&mut self) -> Option<Value<'t>> {
        match self.peek()? {
            b'}' | b']' => return None,
            b':' => {
                self.at += 1;
                return None;
            }
            _ => {}
        }
        let is_quoted = self.is_at_quote();
        let text = self.text();
        Some(match is_quoted {
            true => Value::Text(text),
            false => bare(text),
        })
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
                _ => {
                    let name = self.text();
                    if self.next() != Some(b':') {
                        continue;
                    }
                    self.at += 1;
                    if let Some(rest) = lossy(name, |name| way.member(name)) {
                        self.gap();
                        if self.value(rest, passes) {
                            return true;
                        }
                    } else {
                        self.skip();
                    }
                }
            }
        }
        false
    }

    fn array<W: Way>(&mut self, way: W, passes: &mut impl FnMut(W, Value<'t>) -> bool) -> bool {
        let mut number = 0;
        self.at += 1;
        while let Some(byte) = self.next() {
            if matches!(byte, b'}' | b']') {
                self.at += 1;
                return false;
            }
            if let Some(rest) = way.item(number) {
                if self.value(rest, passes) {
                    return true;
                }
            } else {
                self.skip();
            }
            number += 1;
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
        let is_quoted = self.is_at_quote();
        let quote = self.peek();
        self.at += usize::from(is_quoted);
        let start = self.at;
        while let Some(byte) = self.peek() {
            let is_end = match is_quoted {
                true => Some(byte) == quote,
                false => byte <= b' ' || b"{}[]:,\"'".contains(&byte),
            };
            if is_end {
                break;
            }
            self.at += if byte == b'\\' && is_quoted { 2 } else { 1 };
        }
        let end = self.at.min(self.text.len());
        self.at = end + usize::from(is_quoted && end < self.text.len());
        &self.text[start..end]
    }

    /// The next byte that means something; separators mean nothing.
    fn next(&mut self) -> Option<u8> {
        self.gap();
        self.peek()
    }

    /// Passes over spaces, control characters, separators, byte order marks and comments.
    fn gap(&mut self) {
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            self.at += match rest {
                [0..=b' ' | b',', ..] => 1,
                [0xef, 0xbb, 0xbf, ..] => 3,
                [b'/', b'/', ..] => memchr::memchr(b'\n', rest).unwrap_or(rest.len()),
                [b'/', b'*', ..] => {
                    let end = memchr::memmem::find(&rest[2..], b"*/");
                    end.map_or(rest.len(), |end| end + 4)
                }
                _ => return,
            };
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn is_at_open(&self) -> bool {
        matches!(self.peek(), Some(b'{' | b'['))
    }

    fn is_at_quote(&self) -> bool {
        matches!(self.peek(), Some(b'"' | b'\''))
    }
}

/// What stands without quotes.
fn bare(word: &[u8]) -> Value<'_> {
    let number = || {
        let word = std::str::from_utf8(word).ok()?;
        word.parse().ok().or_else(|| in_hex(word))
    };
    match word {
        b"true" => Value::Flag(true),
        b"false" => Value::Flag(false),
        b"null" => Value::Other,
        _ => number().map_or(Value::Text(word), Value::Number),
    }
}

/// A number of JSON5 such as `-0x1F`.
fn in_hex(word: &str) -> Option<f64> {
    let (sign, digits) = match word.strip_prefix('-') {
        Some(digits) => (-1.0, digits),
        None => (1.0, word.strip_prefix('+').unwrap_or(word)),
    };
    let digits = digits
        .strip_prefix("0x")
        .or_else(|| digits.strip_prefix("0X"))?;
    digits
        .chars()
        .try_fold(0.0, |value, digit| {
            Some(value * 16.0 + f64::from(digit.to_digit(16)?))
        })
        .filter(|_| !digits.is_empty())
        .map(|value| sign * value)
}
