//! Regular expressions over payloads, built when the first payload has what they need: of ten thousand, a plant
//! meets few.

use std::sync::OnceLock;

use regex::bytes::{Regex, RegexBuilder};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::literal::Extractor;
use regex_syntax::hir::{Class, Hir, HirKind, Look};

use super::{MAX_PATTERN_BYTES, needed, stray};

/// Larger programs take too long to build, and too much of the cache.
const REGEX_BYTES: usize = 256 << 10;
/// More than a state of a program takes, its share of everything else included.
const STATE_BYTES: usize = 64;
/// More than the states of one range of characters, as sequences of bytes read either way.
const RANGE_STATES: usize = 32;

/// More levels than an expression has in other words: as it is written it has at most 250.
const NEST_LIMIT: u32 = 1000;

/// A regular expression, matched anywhere unless it says `^`.
#[derive(Debug, Clone)]
pub(crate) struct Expression {
    text: Box<str>,
    /// As it is built, if in other words.
    wide: Option<Box<str>>,
    /// It has a `\x8b` that is a character, which takes two bytes.
    means_bytes: bool,
    /// Whether what it matches doesn't depend on what stands around that.
    is_about_itself: bool,
    /// Literals of which every payload it matches has one, if there are such.
    needs: Option<Box<[Box<[u8]>]>>,
    /// Built beforehand where nothing less shows that it isn't too large.
    regex: OnceLock<Regex>,
}

/// Why a text is no regular expression that a rule may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ExpressionError {
    TooLarge,
    /// In the words of the parser, its last line.
    Syntax(String),
}

/// What every payload has that a regular expression matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// So many bytes or more.
    pub(crate) least: usize,
    /// No more than so many, if it is about the whole payload.
    pub(crate) most: Option<usize>,
    /// One of these at its beginning, if it is about that.
    pub(crate) prefixes: Option<Vec<Box<[u8]>>>,
}

impl Expression {
    pub(crate) fn new(text: &str) -> Result<Self, ExpressionError> {
        if text.len() > MAX_PATTERN_BYTES {
            return Err(ExpressionError::TooLarge);
        }
        let Some(parsed) = parse(text) else {
            // To be told why.
            return Err(build(text).err().unwrap_or(ExpressionError::TooLarge));
        };
        let widened = stray::with_stray_bytes(&parsed);
        let wide = widened.as_ref().map(|wide| wide.to_string().into());
        let hir = widened.as_ref().unwrap_or(&parsed);
        let expression = Self {
            text: text.into(),
            wide,
            means_bytes: stray::means_bytes(text, &parsed),
            needs: needed::needed(hir).map(Into::into),
            is_about_itself: hir.properties().look_set().is_empty(),
            regex: OnceLock::new(),
        };
        if !is_small(hir) {
            let built = build(expression.built_of())?;
            expression.regex.get_or_init(|| built);
        }
        Ok(expression)
    }

    /// Whether it matches a text wherever it matches a part of it: no `^`, no `$`, no `\b`.
    pub(super) fn is_about_itself(&self) -> bool {
        self.is_about_itself
    }

    pub(super) fn is_match(&self, payload: &[u8]) -> bool {
        let regex = self.regex.get_or_init(|| {
            build(self.built_of()).expect("small, and parsed when the rule was read")
        });
        regex.is_match(payload)
    }

    /// Whether a `\x8b` in it is a character, and was probably meant to be a byte.
    pub(crate) fn means_bytes(&self) -> bool {
        self.means_bytes
    }

    /// What it says of every payload that it matches. It is parsed anew for that: few rules ask for more than one
    /// thing of a payload.
    pub(crate) fn bounds(&self) -> Option<Bounds> {
        let parsed = parse(self.built_of())?;
        let properties = parsed.properties();
        let begins = properties.look_set_prefix().contains(Look::Start);
        let ends = properties.look_set_suffix().contains(Look::End);
        let prefixes = Extractor::new().extract(&parsed);
        let prefixes = prefixes.literals().filter(|_| begins);
        let prefixes = prefixes.map(|all| all.iter().map(|one| one.as_bytes().into()).collect());
        Some(Bounds {
            least: properties.minimum_len()?,
            most: properties.maximum_len().filter(|_| begins && ends),
            prefixes,
        })
    }

    fn built_of(&self) -> &str {
        self.wide.as_deref().unwrap_or(&self.text)
    }

    /// Literals of which every payload it matches has one, if there are such.
    pub(crate) fn needs(&self) -> Option<&[Box<[u8]>]> {
        self.needs.as_deref()
    }
}

/// As the builder of a [`Regex`] over bytes parses it.
pub(super) fn parse(text: &str) -> Option<Hir> {
    ParserBuilder::new().utf8(false).build().parse(text).ok()
}

fn build(text: &str) -> Result<Regex, ExpressionError> {
    let mut builder = RegexBuilder::new(text);
    let built = builder
        .size_limit(REGEX_BYTES)
        .dfa_size_limit(REGEX_BYTES)
        .nest_limit(NEST_LIMIT)
        .build();
    built.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => ExpressionError::TooLarge,
        error => {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default();
            ExpressionError::Syntax(last.trim_start_matches("error: ").to_owned())
        }
    })
}

/// Whether its program is well below the bound, however it is built.
fn is_small(hir: &Hir) -> bool {
    states(hir).saturating_mul(STATE_BYTES) <= REGEX_BYTES
}

