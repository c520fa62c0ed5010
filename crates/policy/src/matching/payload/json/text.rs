//! What stands between the quotes of a string.

use smallvec::SmallVec;

/// Texts with escapes are decoded on the stack up to here.
const INLINE_BYTES: usize = 256;

/// The number in `\u0041`.
pub(super) fn code_unit(escape: &[u8]) -> Option<u16> {
    let digits = escape.get(2..6)?;
    digits.iter().try_fold(0, |unit: u16, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        Some(unit << 4 | u16::try_from(digit).ok()?)
    })
}

/// Asks of the text that a string's inside stands for; half a character is none.
pub(super) fn with_decoded(raw: &[u8], test: &dyn Fn(&str) -> bool) -> bool {
    if !raw.contains(&b'\\') {
        return std::str::from_utf8(raw).is_ok_and(test);
    }
    let mut text = SmallVec::<[u8; INLINE_BYTES]>::new();
    decode(raw, &mut text) && std::str::from_utf8(&text).is_ok_and(test)
}

/// The same of any bytes.
pub(super) fn with_lossy(raw: &[u8], test: &dyn Fn(&str) -> bool) -> bool {
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
