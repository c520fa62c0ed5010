//! Topic patterns: MQTT topic filters (MQTT 5.0 §4.7) with the session's own values in them.
//!
//! `{client_id}`, `{username}` and `{source}`, the sender's address, stand for one level, or a part of one. A client
//! picks the first two, so one that is missing, empty, holds a separator or a wildcard, or would begin the
//! pattern with `$`, makes the pattern match nothing, instead of widening it (CVE-2017-7650).

use std::fmt::{self, Write as _};
use std::net::IpAddr;

use smallvec::SmallVec;
use wire::mqtt::{Version, topic};

use super::asked::Effect;
use super::condition::Identity;
use super::list::List;
use super::prefix::may_begin_delayed;
use crate::Session;

/// Longer patterns are refused.
pub(crate) const MAX_BYTES: usize = 1024;
/// Patterns with values are put together on the stack up to here; only giant values need more.
const INLINE_BYTES: usize = 256;
/// What no value has: separators and wildcards.
pub(super) const NO_VALUE: [char; 3] = ['/', '+', '#'];
/// Stands for a value that isn't known yet.
const HOLE: &str = "\0";

/// A topic filter, perhaps with placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    /// What every topic name it matches begins with: most names are told apart by that.
    prefix: Box<str>,
    form: Form,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Form {
    /// No wildcard and no placeholder: the prefix is all.
    Name,
    Plain(Box<str>),
    Filled {
        parts: Box<[Part]>,
        written: Box<str>,
        /// The same with `+` for every level that a value stands in.
        widened: Box<str>,
    },
}

/// A piece of a pattern with placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(Box<str>),
    ClientId,
    Username,
    Source,
}

/// What placeholders stand for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Values<'a> {
    pub(crate) session: Session<'a>,
    pub(crate) source: IpAddr,
}

/// What a pattern can be asked about a filter or a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Relation {
    /// The pattern matches the topic name.
    Matches,
    /// Some topic is matched by both filter and pattern.
    Overlaps,
    /// The pattern matches all that the filter does.
    Within,
    /// The filter matches all that the pattern does.
    Covers,
}

/// Why a text is no pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PatternError {
    TooLong,
    /// The clause a topic filter breaks.
    Filter(wire::mqtt::Malformed),
    /// A brace that belongs to no placeholder, at this byte.
    Placeholder(usize),
    /// `$share/` never appears in what the pattern is compared with.
    Shared,
}

impl Pattern {
    pub(crate) fn new(text: &str) -> Result<Self, PatternError> {
        if text.len() > MAX_BYTES {
            return Err(PatternError::TooLong);
        }
        if topic::share(text).is_some() {
            return Err(PatternError::Shared);
        }
        let parts = split(text)?;
        // A value never holds a wildcard or a separator: any letter shows whether the rest is right.
        let sample: String = parts.iter().map(Part::sample).collect();
        topic::check_filter(&sample, Version::V5).map_err(PatternError::Filter)?;
        let fixed = text.find(['+', '#', '{']).unwrap_or(text.len());
        let form = match text[fixed..].chars().next() {
            None => Form::Name,
            Some(_) if parts.iter().all(|p| matches!(p, Part::Text(_))) => Form::Plain(text.into()),
            Some(_) => Form::Filled {
                written: text.into(),
                widened: widened(&parts).into(),
                parts: parts.into(),
            },
        };
        // `a/#` matches `a` too (MQTT 5.0 §4.7.1.2).
        let prefix = match text[fixed..].starts_with('#') {
            true => text[..fixed].trim_end_matches('/'),
            false => &text[..fixed],
        };
        Ok(Self {
            prefix: prefix.into(),
            form,
        })
    }