/// More states than its program has.
fn states(hir: &Hir) -> usize {
    let inner = match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => 1,
        HirKind::Literal(literal) => literal.0.len(),
        HirKind::Class(Class::Bytes(class)) => class.ranges().len(),
        HirKind::Class(Class::Unicode(class)) => class.ranges().len().saturating_mul(RANGE_STATES),
        HirKind::Capture(capture) => states(&capture.sub),
        HirKind::Repetition(repetition) => {
            // Without a most, the last one goes round and round.
            let times = repetition.max.unwrap_or(repetition.min).max(1);
            states(&repetition.sub).saturating_mul(times as usize)
        }
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().map(states).fold(0, usize::saturating_add)
        }
    };
    inner.saturating_add(4)
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Expression {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_expression_too_large_is_told_from_a_wrong_one() {
        assert!(Expression::new(r"^\d+$").is_ok());
        for large in [r"(\w{1000}){1000}".to_owned(), "a".repeat(2000)] {
            assert_eq!(
                Expression::new(&large).err(),
                Some(ExpressionError::TooLarge)
            );
        }
        assert!(matches!(
            Expression::new("a("),
            Err(ExpressionError::Syntax(_))
        ));
    }

    #[test]
    fn what_a_plant_writes_is_small_and_what_is_large_is_built_at_once() {
        for (text, small) in [
            (r"^set-7=\d+;", true),
            ("(?i)reboot|halt", true),
            (r"[;|&`]|\$\(", true),
            (r"\w{4}", false),
            ("(a{1,50}){1,50}", false),
        ] {
            let expression = Expression::new(text).expect("a right expression");
            assert_eq!(expression.regex.get().is_none(), small, "{text}");
        }
    }

    #[test]
    fn what_is_said_of_the_payload_itself_is_told_from_what_is_in_it() {
        for (text, least, most, prefixes) in [
            ("^a$", 1, Some(1), Some(&["a"][..])),
            ("^on|off$", 2, None, None),
            ("^(on|off)$", 2, Some(3), Some(&["on", "off"])),
            ("(?m)^a$", 1, None, None),
            ("abc", 3, None, None),
            ("^y.*", 1, None, Some(&["y"])),
            ("a{2,4}$", 2, None, None),
        ] {
            let expression = Expression::new(text).expect("a right expression");
            let bounds = expression.bounds().expect("parsed before");
            assert_eq!((bounds.least, bounds.most), (least, most), "{text}");
            let prefixes: Option<Vec<Box<[u8]>>> =
                prefixes.map(|texts| texts.iter().map(|text| text.as_bytes().into()).collect());
            assert_eq!(bounds.prefixes, prefixes, "{text}");
        }
    }

    #[test]
    fn a_byte_that_is_no_character_hides_nothing() {
        for (text, payload, found) in [
            ("wget.*sh", &b"wget \xff|sh"[..], true),
            ("wget.*sh", b"wget \xe9|sh", true),
            ("wget.*sh", b"wget \n|sh", false),
            ("wget.{0,4}sh", b"wget \xff|sh", true),
            ("wget.{4}sh", b"wget \xff|sh", false),
            (r"wget\S+sh", b"wget\xff|sh", true),
            ("cmd=[^;]*;", b"cmd=a\xff;", true),
            ("cmd=([^;]+);", b"cmd=a\x80\xffb;", true),
            ("cmd=[^;];", b"cmd=;;", false),
            ("(?s)^HDR.*END$", b"HDR\x80\x81\xff\nEND", true),
            ("^.{1,3}$", "äöü".as_bytes(), true),
            ("^.{1,3}$", "äöüß".as_bytes(), false),
            // These are about characters.
            (r"\D", "٣".as_bytes(), false),
            (r"^\w+$", "äö".as_bytes(), true),
            ("[^ä]", "ä".as_bytes(), false),
            (r"(?-u)^\x1f\x8b", b"\x1f\x8b\x08", true),
        ] {
            let expression = Expression::new(text).expect("a right expression");
            assert_eq!(expression.is_match(payload), found, "{text} {payload:?}");
        }
    }

    #[test]
    fn bytes_that_were_meant_are_told_from_characters() {
        for (text, meant) in [
            (r"^\x1f\x8b", true),
            (r"[\x80-\xff]", true),
            (r"(?-u)^\x1f\x8b", false),
            (r"^\x1f(?-u:\x8b)", false),
            (r"^\x1f\x{8b}", false),
            (r"\x7f", false),
            ("é", false),
            (r"\\x8b", false),
        ] {
            let expression = Expression::new(text).expect("a right expression");
            assert_eq!(expression.means_bytes(), meant, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_taken_for_small_can_be_built(
            text in r"(\(?([a-z.]|\\[dwsDWS]|\[[a-fà-ü]{1,4}\]|\(a\|b\)|\(\?i:k\))([*+?]|\{[0-9]{1,2}(,[0-9]{0,3})?\})?\)?){0,12}",
        ) {
            if parse(&text).is_some_and(|hir| is_small(&hir)) {
                prop_assert!(build(&text).is_ok(), "{}", text);
            }
        }

        /// Of texts, it matches what it always did, but that what counts characters may count bytes.
        #[test]
        fn a_text_is_matched_as_it_is_written(
            expression in r"\^?(([a-zä]|\.|\[\^b\]|\\S|\\w|\(\?i:k\)|\((a|\.)\|b\))[*+?]?){0,6}\$?",
            text in "[a-eäk \n]{0,8}",
        ) {
            if let (Ok(wide), Ok(plain)) = (Expression::new(&expression), Regex::new(&expression)) {
                let plain = plain.is_match(text.as_bytes());
                prop_assert!(wide.is_match(text.as_bytes()) || !plain, "{} {}", expression, text);
                if text.is_ascii() {
                    prop_assert_eq!(wide.is_match(text.as_bytes()), plain, "{} {}", expression, text);
                }
            }
        }
    }
}
