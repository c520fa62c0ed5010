//! CoAP paths: segments as the Uri-Path options carry them (RFC 7252 §5.10.1).
//!
//! In a pattern a segment may hold `*` and `?`, a segment `**` stands for any number of segments,
//! and `%2F` writes a slash inside of a segment.

use super::compare::Comparable;
use super::glob::Glob;
use super::list::List;
use crate::percent;

/// Longer patterns are refused.
pub(crate) const MAX_SEGMENTS: usize = 32;

/// A path pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PathPattern {
    segments: Box<[Segment]>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    /// `**`.
    Any,
    One(Glob),
}

/// Why a text is no path pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PathError {
    NoSlash,
    TooLong,
    Percent,
    /// A second `**` would take more time than a message is worth.
    SecondAny,
}

impl PathPattern {
    pub(crate) fn new(text: &str) -> Result<Self, PathError> {
        let path = text.strip_prefix('/').ok_or(PathError::NoSlash)?;
        let mut segments = Vec::new();
        for segment in path.split('/').filter(|_| !path.is_empty()) {
            segments.push(match segment {
                "**" => Segment::Any,
                _ => {
                    let decoded = percent::decode(segment);
                    let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
                    let decoded = decoded.ok_or(PathError::Percent)?;
                    Segment::One(Glob::new(&decoded).ok_or(PathError::TooLong)?)
                }
            });
        }
        if segments.len() > MAX_SEGMENTS {
            return Err(PathError::TooLong);
        }
        if segments.iter().filter(|s| **s == Segment::Any).count() > 1 {
            return Err(PathError::SecondAny);
        }
        Ok(Self {
            segments: segments.into(),
        })
    }

    /// Whether it asks for a segment `.` or `..`.
    pub(crate) fn has_dots(&self) -> bool {
        let is_dots = |glob: &Glob| matches!(glob.whole(), Some("." | ".."));
        let mut segments = self.segments.iter();
        segments.any(|segment| matches!(segment, Segment::One(glob) if is_dots(glob)))
    }

    /// A topic filter that matches the segments of every path this does, and perhaps more; none for the
    /// root, which has no segments.
    pub(crate) fn widened(&self) -> Option<String> {
        widened(self.segments.iter())
    }

    /// The same for the segments in reverse order.
    pub(crate) fn widened_from_end(&self) -> Option<String> {
        widened(self.segments.iter().rev())
    }

    /// Whether segments follow a `**`.
    pub(crate) fn ends_apart(&self) -> bool {
        self.around_any()
            .is_some_and(|(_, after)| !after.is_empty())
    }

    /// Whether a path fits; `path` walks its segments, as often as it is called.
    fn matches<'p, P: Iterator<Item = &'p str>>(&self, path: impl Fn() -> P) -> bool {
        let Some((before, after)) = self.around_any() else {
            return fits(&self.segments, path());
        };
        let count = path().count();
        count >= before.len() + after.len()
            && fits(before, path().take(before.len()))
            && fits(after, path().skip(count - after.len()))
    }
}

impl Comparable for PathPattern {
    fn takes_in(&self, other: &Self) -> bool {
        let covers = |mine: &[Segment], theirs: &[Segment]| {
            let mut pairs = mine.iter().zip(theirs);
            mine.len() == theirs.len() && pairs.all(|(mine, theirs)| mine.takes_in(theirs))
        };
        let Some((before, after)) = self.around_any() else {
            return covers(&self.segments, &other.segments);
        };
        let theirs = &other.segments;
        // A `**` of theirs may be no segment at all: it counts for none of those needed.
        let Some(last) = theirs.len().checked_sub(after.len()) else {
            return false;
        };
        last >= before.len()
            && covers(before, &theirs[..before.len()])
            && covers(after, &theirs[last..])
    }

    /// Up to a `**` the segments of both stand at the same places.
    fn is_apart_from(&self, other: &Self) -> bool {
        let mut pairs = self.fixed().zip(other.fixed());
        pairs.any(|(mine, theirs)| mine.is_apart_from(theirs))
            || self.is_fixed() && other.is_fixed() && self.segments.len() != other.segments.len()
    }

    /// What a `**` leaves over is for what the other asks beyond that.
    fn meets(&self, other: &Self) -> bool {
        let meet = |mine: &[Segment], theirs: &[Segment]| {
            let mut pairs = mine.iter().zip(theirs);
            pairs.all(|(mine, theirs)| mine.meets(theirs))
        };
        let backwards = |mine: &[Segment], theirs: &[Segment]| {
            let mut pairs = mine.iter().rev().zip(theirs.iter().rev());
            pairs.all(|(mine, theirs)| mine.meets(theirs))
        };
        let (mine, theirs) = (self.around_any(), other.around_any());
        match (mine, theirs) {
            (None, None) => {
                self.segments.len() == other.segments.len() && meet(&self.segments, &other.segments)
            }
            (Some((before, after)), None) => {
                before.len() + after.len() <= other.segments.len()
                    && meet(before, &other.segments)
                    && backwards(after, &other.segments)
            }
            (None, Some(_)) => other.meets(self),
            (Some(mine), Some(theirs)) => meet(mine.0, theirs.0) && backwards(mine.1, theirs.1),
        }
    }

    fn is_one_of_many(&self) -> bool {
        *self.segments != [Segment::Any]
    }
}

impl PathPattern {
    /// The segments before a `**`.
    fn fixed(&self) -> impl Iterator<Item = &Glob> {
        self.segments.iter().map_while(|segment| match segment {
            Segment::Any => None,
            Segment::One(glob) => Some(glob),
        })
    }