    /// Whether it matches a topic name. Few patterns ask for values, and few names get so far.
    #[inline]
    pub(crate) fn matches<'v>(&self, name: &[u8], values: impl FnOnce() -> Values<'v>) -> bool {
        name.starts_with(self.prefix.as_bytes())
            && match &self.form {
                Form::Name => name.len() == self.prefix.len(),
                Form::Plain(pattern) => topic::matches(pattern, name),
                Form::Filled { parts, .. } => {
                    filled(parts, &values(), |pattern| topic::matches(pattern, name))
                }
            }
    }

    /// Whether `relation` holds between the pattern and a topic name or a filter without its share.
    pub(crate) fn relates(&self, relation: Relation, to: &str, values: &Values<'_>) -> bool {
        match &self.form {
            _ if relation == Relation::Matches => self.matches(to.as_bytes(), || *values),
            Form::Name => relation.holds(&self.prefix, to),
            Form::Plain(pattern) => relation.holds(pattern, to),
            Form::Filled { parts, .. } => {
                filled(parts, values, |pattern| relation.holds(pattern, to))
            }
        }
    }

    /// Whether it may, where nobody knows the session's own values.
    pub(crate) fn may_relate(&self, relation: Relation, to: &str) -> bool {
        match (&self.form, relation) {
            (Form::Name, _) => relation.holds(&self.prefix, to),
            (Form::Plain(pattern), _) => relation.holds(pattern, to),
            (Form::Filled { widened, .. }, Relation::Covers) => {
                Relation::Overlaps.holds(widened, to)
            }
            (Form::Filled { widened, .. }, _) => relation.holds(widened, to),
        }
    }

    /// A filter without placeholders that matches all that this does, and perhaps more.
    pub(crate) fn widened(&self) -> &str {
        match &self.form {
            Form::Name => &self.prefix,
            Form::Plain(pattern) => pattern,
            Form::Filled { widened, .. } => widened,
        }
    }

    /// As the rule has it. Read as a filter, a placeholder stands there for what nobody else is called: what holds of
    /// it holds whoever the session is.
    pub(crate) fn as_written(&self) -> &str {
        match &self.form {
            Form::Filled { written, .. } => written,
            Form::Name | Form::Plain(_) => self.widened(),
        }
    }

    /// What every topic name it matches begins with.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Whether it matches a topic of a message that is put off; no wildcard does ([MQTT-4.7.2-1]), and no value.
    pub(crate) fn may_be_delayed(&self) -> bool {
        !self.prefix.is_empty() && may_begin_delayed(&self.prefix)
    }

    /// Whether the session's name of this kind stands in it.
    pub(crate) fn is_filled_with(&self, name: Identity) -> bool {
        let part = match name {
            Identity::ClientId => Part::ClientId,
            Identity::Username => Part::Username,
        };
        matches!(&self.form, Form::Filled { parts, .. } if parts.contains(&part))
    }

    /// Whether the session's own values stand in it.
    pub(crate) fn is_filled(&self) -> bool {
        matches!(self.form, Form::Filled { .. })
    }

    /// Whether this is the bare `#`.
    pub(crate) fn is_everything(&self) -> bool {
        matches!(&self.form, Form::Plain(text) if **text == *"#")
    }
}

impl Relation {
    pub(crate) fn holds(self, pattern: &str, to: &str) -> bool {
        match self {
            Self::Matches => topic::matches(pattern, to),
            Self::Overlaps => topic::overlaps(to, pattern),
            Self::Within => topic::within(to, pattern),
            Self::Covers => topic::within(pattern, to),
        }
    }
}

impl Part {
    fn hole(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::ClientId | Self::Username | Self::Source => HOLE,
        }
    }

    fn sample(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::ClientId | Self::Username | Self::Source => "v",
        }
    }
}

/// Cuts a text at its placeholders.
fn split(text: &str) -> Result<Vec<Part>, PatternError> {
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let at = text.len() - rest.len();
        if let Some(after) = rest.strip_prefix("{client_id}") {
            parts.push(Part::ClientId);
            rest = after;
        } else if let Some(after) = rest.strip_prefix("{username}") {
            parts.push(Part::Username);
            rest = after;
        } else if let Some(after) = rest.strip_prefix("{source}") {
            parts.push(Part::Source);
            rest = after;
        } else {
            let len = rest.find(['{', '}']).unwrap_or(rest.len());
            if len == 0 {
                return Err(PatternError::Placeholder(at));
            }
            parts.push(Part::Text(rest[..len].into()));
            rest = &rest[len..];
        }
    }
    Ok(parts)
}

