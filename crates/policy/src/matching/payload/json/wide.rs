//! JSON in UTF-16 and UTF-32, which RFC 8259 left behind (§8.1) and RFC 4627 allowed (§3): readers of bytes, as
//! Python's `json.loads`, still tell these by a byte order mark or by where the zeros of the first characters are.

use std::char::{REPLACEMENT_CHARACTER, decode_utf16};

/// Bytes of one unit, and which end of it comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wide {
    Utf16 { is_big: bool },
    Utf32 { is_big: bool },
}

/// The same in UTF-8, if it isn't that already. What is no character stands for the one that says so.
pub(super) fn narrowed(text: &[u8]) -> Option<String> {
    Some(match encoding(text)? {
        Wide::Utf16 { is_big } => {
            let units = text.as_chunks().0.iter().map(|unit| match is_big {
                true => u16::from_be_bytes(*unit),
                false => u16::from_le_bytes(*unit),
            });
            let read = decode_utf16(units).map(|read| read.unwrap_or(REPLACEMENT_CHARACTER));
            read.collect()
        }
        Wide::Utf32 { is_big } => {
            let units = text.as_chunks().0.iter().map(|unit| match is_big {
                true => u32::from_be_bytes(*unit),
                false => u32::from_le_bytes(*unit),
            });
            let read = units.map(|unit| char::from_u32(unit).unwrap_or(REPLACEMENT_CHARACTER));
            read.collect()
        }
    })
}

/// Which of them it is, as such readers tell it.
#[inline]
fn encoding(text: &[u8]) -> Option<Wide> {
    match *text {
        [0xff, 0xfe, 0, 0, ..] => Some(Wide::Utf32 { is_big: false }),
        [0xff, 0xfe, ..] => Some(Wide::Utf16 { is_big: false }),
        [0xfe, 0xff, ..] => Some(Wide::Utf16 { is_big: true }),
        [0, 0, ..] => Some(Wide::Utf32 { is_big: true }),
        [0, ..] => Some(Wide::Utf16 { is_big: true }),
        [_, 0, 0, 0, ..] => Some(Wide::Utf32 { is_big: false }),
        [_, 0, ..] => Some(Wide::Utf16 { is_big: false }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str, wide: Wide) -> Vec<u8> {
        let end = |is_big, [first, second]: [u8; 2]| match is_big {
            true => [first, second],
            false => [second, first],
        };
        match wide {
            Wide::Utf16 { is_big } => {
                let units = text.encode_utf16().map(u16::to_be_bytes);
                units.flat_map(|unit| end(is_big, unit)).collect()
            }
            Wide::Utf32 { is_big } => {
                let units = text.chars().map(|c| u32::from(c).to_be_bytes());
                let ends = |mut unit: [u8; 4]| {
                    if !is_big {
                        unit.reverse();
                    }
                    unit
                };
                units.flat_map(ends).collect()
            }
        }
    }

    #[test]
    fn all_of_them_are_read_with_their_mark_and_without() {
        let text = "{\"speed\":900,\"näme\":\"𝛼\"}";
        for is_big in [false, true] {
            for wide in [Wide::Utf16 { is_big }, Wide::Utf32 { is_big }] {
                assert_eq!(
                    narrowed(&written(text, wide)).as_deref(),
                    Some(text),
                    "{wide:?}"
                );
                let marked = format!("\u{feff}{text}");
                let read = narrowed(&written(&marked, wide));
                assert_eq!(read, Some(marked), "{wide:?}");
            }
        }
        for narrow in ["", "1", "{}", text, "\u{feff}{}"] {
            assert_eq!(narrowed(narrow.as_bytes()), None, "{narrow}");
        }
    }

    #[test]
    fn half_a_character_is_one_that_says_so() {
        assert_eq!(
            narrowed(b"\xff\xfe\x00\xd8a\x00b").as_deref(),
            Some("\u{feff}\u{fffd}a")
        );
        assert_eq!(
            narrowed(&[0, 0, 0xff, 0xff, 0, 0, 0, b'a']).as_deref(),
            Some("\u{ffff}a")
        );
        assert_eq!(narrowed(&[0, 0x11, 0, 0, 0]).as_deref(), Some("\u{11}\0"));
    }
}
