//! JSON as the most lenient of readers takes it: wherever one might find what a pointer names, this one does.
//!
//! It knows no mistakes. Names and texts stand in single quotes or in none, commas too many or missing, comments,
//! control characters and bytes that aren't UTF-8 anywhere; whatever isn't on the pointer's way is passed over,
//! however deep. Of two members with one name it shows both, and of objects that follow one another each.

use super::{Value, index, with_lossy};

/// Whether one of the values that `way` may lead to passes.
pub(super) fn any<'t>(
    text: &'t [u8],
    way: &[Box<str>],
    mut passes: impl FnMut(Value<'t>) -> bool,
) -> bool {
    let mut reader = Reader { text, at: 0 };
    reader.gap();
    if !reader.is_at_open() {
        // A number or a text by itself, which only the empty pointer names.
        return way.is_empty() && reader.value(way, &mut passes);
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
    fn value(&mut self, way: &[Box<str>], passes: &mut impl FnMut(Value<'t>) -> bool) -> bool {
        let Some((token, rest)) = way.split_first() else {
            return self.target(passes);
        };
        match self.peek() {
            Some(b'{') => self.object(token, rest, passes),
            Some(b'[') => self.array(token, rest, passes),
            _ => {
                self.skip();
                false
            }
        }
    }

    /// The value that was looked for.
    fn target(&mut self, passes: &mut impl FnMut(Value<'t>) -> bool) -> bool {
        if self.is_at_open() {
            self.skip();
            return passes(Value::Other);
        }
        if matches!(self.peek(), None | Some(b'}' | b']' | b':')) {
            return false;
        }
        let is_quoted = self.is_at_quote();
        let text = self.text();
        passes(if is_quoted {
            Value::Text(text)
        } else {
            bare(text)
        })
    }

    fn object(
        &mut self,
        token: &str,
        rest: &[Box<str>],
        passes: &mut impl FnMut(Value<'t>) -> bool,
    ) -> bool {
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
                    let is_on_way =
                        self.next() == Some(b':') && with_lossy(name, &|name| name == token);
                    if is_on_way {
                        self.at += 1;
                        self.gap();
                        if self.value(rest, passes) {
                            return true;
                        }
                    } else if self.next() == Some(b':') {
                        self.at += 1;
                        self.skip();
                    }
                }
            }
        }
        false
    }

    fn array(
        &mut self,
        token: &str,
        rest: &[Box<str>],
        passes: &mut impl FnMut(Value<'t>) -> bool,
    ) -> bool {
        let wanted = index(token);
        let mut number = 0;
        self.at += 1;
        while let Some(byte) = self.next() {
            if matches!(byte, b'}' | b']') {
                self.at += 1;
                return false;
            }
            if wanted == Some(number) {
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
    let number = || std::str::from_utf8(word).ok()?.parse().ok();
    match word {
        b"true" => Value::Flag(true),
        b"false" => Value::Flag(false),
        b"null" => Value::Other,
        _ => number().map_or(Value::Text(word), Value::Number),
    }
}
