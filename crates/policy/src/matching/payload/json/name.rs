//! Names of members, as readers compare them.
//!
//! To some, capitals are other letters than small ones; cJSON, Go's encoding/json and Newtonsoft.Json don't tell them
//! apart. And some end at a NUL, or take no notice of white space around a name.

use smallvec::SmallVec;

use super::space::trimmed;
use super::text::{any_reading, with_decoded};
use crate::matching::payload::pointer::Token;

/// Names are folded on the stack up to here.
const INLINE_BYTES: usize = 64;

/// What all names have in common that some reader takes for this one: their letters are small, and nothing is around.
pub(in crate::matching::payload) fn folded(name: &str) -> SmallVec<[u8; INLINE_BYTES]> {
    let name = trimmed(name);
    if name.is_ascii() {
        let mut folded = SmallVec::from_slice(name.as_bytes());
        folded.make_ascii_lowercase();
        return folded;
    }
    let mut folded = SmallVec::new();
    for c in name.chars().map(small) {
        folded.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
    folded
}

/// The small letter of all that differ in nothing but their case; where that takes several, a letter stays itself.
fn small(c: char) -> char {
    let mut capitals = c.to_uppercase();
    let capital = match capitals.len() {
        1 => capitals.next().unwrap_or(c),
        _ => c,
    };
    capital.to_lowercase().next().unwrap_or(capital)
}

/// Shows what some reader may take for the name that these bytes spell, each folded.
pub(super) fn each_folded(raw: &[u8], mut show: impl FnMut(&[u8])) {
    if is_folded(raw) {
        return show(raw);
    }
    if is_plain(raw) {
        let mut small = SmallVec::<[u8; INLINE_BYTES]>::from_slice(raw);
        small.make_ascii_lowercase();
        return show(&small);
    }
    any_reading(raw, |name| {
        show(&folded(name));
        false
    });
}

/// Whether every byte is a character by itself, and its own small letter: that is one name to every reader.
#[inline]
pub(super) fn is_folded(raw: &[u8]) -> bool {
    raw.iter().all(|byte| IS_FOLDED[usize::from(*byte)])
}

/// The same but for capitals, as in `maxSpeed`.
fn is_plain(raw: &[u8]) -> bool {
    raw.iter()
        .all(|byte| byte.is_ascii_uppercase() || IS_FOLDED[usize::from(*byte)])
}

static IS_FOLDED: [bool; 256] = {
    let mut folded = [false; 256];
    let mut byte: u8 = 0;
    while byte < 0x7f {
        folded[byte as usize] = matches!(byte, b'!'..=b'@' | b'[' | b']'..=b'~');
        byte += 1;
    }
    folded
};

/// Whether a name without a mistake is the one that a pointer has: `Some(true)` to every reader, `Some(false)` to some.
pub(super) fn named(raw: &[u8], token: &Token) -> Option<bool> {
    let mut is_like = false;
    each_folded(raw, |name| is_like |= name == token.folded());
    is_like.then(|| with_decoded(raw, &|name| name == token.text()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_that_differ_in_case_or_in_what_is_around_are_folded_alike() {
        for alike in [
            &[
                "speed",
                "SPEED",
                "sPeEd",
                " speed",
                "speed\t\u{a0}\u{feff}",
                "\u{17f}peed",
            ][..],
            &["k", "K", "\u{212a}"],
            &["größe", "GRÖßE", "grö\u{1e9e}e"],
            &["σ", "ς", "Σ"],
            &["i", "I", "ı", "İ"],
            &["", " "],
        ] {
            for name in alike {
                assert_eq!(folded(name), folded(alike[0]), "{name:?}");
            }
        }
        for (one, other) in [
            ("speed", "sp eed"),
            ("speed", "speed2"),
            ("a_b", "ab"),
            ("a", "ä"),
        ] {
            assert_ne!(folded(one), folded(other), "{one} {other}");
        }
    }

    #[test]
    fn what_is_folded_in_short_is_what_is_folded_in_full() {
        for raw in [
            "maxSpeed",
            "MAX-SPEED_2",
            "a[Z]",
            "",
            "max Speed",
            r"max\u0053peed",
            "größE",
        ] {
            let (mut short, mut full) = (Vec::new(), Vec::new());
            each_folded(raw.as_bytes(), |name| short.push(name.to_vec()));
            any_reading(raw.as_bytes(), |name| {
                full.push(folded(name).to_vec());
                false
            });
            assert_eq!(short, full, "{raw}");
        }
    }

    #[test]
    fn a_name_is_surely_one_or_perhaps() {
        let token = |text: &str| Token::new(text).expect("a token");
        for (raw, is_named) in [
            ("speed", Some(true)),
            (r"\u0073peed", Some(true)),
            ("Speed", Some(false)),
            (r"\u017fpeed", Some(false)),
            (r"speed\u0000", Some(false)),
            (r"speed\u0000x", Some(false)),
            (r"spe\u0000ed", Some(false)),
            (r"spe\ud800ed", Some(false)),
            (r"speed\t", Some(false)),
            ("speed ", Some(false)),
            ("spee", None),
            ("speedx", None),
            (r"x\u0000speed", None),
        ] {
            assert_eq!(named(raw.as_bytes(), &token("speed")), is_named, "{raw}");
        }
    }

    proptest! {
        /// Names that are compared without a detour are folded as they stand.
        #[test]
        fn what_is_folded_stays_so(name in "\\PC{0,12}") {
            let once = folded(&name);
            let text = std::str::from_utf8(&once).expect("text");
            prop_assert_eq!(&folded(text), &once);
            if is_folded(name.as_bytes()) {
                prop_assert_eq!(&*once, name.as_bytes());
            }
        }
    }
}