    fn is_fixed(&self) -> bool {
        !self.segments.contains(&Segment::Any)
    }

    /// The segments before and after a `**`.
    fn around_any(&self) -> Option<(&[Segment], &[Segment])> {
        let any = self.segments.iter().position(|s| *s == Segment::Any)?;
        Some((&self.segments[..any], &self.segments[any + 1..]))
    }
}

impl Segment {
    fn takes_in(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::One(mine), Self::One(theirs)) => mine.takes_in(theirs),
            _ => false,
        }
    }

    fn meets(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::One(mine), Self::One(theirs)) => mine.meets(theirs),
            _ => false,
        }
    }
}

fn widened<'s>(segments: impl Iterator<Item = &'s Segment>) -> Option<String> {
    let mut levels = Vec::new();
    for segment in segments {
        match segment {
            Segment::Any => {
                levels.push("#");
                break;
            }
            Segment::One(glob) => levels.push(match glob.whole() {
                Some(text) if !text.contains(['/', '+', '#']) => text,
                _ => "+",
            }),
        }
    }
    (!levels.is_empty()).then(|| levels.join("/"))
}

/// Whether each segment fits the pattern at its place, with none left over on either side.
fn fits<'p>(pattern: &[Segment], mut path: impl Iterator<Item = &'p str>) -> bool {
    let all = pattern.iter().all(|segment| match (segment, path.next()) {
        (Segment::One(glob), Some(text)) => glob.matches(text),
        _ => false,
    });
    all && path.next().is_none()
}

impl List<PathPattern> {
    pub(crate) fn holds_for<'p, P: Iterator<Item = &'p str>>(&self, path: impl Fn() -> P) -> bool {
        self.holds(|pattern| pattern.matches(&path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_stars_and_any_number() {
        for (pattern, path, matches) in [
            ("/", &[][..], true),
            ("/", &["a"], false),
            ("/.well-known/core", &[".well-known", "core"], true),
            ("/.well-known/core", &[".well-known"], false),
            ("/a/*/c", &["a", "b", "c"], true),
            ("/a/*/c", &["a", "c"], false),
            ("/a/s-?", &["a", "s-7"], true),
            ("/a/**", &["a"], true),
            ("/a/**", &["a", "b", "c"], true),
            ("/**/c", &["a", "b", "c"], true),
            ("/a/**/c", &["a"], false),
            ("/**", &[], true),
            ("/a%2Fb", &["a/b"], true),
            ("/a%2fb", &["a", "b"], false),
            ("/a/", &["a", ""], true),
        ] {
            let compiled = PathPattern::new(pattern).expect("a pattern");
            assert_eq!(
                compiled.matches(|| path.iter().copied()),
                matches,
                "{pattern} {path:?}"
            );
        }
    }

    #[test]
    fn a_pattern_takes_in_narrower_ones() {
        let pattern = |text| PathPattern::new(text).expect("a pattern");
        for (wide, narrow, takes_in) in [
            ("/a/b", "/a/b", true),
            ("/a/*", "/a/b", true),
            ("/a/b*", "/a/bc*", true),
            ("/a/b", "/a/*", false),
            ("/a/*", "/a/b/c", false),
            ("/a/**", "/a/b/*", true),
            ("/a/**", "/a", true),
            ("/a/**", "/b/**", false),
            ("/a/**", "/**", false),
            ("/**", "/a/**", true),
            ("/**", "/", true),
            ("/**/c", "/a/**/c", true),
            ("/a/**/c", "/a/**/b/c", true),
            ("/a/**/b/c", "/a/**/c", false),
            ("/a/*/**", "/a/**", false),
            ("/a/*", "/a/**", false),
            ("/a/**/b", "/a/b", true),
            ("/a/**/a", "/a", false),
        ] {
            let (wide_one, narrow_one) = (pattern(wide), pattern(narrow));
            assert_eq!(wide_one.takes_in(&narrow_one), takes_in, "{wide} {narrow}");
        }
    }

    #[test]
    fn patterns_meet_or_are_apart() {
        let pattern = |text| PathPattern::new(text).expect("a pattern");
        for (one, other, meets, apart) in [
            ("/a/*", "/*/b", true, false),
            ("/a/x*", "/a/*y", true, false),
            ("/a/x*", "/a/y*", false, true),
            ("/a", "/a/b", false, true),
            ("/a/**", "/b/**", false, true),
            ("/a/**", "/a/b/c", true, false),
            ("/**/a", "/**/b", false, false),
            ("/a/**", "/*/b", true, false),
            ("/a/**/c", "/a/c", true, false),
            ("/a/**/a", "/a", false, false),
            ("/a/**/c", "/a/b/**/x/c", true, false),
            ("/a/**/c", "/a/b/**/c/x", false, false),
            ("/*/lock", "/a/**", true, false),
            ("/**", "/", true, false),
            ("/", "/a", false, true),
            ("/$a", "/*", true, false),
        ] {
            let (one_of, other_of) = (pattern(one), pattern(other));
            assert_eq!(one_of.meets(&other_of), meets, "{one} {other}");
            assert_eq!(one_of.is_apart_from(&other_of), apart, "{one} {other}");
        }
    }

    #[test]
    fn says_what_is_wrong_with_a_pattern() {
        for (text, error) in [
            ("a", PathError::NoSlash),
            ("/a%2", PathError::Percent),
            ("/a%zz", PathError::Percent),
            ("/%ff", PathError::Percent),
            ("/**/a/**", PathError::SecondAny),
        ] {
            assert_eq!(PathPattern::new(text), Err(error), "{text}");
        }
        assert_eq!(PathPattern::new(&"/a".repeat(33)), Err(PathError::TooLong));
    }
}
