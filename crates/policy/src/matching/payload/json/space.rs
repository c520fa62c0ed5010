//! White space of all kinds.

const BYTE_ORDER_MARK: char = '\u{feff}';

/// Without the white space around it; a byte order mark is such to JSON5 (§8).
pub(super) fn trimmed(text: &str) -> &str {
    text.trim_matches(is_space)
}

fn is_space(c: char) -> bool {
    c.is_whitespace() || c == BYTE_ORDER_MARK
}

/// How many bytes white space takes that isn't of ASCII, if the text begins with such.
pub(super) fn wide_len(text: &[u8]) -> Option<usize> {
    let len = match text.first()? {
        0xc2 => 2,
        0xe1..=0xef => 3,
        _ => return None,
    };
    let c = std::str::from_utf8(text.get(..len)?).ok()?;
    c.starts_with(is_space).then_some(len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_all_the_white_space_there_is() {
        for c in (0..=u32::from(char::MAX)).filter_map(char::from_u32) {
            let text = format!("{c}x");
            let len = (is_space(c) && !c.is_ascii()).then(|| c.len_utf8());
            assert_eq!(wide_len(text.as_bytes()), len, "{c:?}");
        }
        assert_eq!(wide_len(b"\xc2"), None);
        assert_eq!(wide_len(b"\xe2\x80"), None);
        assert_eq!(trimmed("\u{feff} a b\u{3000}\u{2029}"), "a b");
    }
}
