//! Percent-encoding (RFC 3986 §2.1), as paths write what would else end a segment.

/// The bytes that `text` stands for; none where a `%` isn't followed by two hex digits.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let mut digit = || char::from(bytes.next()?).to_digit(16);
        let value = digit()? * 16 + digit()?;
        decoded.push(u8::try_from(value).expect("two hex digits"));
    }
    Some(decoded)
}