fn widened(parts: &[Part]) -> String {
    let text: String = parts.iter().map(Part::hole).collect();
    let levels = text.split('/').map(|level| match level.contains(HOLE) {
        true => "+",
        false => level,
    });
    levels.collect::<Vec<_>>().join("/")
}

/// Whether `test` holds for a pattern with the session's values in it.
fn filled(parts: &[Part], values: &Values<'_>, test: impl FnOnce(&str) -> bool) -> bool {
    let mut bytes = SmallVec::<[u8; INLINE_BYTES]>::new();
    fill(parts, values, &mut bytes)
        .and_then(|()| std::str::from_utf8(&bytes).ok())
        .is_some_and(test)
}

/// Puts the session's values in; `None` if one can't stand where it should.
fn fill(
    parts: &[Part],
    values: &Values<'_>,
    into: &mut SmallVec<[u8; INLINE_BYTES]>,
) -> Option<()> {
    for part in parts {
        let value = match part {
            Part::Text(text) => {
                into.extend_from_slice(text.as_bytes());
                continue;
            }
            Part::Source => {
                write!(Text(into), "{}", values.source.to_canonical()).ok()?;
                continue;
            }
            Part::ClientId => values.session.client_id?,
            Part::Username => values.session.username?,
        };
        let hides_first_level = into.is_empty() && value.starts_with('$');
        if value.is_empty() || value.contains(NO_VALUE) || hides_first_level {
            return None;
        }
        into.extend_from_slice(value.as_bytes());
    }
    Some(())
}

/// Bytes that text is written to.
struct Text<'b>(&'b mut SmallVec<[u8; INLINE_BYTES]>);

impl fmt::Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

impl List<Pattern> {
    /// Of a session that nobody knows the names of, whoever is let through may have those that are asked for,
    /// and whoever is caught need not have others.
    pub(crate) fn relates(
        &self,
        relation: Relation,
        to: &str,
        values: &Values<'_>,
        effect: Effect,
    ) -> bool {
        let surely = |pattern: &Pattern| pattern.relates(relation, to, values);
        let maybe = |pattern: &Pattern| pattern.may_relate(relation, to);
        match (values.session.unseen, effect) {
            (false, _) => self.holds(surely),
            (true, Effect::Catches) => self.holds_by(surely, maybe),
            (true, Effect::LetsThrough) => self.holds_by(maybe, surely),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 20, 0, 7));

    fn session<'a>(client_id: &'a str, username: Option<&'a str>) -> Values<'a> {
        Values {
            session: Session {
                client_id: Some(client_id),
                username,
                ..Session::default()
            },
            source: SOURCE,
        }
    }

