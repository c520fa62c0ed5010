//! Patterns of names and passwords: a glob, or text around one of the session's names or the sender's address.

use std::fmt::{self, Write as _};

use super::condition::Identity;
use super::glob::{self, Glob};
use super::list::List;
use super::pattern::{NO_VALUE, Values};

/// A pattern of a client identifier, user name or password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NamePattern {
    Glob(Glob),
    /// `plc-{client_id}`: a value of the same session, and what stands around it.
    Filled {
        before: String,
        with: Filling,
        after: String,
    },
}

/// What a placeholder stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Filling {
    Name(Identity),
    /// The sender's address.
    Source,
}

/// What is wrong with a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NameError {
    TooLong,
    /// What begins here, a byte offset, is no placeholder.
    Placeholder(usize),
    /// Beside a placeholder, stars, holes and further placeholders have no meaning.
    Mixed,
}

const PLACEHOLDERS: [(&str, Filling); 3] = [
    ("{client_id}", Filling::Name(Identity::ClientId)),
    ("{username}", Filling::Name(Identity::Username)),
    ("{source}", Filling::Source),
];

impl NamePattern {
    pub(crate) fn new(text: &str) -> Result<Self, NameError> {
        let Some(at) = unescaped(text, |c| matches!(c, '{' | '}')) else {
            return Glob::new(text).map(Self::Glob).ok_or(NameError::TooLong);
        };
        let mut known = PLACEHOLDERS.iter();
        let found = known.find_map(|(name, with)| Some((*with, text[at..].strip_prefix(name)?)));
        let (with, after) = found.ok_or(NameError::Placeholder(at))?;
        let before = &text[..at];
        let special = |c| matches!(c, '*' | '?' | '{' | '}');
        if unescaped(before, special)
            .or(unescaped(after, special))
            .is_some()
        {
            return Err(NameError::Mixed);
        }
        if text.chars().count() > glob::MAX_CHARS {
            return Err(NameError::TooLong);
        }
        Ok(Self::Filled {
            before: literal(before),
            with,
            after: literal(after),
        })
    }

    pub(crate) fn is_filled_with(&self, value: Filling) -> bool {
        matches!(self, Self::Filled { with, .. } if *with == value)
    }

    /// Whether it is a name written out, and no other fits.
    pub(crate) fn is_one_name(&self) -> bool {
        matches!(self, Self::Glob(glob) if glob.whole().is_some())
    }

    /// Whether no name that it matches can stand for a placeholder of a topic.
    pub(crate) fn fits_no_topic(&self) -> bool {
        match self {
            Self::Glob(glob) => glob.always_has(&NO_VALUE),
            Self::Filled { before, after, .. } => {
                before.contains(NO_VALUE) || after.contains(NO_VALUE)
            }
        }
    }

    /// Whether it is the bare `*`.
    pub(crate) fn is_everything(&self) -> bool {
        matches!(self, Self::Glob(glob) if glob.only_start() == Some(""))
    }

    /// Who has no other name fits no pattern that is filled with it.
    fn matches(&self, text: &str, values: &Values<'_>) -> bool {
        match self {
            Self::Glob(glob) => glob.matches(text),
            Self::Filled {
                before,
                with,
                after,
            } => {
                let inner = text
                    .strip_prefix(before.as_str())
                    .and_then(|text| text.strip_suffix(after.as_str()));
                inner.is_some_and(|inner| !inner.is_empty() && with.is(inner, values))
            }
        }
    }
}

impl Filling {
    fn is(self, text: &str, values: &Values<'_>) -> bool {
        match self {
            Self::Name(identity) => identity.of(&values.session) == Some(text),
            Self::Source => {
                let mut rest = Rest(text);
                let begins = write!(rest, "{}", values.source.to_canonical()).is_ok();
                begins && rest.0.is_empty()
            }
        }
    }
}

/// What is left of a text that is compared with what is written.
struct Rest<'t>(&'t str);

impl fmt::Write for Rest<'_> {
    fn write_str(&mut self, written: &str) -> fmt::Result {
        self.0 = self.0.strip_prefix(written).ok_or(fmt::Error)?;
        Ok(())
    }
}

impl List<NamePattern> {
    /// What isn't there fits no pattern.
    pub(crate) fn holds_for(&self, text: Option<&str>, values: &Values<'_>) -> bool {
        self.holds(|pattern| text.is_some_and(|text| pattern.matches(text, values)))
    }
}

