//! What stands between the quotes of a string.

use std::char::REPLACEMENT_CHARACTER;

use smallvec::SmallVec;

/// Texts with escapes are decoded on the stack up to here.
const INLINE_BYTES: usize = 256;

type Text = SmallVec<[u8; INLINE_BYTES]>;

/// What readers make of what RFC 8259 §7 doesn't have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Escapes {
    /// A character with a backslash before it is that character (Jackson's ALLOW_BACKSLASH_ESCAPING_ANY_CHARACTER).
    Plain,
    /// `\x41`, `\v`, `\0` stand for characters, and a line may end within a text (JSON5 §5.1, §5.2). A character in
    /// more bytes than it needs is that one (Jackson's reader of bytes).
    Json5,
}

/// The number in `\u0041`.
pub(super) fn code_unit(escape: &[u8]) -> Option<u16> {
    let unit = hex(escape.get(2..6)?)?;
    u16::try_from(unit).ok()
}

fn hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |number, digit| {
        Some(number << 4 | char::from(*digit).to_digit(16)?)
    })
}

/// Asks of the text that a string's inside stands for to every reader; half a character is none.
pub(super) fn with_decoded(raw: &[u8], test: &dyn Fn(&str) -> bool) -> bool {
    if !raw.contains(&b'\\') {
        return std::str::from_utf8(raw).is_ok_and(test);
    }
    let mut text = Text::new();
    let is_whole = decode(raw, Escapes::Plain, &mut text);
    let all_pass = |text: &str| !any_length(text, &mut |text| !test(text));
    is_whole && std::str::from_utf8(&text).is_ok_and(all_pass)
}

/// Asks of the texts that any bytes stand for to some reader.
pub(super) fn with_any(raw: &[u8], test: &dyn Fn(&str) -> bool) -> bool {
    any_reading(raw, test)
}

/// Shows what readers make of any bytes, until one such passes: what is no character stands for the one that says so.
pub(crate) fn any_reading(raw: &[u8], mut passes: impl FnMut(&str) -> bool) -> bool {
    if memchr::memchr2(b'\\', 0, raw).is_none()
        && let Ok(text) = std::str::from_utf8(raw)
    {
        return passes(text);
    }
    let [mut plain, mut json5] = [Text::new(), Text::new()];
    decode(raw, Escapes::Plain, &mut plain);
    if any_length(&String::from_utf8_lossy(&plain), &mut passes) {
        return true;
    }
    decode(raw, Escapes::Json5, &mut json5);
    json5 != plain && any_length(&String::from_utf8_lossy(&json5), &mut passes)
}

/// Shows a text as it stands, up to its first NUL, where cJSON and its like end, and without what is no character, which
/// older ones of them leave out, and PHP's JSON_INVALID_UTF8_IGNORE.
fn any_length(text: &str, passes: &mut impl FnMut(&str) -> bool) -> bool {
    if passes(text) {
        return true;
    }
    if !text.contains(is_none) {
        return false;
    }
    let up_to_nul = text.split('\0').next().unwrap_or_default();
    let mut rest = Text::new();
    let parts = text.split(is_none).map(str::as_bytes);
    parts.for_each(|part| rest.extend_from_slice(part));
    up_to_nul != text && passes(up_to_nul) || std::str::from_utf8(&rest).is_ok_and(passes)
}

fn is_none(c: char) -> bool {
    matches!(c, '\0' | REPLACEMENT_CHARACTER)
}

/// Writes what escapes stand for; false if one of them stands for nothing.
fn decode(mut raw: &[u8], escapes: Escapes, text: &mut Text) -> bool {
    let mut is_whole = true;
    while let Some(&byte) = raw.first() {
        let of_json5 = (escapes == Escapes::Json5).then(|| of_json5(raw)).flatten();
        if let Some((c, len)) = of_json5 {
            c.into_iter().for_each(|c| push(text, c));
            raw = &raw[len..];
            continue;
        }
        if byte != b'\\' {
            text.push(byte);
            raw = &raw[1..];
            continue;
        }
        let escaped = escaped(raw);
        is_whole &= escaped.is_some();
        let (c, len) = escaped.unwrap_or((REPLACEMENT_CHARACTER, broken_len(raw)));
        push(text, c);
        raw = raw.get(len..).unwrap_or_default();
    }
    is_whole
}

fn push(text: &mut Text, c: char) {
    text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

/// The length of an escape that stands for nothing: half a character, or no escape at all.
fn broken_len(raw: &[u8]) -> usize {
    match raw {
        [b'\\', b'u', ..] if code_unit(raw).is_some() => 6,
        _ => 2,
    }
}

/// What only [`Escapes::Json5`] knows, and its length; the end of a line within a text is no character.
fn of_json5(raw: &[u8]) -> Option<(Option<char>, usize)> {
    let code = |byte: u8, bits: u8| u32::from(byte & bits);
    let (code, len) = match *raw {
        [b'\\', b'\r', b'\n', ..] => return Some((None, 3)),
        [b'\\', b'\n' | b'\r', ..] => return Some((None, 2)),
        [b'\\', 0xe2, 0x80, 0xa8 | 0xa9, ..] => return Some((None, 4)),
        [b'\\', b'v', ..] => (0xb, 2),
        [b'\\', b'0', ..] => (0, 2),
        [b'\\', b'x', high, low, ..] => (hex(&[high, low])?, 4),
        [lead @ 0xc0..=0xc1, low @ 0x80..=0xbf, ..] => (code(lead, 1) << 6 | code(low, 0x3f), 2),
        [0xe0, high @ 0x80..=0x9f, low @ 0x80..=0xbf, ..] => {
            (code(high, 0x1f) << 6 | code(low, 0x3f), 3)
        }
        _ => return None,
    };
    Some((char::from_u32(code), len))
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
    use super::*;

    #[test]
    fn every_reading_of_a_text_is_shown() {
        for (raw, readings) in [
            (&b"auto"[..], &["auto"][..]),
            (br"\u0061uto", &["auto"]),
            (br"\x61uto", &["x61uto", "auto"]),
            (b"au\\\nto", &["au\nto", "auto"]),
            (b"au\\\r\nto", &["au\r\nto", "auto"]),
            (
                b"au\\\xe2\x80\xa8to",
                &["au\u{e2}\u{fffd}\u{fffd}to", "au\u{e2}to", "auto"],
            ),
            (br"auto\u0000x", &["auto\0x", "auto", "autox"]),
            (b"auto\0x", &["auto\0x", "auto", "autox"]),
            (br"au\ud800to", &["au\u{fffd}to", "auto"]),
            (b"au\xffto", &["au\u{fffd}to", "auto"]),
            (b"\xc1\xa1uto", &["\u{fffd}\u{fffd}uto", "uto", "auto"]),
            (br"\xg1", &["xg1"]),
            (b"\\", &["\u{fffd}", ""]),
        ] {
            let mut shown = Vec::new();
            let any = any_reading(raw, |text| {
                shown.push(text.to_owned());
                false
            });
            assert!(!any);
            assert_eq!(shown, readings, "{}", raw.escape_ascii());
        }
    }
}