    fn nobody() -> Values<'static> {
        Values {
            session: Session::default(),
            source: SOURCE,
        }
    }

    #[test]
    fn the_sender_s_address_is_a_level_like_any_other() {
        let own = Pattern::new("devices/{source}/#").expect("a pattern");
        let matches =
            |name: &str, values: &Values<'_>| own.relates(Relation::Matches, name, values);
        assert!(matches("devices/10.20.0.7/t", &nobody()));
        assert!(!matches("devices/10.20.0.70/t", &nobody()));
        let v6 = Values {
            source: "fd00:20::7".parse().expect("an address"),
            ..nobody()
        };
        assert!(matches("devices/fd00:20::7/t", &v6));
        let mapped = Values {
            source: "::ffff:10.20.0.7".parse().expect("an address"),
            ..nobody()
        };
        assert!(matches("devices/10.20.0.7/t", &mapped));
    }

    #[test]
    fn relations_follow_the_direction_of_their_names() {
        use Relation::{Covers, Matches, Overlaps, Within};
        for (pattern, relation, to, holds) in [
            ("a/#", Matches, "a/b", true),
            ("#", Matches, "$SYS/x", false),
            ("$SYS/#", Overlaps, "#", false),
            ("$SYS/#", Overlaps, "$SYS/broker", true),
            ("secret/#", Overlaps, "+/key", true),
            ("secret/#", Overlaps, "public/#", false),
            ("a/#", Within, "a/b", true),
            ("a/b", Within, "a/#", false),
            ("#", Covers, "#", true),
            ("#", Covers, "a/#", false),
            ("a/b", Covers, "a/+", true),
        ] {
            let compiled = Pattern::new(pattern).expect("a pattern");
            assert_eq!(
                compiled.relates(relation, to, &nobody()),
                holds,
                "{pattern} {relation:?} {to}"
            );
        }
    }

    #[test]
    fn the_prefix_takes_nothing_away() {
        let session = session("s7", None);
        let names = [
            "a", "a/", "a/b", "a/b/c", "ab", "/a", "", "a//b", "s7", "s7/a", "$a/b",
        ];
        for pattern in [
            "#", "+", "a", "a/#", "a/+", "a/+/c", "/#", "+/b", "a/b", "a//#", "$a/#",
        ] {
            let compiled = Pattern::new(pattern).expect("a pattern");
            for name in names {
                assert_eq!(
                    compiled.relates(Relation::Matches, name, &session),
                    topic::matches(pattern, name),
                    "{pattern} {name}"
                );
            }
        }
        let own = Pattern::new("{client_id}/#").expect("a pattern");
        assert!(own.relates(Relation::Matches, "s7", &session));
    }

    #[test]
    fn the_sessions_values_stand_for_themselves_only() {
        let own = Pattern::new("devices/{client_id}/up/{username}-x/#").expect("a pattern");
        let matches = |s: &Values<'_>, name: &str| own.relates(Relation::Matches, name, s);
        assert!(matches(
            &session("s7", Some("u")),
            "devices/s7/up/u-x/temperature"
        ));
        assert!(!matches(
            &session("s7", Some("u")),
            "devices/s8/up/u-x/temperature"
        ));
        assert!(!matches(
            &session("s7", None),
            "devices/s7/up/-x/temperature"
        ));
        for trick in ["+", "#", "s7/up", ""] {
            assert!(
                !matches(&session(trick, Some("u")), "devices/s7/up/u-x/t"),
                "{trick}"
            );
            let name = format!("devices/{trick}/up/u-x/t");
            assert!(!matches(&session(trick, Some("u")), &name), "{trick}");
        }
    }

    #[test]
    fn a_value_opens_no_hidden_tree() {
        let own = Pattern::new("{client_id}/#").expect("a pattern");
        assert!(own.relates(Relation::Matches, "s7/t", &session("s7", None)));
        assert!(!own.relates(Relation::Matches, "$SYS/t", &session("$SYS", None)));
    }

    #[test]
    fn a_giant_value_is_compared_like_any_other() {
        let own = Pattern::new("{client_id}/t").expect("a pattern");
        let id = "x".repeat(65_000);
        let name = format!("{id}/t");
        assert!(own.relates(Relation::Matches, &name, &session(&id, None)));
    }

    #[test]
    fn says_what_is_wrong_with_a_pattern() {
        use wire::mqtt::Malformed;
        for (text, error) in [
            ("", PatternError::Filter(Malformed::FilterEmpty)),
            ("a/#/b", PatternError::Filter(Malformed::FilterMultiLevel)),
            ("a+/b", PatternError::Filter(Malformed::FilterSingleLevel)),
            (
                "{client_id}+",
                PatternError::Filter(Malformed::FilterSingleLevel),
            ),
            ("a/{clientid}", PatternError::Placeholder(2)),
            ("a/}", PatternError::Placeholder(2)),
            ("$share/g/a", PatternError::Shared),
        ] {
            assert_eq!(Pattern::new(text), Err(error), "{text}");
        }
        let long = "a".repeat(MAX_BYTES + 1);
        assert_eq!(Pattern::new(&long), Err(PatternError::TooLong));
    }
}