/// The offset of the first such character that no `\` precedes.
fn unescaped(text: &str, is_one: impl Fn(char) -> bool) -> Option<usize> {
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        if c == '\\' {
            chars.next();
        } else if is_one(c) {
            return Some(at);
        }
    }
    None
}

/// Text without the escapes in it.
fn literal(text: &str) -> String {
    let (mut out, mut chars) = (String::new(), text.chars());
    while let Some(c) = chars.next() {
        out.push(if c == '\\' {
            chars.next().unwrap_or(c)
        } else {
            c
        });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Session;

    fn values<'a>(client_id: Option<&'a str>, username: Option<&'a str>) -> Values<'a> {
        Values {
            session: Session {
                client_id,
                username,
                ..Session::default()
            },
            source: "::ffff:10.20.0.7".parse().expect("an address"),
        }
    }

    #[test]
    fn a_name_is_compared_with_the_sessions_other_one_or_the_address() {
        for (pattern, username, client_id, matches) in [
            ("{client_id}", "s7", Some("s7"), true),
            ("{client_id}", "s7", Some("s8"), false),
            ("{client_id}", "s7", None, false),
            ("{client_id}", "", Some(""), false),
            ("u-{client_id}@site", "u-s7@site", Some("s7"), true),
            ("u-{client_id}@site", "u-@site", Some(""), false),
            ("u-{client_id}@site", "u-s7@else", Some("s7"), false),
            (r"\*{client_id}", "*s7", Some("s7"), true),
            (r"\{client_id\}", "{client_id}", Some("s7"), true),
            // A value is no pattern.
            ("{client_id}", "s7", Some("*"), false),
            ("plc-*", "plc-1", None, true),
            ("{source}", "10.20.0.7", None, true),
            ("plc-{source}!", "plc-10.20.0.7!", None, true),
            ("plc-{source}", "plc-10.20.0.70", None, false),
            ("plc-{source}", "plc-10.20.0.", None, false),
            ("plc-{source}", "plc-10.20.0.8", None, false),
            ("plc-{source}", "plc-", None, false),
        ] {
            let compiled = NamePattern::new(pattern).expect("a pattern");
            assert_eq!(
                compiled.matches(username, &values(client_id, Some(username))),
                matches,
                "{pattern} {username} {client_id:?}"
            );
        }
    }

    #[test]
    fn a_list_of_patterns_says_nothing_fits_what_is_not_there() {
        let holds = |any: &[&str], none: &[&str], text| {
            let list = List {
                any_of: any
                    .iter()
                    .filter_map(|p| NamePattern::new(p).ok())
                    .collect(),
                none_of: none
                    .iter()
                    .filter_map(|p| NamePattern::new(p).ok())
                    .collect(),
            };
            list.holds_for(text, &values(None, None))
        };
        assert!(!holds(&["*"], &[], None));
        assert!(holds(&[], &["*"], None));
        assert!(holds(&["s*"], &["s7"], Some("s8")));
        assert!(!holds(&["s*"], &["s7"], Some("s7")));
    }

    #[test]
    fn who_has_no_name_fits_no_pattern_and_every_negation() {
        let pattern = || NamePattern::new("{client_id}").expect("a pattern");
        let (mut same, mut other) = (List::default(), List::default());
        same.push(false, pattern());
        other.push(true, pattern());
        let nameless = values(Some("s7"), None);
        assert!(!same.holds_for(None, &nameless));
        assert!(other.holds_for(None, &nameless));
    }

    #[test]
    fn says_what_is_wrong_with_a_pattern() {
        for (text, error) in [
            ("a{clientid}", NameError::Placeholder(1)),
            ("a}", NameError::Placeholder(1)),
            ("*{client_id}", NameError::Mixed),
            ("{client_id}?", NameError::Mixed),
            ("{client_id}{username}", NameError::Mixed),
        ] {
            assert_eq!(NamePattern::new(text), Err(error), "{text}");
        }
        let long = "a".repeat(glob::MAX_CHARS + 1);
        assert_eq!(NamePattern::new(&long), Err(NameError::TooLong));
        let long = format!("{{client_id}}{long}");
        assert_eq!(NamePattern::new(&long), Err(NameError::TooLong));
    }
}
