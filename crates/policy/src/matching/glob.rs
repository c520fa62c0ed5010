//! Globs over text: `*` stands for any characters, `?` for one, `\` takes the next one literally.
//!
//! Clients choose the text, so the time is linear in it whatever the pattern: pieces between
//! stars are found one after the other, a piece with `?` by shift-and.

use super::prefix::listened;

/// Longer patterns are refused: a bit of a machine word stands for each character.
pub(crate) const MAX_CHARS: usize = 128;
/// Stands for any characters in the form of many texts; no topic has it ([MQTT-1.5.4-2]).
pub(crate) const ANYTHING: char = '\0';

/// A prepared pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Glob {
    /// What stands before, between and after the stars.
    pieces: Vec<Piece>,
}

/// Characters without a star.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// With at least one `?`.
    Holes(Holes),
}

/// A piece with holes, prepared for shift-and.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Holes {
    /// A hole is `None`.
    chars: Vec<Option<char>>,
    /// For each character, in order, the places in the piece that it fits.
    fits: Vec<(char, u128)>,
    /// The places of holes.
    holes: u128,
    /// The longest text between holes.
    text: Box<str>,
}

/// What every text that a glob matches has in some place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor<'g> {
    Whole(&'g str),
    Start(&'g str),
    End(&'g str),
    Inside(&'g str),
}

impl Glob {
    /// `None` for a pattern of more than [`MAX_CHARS`].
    pub(crate) fn new(pattern: &str) -> Option<Self> {
        if pattern.chars().count() > MAX_CHARS {
            return None;
        }
        let mut pieces = vec![Vec::new()];
        let mut chars = pattern.chars();
        while let Some(c) = chars.next() {
            let piece = pieces.last_mut().expect("never empty");
            match c {
                '*' => pieces.push(Vec::new()),
                '?' => piece.push(None),
                '\\' => piece.push(Some(chars.next().unwrap_or('\\'))),
                c => piece.push(Some(c)),
            }
        }
        let pieces = pieces.into_iter().map(Piece::new).collect();
        Some(Self { pieces })
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        let [first, rest @ ..] = self.pieces.as_slice() else {
            return text.is_empty();
        };
        let Some(mut text) = first.strip_prefix(text) else {
            return false;
        };
        let [middle @ .., last] = rest else {
            return text.is_empty();
        };
        for piece in middle {
            match piece.skip_past(text) {
                Some(rest) => text = rest,
                None => return false,
            }
        }
        last.is_suffix(text)
    }
}

impl Glob {
    /// Whether every text that it matches has one of these characters.
    pub(crate) fn always_has(&self, one_of: &[char]) -> bool {
        self.pieces.iter().any(|piece| match piece {
            Piece::Text(text) => text.contains(one_of),
            Piece::Holes(holes) => holes.chars.iter().flatten().any(|c| one_of.contains(c)),
        })
    }

    /// Texts without stars or holes: the only one, or the one at each end and the longest in between.
    pub(crate) fn anchors(&self) -> impl Iterator<Item = Anchor<'_>> {
        let (first, rest) = match self.pieces.as_slice() {
            [Piece::Text(whole)] => {
                return [Some(Anchor::Whole(whole)), None, None]
                    .into_iter()
                    .flatten();
            }
            [first, rest @ ..] => (first.text(), rest),
            [] => (None, &[][..]),
        };
        let last = rest.last().and_then(Piece::text);
        let middle = 1..self.pieces.len() - 1;
        let inside = self
            .pieces
            .iter()
            .enumerate()
            .filter_map(|(at, piece)| match piece {
                Piece::Text(text) => middle.contains(&at).then_some(text.as_str()),
                Piece::Holes(piece) => Some(&*piece.text),
            });
        let inside = inside.max_by_key(|text| text.len());
        let all = [
            inside.map(Anchor::Inside),
            first.map(Anchor::Start),
            last.map(Anchor::End),
        ];
        let all = all.map(|anchor| anchor.filter(|anchor| !anchor.text().is_empty()));
        all.into_iter().flatten()
    }

    /// The only text that it matches, if there is one.
    pub(crate) fn whole(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [Piece::Text(whole)] => Some(whole),
            _ => None,
        }
    }

    /// Whether it matches a text whatever [`ANYTHING`] in it stands for.
    pub(crate) fn matches_any_of(&self, form: &str) -> bool {
        let is_text =
            |piece: &Piece| matches!(piece, Piece::Text(text) if !text.contains(ANYTHING));
        (!form.contains(ANYTHING) || self.pieces.iter().all(is_text)) && self.matches(form)
    }

    /// What all it matches begins with, as far as it is text.
    pub(crate) fn start(&self) -> &str {
        match self.pieces.first() {
            Some(Piece::Text(text)) => text,
            _ => "",
        }
    }

    /// A topic filter that takes in all filters it matches, as far as they are plain: itself, or the levels that it
    /// begins with. What brokers take off a filter first is no level.
    pub(crate) fn filter_around(&self) -> Option<String> {
        if let Some(text) = self.whole() {
            return Some(listened(text).to_owned());
        }
        let (levels, _) = self.start().rsplit_once('/')?;
        (!levels.starts_with('$')).then(|| format!("{levels}/#"))
    }

    /// The same of a glob that asks for nothing else: `a*`, and `*`.
    pub(crate) fn only_start(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [Piece::Text(start), Piece::Text(end)] if end.is_empty() => Some(start),
            _ => None,
        }
    }

    /// What all it matches begins and ends with, of a glob with a star, where both are text.
    pub(crate) fn ends(&self) -> Option<(&str, &str)> {
        match self.pieces.as_slice() {
            [Piece::Text(start), .., Piece::Text(end)] => Some((start, end)),
            _ => None,
        }
    }
}

