//! UTF-8 encoded strings (MQTT 5.0 §1.5.4, 3.1.1 §1.5.3).
//!
//! Ill-formed sequences (overlong forms, surrogates, code points beyond U+10FFFF) and U+0000 are
//! violations; control characters, non-characters and U+FEFF are oddities.

use super::{Anomalies, Anomaly, Malformed};

/// What there is to say about a string found well-formed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Marks {
    /// `+` or `#` occurs.
    pub(crate) has_wildcard: bool,
    pub(crate) anomalies: Anomalies,
}

/// Checks the bytes of a string.
#[inline]
pub(crate) fn check(bytes: &[u8]) -> Result<Marks, Malformed> {
    match plain(bytes) {
        Some(has_wildcard) => Ok(Marks {
            has_wildcard,
            anomalies: Anomalies::EMPTY,
        }),
        None => check_odd(bytes),
    }
}

/// Whether a string of nothing but printable ASCII has wildcards; nothing of any other.
#[inline]
fn plain(bytes: &[u8]) -> Option<bool> {
    let Some(last) = bytes.last_chunk() else {
        return plain_short(bytes);
    };
    let mut lanes = Lanes::new();
    // The last lanes overlap those before them where the length is no multiple.
    lanes.look_at(last);
    for chunk in bytes.as_chunks().0 {
        lanes.look_at(chunk);
    }
    lanes.verdict()
}

/// Sixteen bytes at a time, which the compiler puts into one vector register.
struct Lanes {
    /// Zero where all bytes were printable.
    odd: [u8; 16],
    /// Not zero where no byte was `+` or `#`.
    tame: [u8; 16],
}

impl Lanes {
    #[inline]
    fn new() -> Self {
        Self {
            odd: [0; 16],
            tame: [u8::MAX; 16],
        }
    }

    #[inline]
    fn look_at(&mut self, bytes: &[u8; 16]) {
        for (lane, byte) in bytes.iter().enumerate() {
            self.odd[lane] |= byte.wrapping_sub(0x20).saturating_sub(0x5e);
            // The two differ in one bit.
            self.tame[lane] = self.tame[lane].min((byte | 0x08) ^ 0x2b);
        }
    }

    /// Whether there was a wildcard; nothing if anything was odd.
    #[inline]
    fn verdict(&self) -> Option<bool> {
        let wild = self.tame.map(|lane| if lane == 0 { u8::MAX } else { 0 });
        (u128::from_ne_bytes(self.odd) == 0).then_some(u128::from_ne_bytes(wild) != 0)
    }
}

/// The same of less than sixteen. Apart, so that the rest is small enough to stand where it is used.
#[inline(never)]
fn plain_short(bytes: &[u8]) -> Option<bool> {
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let mut lanes = Lanes::new();
        lanes.look_at(&overlaid(*first, *last));
        return lanes.verdict();
    }
    let class = bytes
        .iter()
        .fold(0, |class, byte| class | CLASS[usize::from(*byte)]);
    (class & !WILDCARD == 0).then_some(class != 0)
}

/// The first and the last eight bytes of eight to sixteen.
#[inline]
fn overlaid(first: [u8; 8], last: [u8; 8]) -> [u8; 16] {
    let [first, last] = [first, last].map(|half| u128::from(u64::from_ne_bytes(half)));
    (first | last << 64).to_ne_bytes()
}

const NUL: u8 = 1;
const CONTROL: u8 = 2;
const WILDCARD: u8 = 4;
const HIGH: u8 = 8;

/// What a single byte may mean; a table, because one pass over it is all an ASCII string costs.
const CLASS: [u8; 256] = {
    let mut class = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        class[byte] = match byte as u8 {
            0 => NUL,
            0x01..=0x1f | 0x7f => CONTROL,
            b'+' | b'#' => WILDCARD,
            0x80.. => HIGH,
            _ => 0,
        };
        byte += 1;
    }
    class
};