impl<'g> Anchor<'g> {
    pub(crate) fn text(self) -> &'g str {
        match self {
            Self::Whole(text) | Self::Start(text) | Self::End(text) | Self::Inside(text) => text,
        }
    }
}

impl Piece {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Holes(_) => None,
        }
    }

    fn new(chars: Vec<Option<char>>) -> Self {
        match chars.iter().copied().collect::<Option<String>>() {
            Some(text) => Self::Text(text),
            None => Self::Holes(Holes::new(chars)),
        }
    }

    fn strip_prefix<'t>(&self, text: &'t str) -> Option<&'t str> {
        match self {
            Self::Text(piece) => text.strip_prefix(piece.as_str()),
            Self::Holes(piece) => {
                let mut chars = text.chars();
                let fits = piece
                    .chars
                    .iter()
                    .all(|p| chars.next().is_some_and(|c| p.is_none_or(|p| p == c)));
                fits.then_some(chars.as_str())
            }
        }
    }

    fn is_suffix(&self, text: &str) -> bool {
        match self {
            Self::Text(piece) => text.ends_with(piece.as_str()),
            Self::Holes(piece) => {
                let mut chars = text.chars().rev();
                let mut piece = piece.chars.iter().rev();
                piece.all(|p| chars.next().is_some_and(|c| p.is_none_or(|p| p == c)))
            }
        }
    }

    /// What follows the first occurrence in `text`.
    fn skip_past<'t>(&self, text: &'t str) -> Option<&'t str> {
        match self {
            Self::Text(piece) => {
                let at = text.find(piece.as_str())?;
                Some(&text[at + piece.len()..])
            }
            Self::Holes(piece) => piece.skip_past(text),
        }
    }
}

impl Holes {
    fn new(chars: Vec<Option<char>>) -> Self {
        let (mut fits, mut holes) = (Vec::<(char, u128)>::new(), 0);
        for (at, c) in chars.iter().enumerate() {
            let Some(c) = c else {
                holes |= 1 << at;
                continue;
            };
            match fits.binary_search_by_key(c, |(known, _)| *known) {
                Ok(place) => fits[place].1 |= 1 << at,
                Err(place) => fits.insert(place, (*c, 1 << at)),
            }
        }
        let texts = chars.split(Option::is_none);
        let longest = texts.max_by_key(|text| text.len()).unwrap_or_default();
        let text: String = longest.iter().flatten().collect();
        Self {
            fits,
            holes,
            text: text.into(),
            chars,
        }
    }

    /// What follows the first occurrence: bit i of `partial` says that the first i + 1 characters
    /// of the piece end here.
    fn skip_past<'t>(&self, text: &'t str) -> Option<&'t str> {
        let whole = 1u128 << (self.chars.len() - 1);
        let mut partial = 0u128;
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            let fits = match self.fits.binary_search_by_key(&c, |(known, _)| *known) {
                Ok(place) => self.fits[place].1,
                Err(_) => 0,
            };
            partial = ((partial << 1) | 1) & (fits | self.holes);
            if partial & whole != 0 {
                return Some(chars.as_str());
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn stars_and_holes() {
        for (pattern, text, matches) in [
            ("", "", true),
            ("", "a", false),
            ("abc", "abc", true),
            ("abc", "abcd", false),
            ("a*", "a", true),
            ("*", "", true),
            ("**", "xyz", true),
            ("a*c", "abbbc", true),
            ("a*c", "ac", true),
            ("a*c", "a", false),
            ("a*a", "a", false),
            ("a*b*c", "a-b-b-c", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("?", "ü", true),
            ("*?x*", "..yx.", true),
            ("*?x*", "x", false),
            ("*a?a?b*", "aaaaaaaaaab", true),
            ("plc-??", "plc-07", true),
            ("plc-??", "plc-7", false),
            (r"\*", "*", true),
            (r"\*", "a", false),
            (r"a\?", "a?", true),
            (r"\\", r"\", true),
            (r"\!x", "!x", true),
        ] {
            let glob = Glob::new(pattern).expect("short");
            assert_eq!(glob.matches(text), matches, "{pattern} {text}");
        }
        assert_eq!(Glob::new(&"a".repeat(MAX_CHARS + 1)), None);
    }

    /// The definition, without care for time.
    fn slow(pattern: &[char], text: &[char]) -> bool {
        match pattern {
            [] => text.is_empty(),
            ['*', rest @ ..] => (0..=text.len()).any(|at| slow(rest, &text[at..])),
            ['?', rest @ ..] => !text.is_empty() && slow(rest, &text[1..]),
            [c, rest @ ..] => text.first() == Some(c) && slow(rest, &text[1..]),
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(pattern in "[ab?*]{0,8}", text in "[ab]{0,12}") {
            let glob = Glob::new(&pattern).expect("short");
            let (p, t): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
            prop_assert_eq!(glob.matches(&text), slow(&p, &t));
        }
    }
}