/// Checks a string that has more to it than printable ASCII.
#[cold]
fn check_odd(bytes: &[u8]) -> Result<Marks, Malformed> {
    let text = std::str::from_utf8(bytes).map_err(|_| Malformed::Utf8)?;
    let class = bytes
        .iter()
        .fold(0, |class, byte| class | CLASS[usize::from(*byte)]);
    if class & NUL != 0 {
        return Err(Malformed::Utf8Null);
    }
    Ok(Marks {
        has_wildcard: class & WILDCARD != 0,
        anomalies: oddities(text),
    })
}

fn oddities(text: &str) -> Anomalies {
    let mut anomalies = Anomalies::EMPTY;
    for character in text.chars() {
        match u32::from(character) {
            0x01..=0x1f | 0x7f..=0x9f => anomalies.insert(Anomaly::ControlCharacter),
            0xfeff => anomalies.insert(Anomaly::ZeroWidth),
            0xfdd0..=0xfdef => anomalies.insert(Anomaly::NonCharacter),
            point if point & 0xfffe == 0xfffe => anomalies.insert(Anomaly::NonCharacter),
            _ => {}
        }
    }
    anomalies
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ill_formed_strings_are_refused() {
        let table: [(&[u8], Malformed); 11] = [
            (b"a\xc3", Malformed::Utf8),                // truncated
            (b"\xc0\xaf", Malformed::Utf8),             // overlong "/"
            (b"\xe0\x80\xaf", Malformed::Utf8),         // overlong "/"
            (b"\xf0\x80\x80\xaf", Malformed::Utf8),     // overlong "/"
            (b"\xc0\x80", Malformed::Utf8),             // Java's U+0000
            (b"\xed\xa0\x80", Malformed::Utf8),         // U+D800
            (b"\xed\xbf\xbf", Malformed::Utf8),         // U+DFFF
            (b"\xf4\x90\x80\x80", Malformed::Utf8),     // U+110000
            (b"\xf8\x88\x80\x80\x80", Malformed::Utf8), // five-byte form
            (b"\x80", Malformed::Utf8),                 // stray continuation
            (b"a\0b", Malformed::Utf8Null),
        ];
        for (bytes, expected) in table {
            assert_eq!(check(bytes).unwrap_err(), expected, "{bytes:02x?}");
        }
    }

    #[test]
    fn odd_characters_are_flagged_and_kept() {
        let table = [
            ("plain/topic", None),
            ("gr\u{fc}n/\u{1f600}", None),
            ("a\u{1}", Some(Anomaly::ControlCharacter)),
            ("a\u{7f}", Some(Anomaly::ControlCharacter)),
            ("a\u{85}", Some(Anomaly::ControlCharacter)),
            ("\u{feff}admin", Some(Anomaly::ZeroWidth)),
            ("\u{ffff}", Some(Anomaly::NonCharacter)),
            ("\u{fdd0}", Some(Anomaly::NonCharacter)),
            ("\u{10fffe}", Some(Anomaly::NonCharacter)),
        ];
        for (text, expected) in table {
            let checked = check(text.as_bytes()).unwrap();
            assert_eq!(checked.anomalies.iter().next(), expected, "{text:?}");
        }
    }

    /// Every byte at every place of strings of every length the words fall into differently.
    #[test]
    fn a_word_at_a_time_sees_what_a_byte_at_a_time_does() {
        for len in 0..=49 {
            for (place, byte) in (0..len).flat_map(|at| (0..=255).map(move |byte| (at, byte))) {
                for filler in [b' ', b'~', b'a'] {
                    let mut bytes = vec![filler; len];
                    bytes[place] = byte;
                    let has_wildcard = matches!(byte, b'+' | b'#');
                    let expected = matches!(byte, 0x20..=0x7e).then_some(has_wildcard);
                    assert_eq!(plain(&bytes), expected, "{bytes:02x?}");
                }
            }
        }
        assert_eq!(plain(b""), Some(false));
    }

    #[test]
    fn wildcards_are_seen_anywhere() {
        for (text, expected) in [
            ("a/b", false),
            ("#", true),
            ("a+b", true),
            ("\u{fc}/+", true),
        ] {
            assert_eq!(
                check(text.as_bytes()).unwrap().has_wildcard,
                expected,
                "{text:?}"
            );
        }
    }
}
