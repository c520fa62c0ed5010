//! Topic names, topic filters, and how they relate (MQTT 5.0 §4.7, §4.8.2).
//!
//! The relations take filters without `$share/GROUP/`: see [`strip_share`]. They are about bytes:
//! nothing is normalised ([MQTT-4.7.3-4]).

use std::fmt;

use super::{Malformed, Version};

const SHARE: &str = "$share/";

/// A topic name: well-formed UTF-8, kept as the bytes it is compared by. Making a text of it costs more than
/// all other reading of a small PUBLISH, and few ask for one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct TopicName<'a>(&'a [u8]);

impl<'a> TopicName<'a> {
    /// Of bytes that were checked before.
    #[inline]
    pub(super) fn checked(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[inline]
    #[must_use]
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// The text.
    #[must_use]
    pub fn as_str(self) -> &'a str {
        std::str::from_utf8(self.0).unwrap_or_default()
    }

    /// Whether there is none, so that an alias (5.0) stands for it.
    #[inline]
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> From<&'a str> for TopicName<'a> {
    fn from(name: &'a str) -> Self {
        Self(name.as_bytes())
    }
}

impl PartialEq<&str> for TopicName<'_> {
    fn eq(&self, other: &&str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl fmt::Debug for TopicName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

/// Whether a PUBLISH to `name` is delivered to a subscription with `filter`.
///
/// A wildcard in the first level of the filter does not match names that begin with `$`
/// ([MQTT-4.7.2-1]).
#[must_use]
pub fn matches(filter: &str, name: &(impl AsRef<[u8]> + ?Sized)) -> bool {
    let name = name.as_ref();
    if name.first() == Some(&b'$') && starts_with_wildcard(filter) {
        return false;
    }
    let mut names = levels(name);
    for level in levels(filter) {
        if level == b"#" {
            return true;
        }
        match names.next() {
            Some(name) if level == b"+" || level == name => {}
            _ => return false,
        }
    }
    names.next().is_none()
}

/// Whether some topic name is matched by both filters.
#[must_use]
pub fn overlaps(one: &str, other: &str) -> bool {
    let hidden = |wild: &str, plain: &str| starts_with_wildcard(wild) && plain.starts_with('$');
    if hidden(one, other) || hidden(other, one) {
        return false;
    }
    let (mut ones, mut others) = (levels(spelled_out(one)), levels(spelled_out(other)));
    loop {
        match (ones.next(), others.next()) {
            (None, None) | (Some(b"#"), _) | (_, Some(b"#")) => return true,
            (Some(one), Some(other)) if one == other || one == b"+" || other == b"+" => {}
            _ => return false,
        }
    }
}

/// Whether every topic name matched by `inner` is matched by `outer`.
#[must_use]
pub fn within(inner: &str, outer: &str) -> bool {
    if starts_with_wildcard(outer) && inner.starts_with('$') {
        return false;
    }
    let (mut inners, mut outers) = (levels(spelled_out(inner)), levels(outer));
    loop {
        match (inners.next(), outers.next()) {
            (None, None) | (_, Some(b"#")) => return true,
            (Some(b"#"), _) => return false,
            (Some(inner), Some(outer)) if inner == outer || outer == b"+" => {}
            _ => return false,
        }
    }
}

/// The share name and the filter of a shared subscription, if it is one (§4.8.2).
#[must_use]
pub fn share(filter: &str) -> Option<(&str, &str)> {
    filter.strip_prefix(SHARE)?.split_once('/')
}

/// Whether a filter is that of a shared subscription.
pub(crate) fn is_shared(filter: &[u8]) -> bool {
    let rest = filter.strip_prefix(SHARE.as_bytes());
    rest.is_some_and(|rest| rest.contains(&b'/'))
}

/// The share name of a shared subscription, if it is one.
#[must_use]
pub fn share_group(filter: &str) -> Option<&str> {
    share(filter).map(|(group, _)| group)
}

/// The filter a subscription listens to: without `$share/GROUP/` if that stands in front.
#[must_use]
pub fn strip_share(filter: &str) -> &str {
    share(filter).map_or(filter, |(_, inner)| inner)
}

/// Checks a topic filter: not empty, wildcards alone in their level and `#` last, and in 5.0 a
/// shared subscription with a name and a filter.
///
/// # Errors
/// The clause it breaks.
pub fn check_filter(filter: &str, version: Version) -> Result<(), Malformed> {
    let filter = filter.as_bytes();
    check_filter_bytes(filter, filter.iter().any(is_wildcard), version)
}

/// Checks a topic filter of which it is known whether it has wildcards.
#[inline]
pub(crate) fn check_filter_bytes(
    filter: &[u8],
    has_wildcard: bool,
    version: Version,
) -> Result<(), Malformed> {
    if filter.is_empty() {
        return Err(Malformed::FilterEmpty);
    }
    if version == Version::V5 && filter[0] == b'$' {
        check_share(filter)?;
    }
    match has_wildcard {
        true => check_wildcards(filter),
        false => Ok(()),
    }
}

fn check_share(filter: &[u8]) -> Result<(), Malformed> {
    let Some(rest) = filter.strip_prefix(SHARE.as_bytes()) else {
        return Ok(());
    };
    let mut parts = rest.splitn(2, |byte| *byte == b'/');
    let (group, inner) = (parts.next(), parts.next());
    let is_sound = |group: &[u8]| !group.is_empty() && !group.iter().any(is_wildcard);
    match group.is_some_and(is_sound) && inner.is_some_and(|inner| !inner.is_empty()) {
        true => Ok(()),
        false => Err(Malformed::ShareName),
    }
}

fn check_wildcards(filter: &[u8]) -> Result<(), Malformed> {
    let mut before = b'/';
    for (at, byte) in filter.iter().enumerate() {
        if is_wildcard(byte) {
            let is_alone = match (filter.get(at + 1), byte) {
                (None, _) => before == b'/',
                (Some(after), b'+') => before == b'/' && *after == b'/',
                (Some(_), _) => false,
            };
            if !is_alone {
                return Err(fault_of(filter));
            }
        }
        before = *byte;
    }
    Ok(())
}

/// What is wrong with the first level that has a wildcard it must not have.
#[cold]
fn fault_of(filter: &[u8]) -> Malformed {
    let mut levels = filter.split(|byte| *byte == b'/').peekable();
    while let Some(level) = levels.next() {
        if level.contains(&b'#') && (level != b"#" || levels.peek().is_some()) {
            return Malformed::FilterMultiLevel;
        }
        if level.contains(&b'+') && level != b"+" {
            break;
        }
    }
    Malformed::FilterSingleLevel
}

fn is_wildcard(byte: &u8) -> bool {
    matches!(byte, b'+' | b'#')
}

/// Checks a topic name: not empty, no wildcards.
///
/// # Errors
/// The clause it breaks.
pub fn check_name(name: &str) -> Result<(), Malformed> {
    if name.is_empty() {
        return Err(Malformed::TopicEmpty);
    }
    if name.contains(['+', '#']) {
        return Err(Malformed::TopicWildcard);
    }
    Ok(())
}

/// How many levels a topic name or filter has.
#[must_use]
pub fn depth(topic: &[u8]) -> usize {
    levels(topic).count()
}

/// Whether a topic name or filter has so many levels that a receiver which descends into them may run
/// out of stack (CVE-2019-11779, after which Mosquitto takes 200).
#[inline]
pub(crate) fn is_deep(topic: &[u8]) -> bool {
    const LEVELS: usize = 200;
    topic.len() >= LEVELS - 1 && topic.split(|byte| *byte == b'/').count() >= LEVELS
}

/// The levels of a name or filter, as bytes: levels are short, and a search made for long texts
/// costs more than it finds.
pub fn levels<T: AsRef<[u8]> + ?Sized>(text: &T) -> impl Iterator<Item = &[u8]> + use<'_, T> {
    text.as_ref().split(|byte| *byte == b'/')
}

/// The same filter without a `#` that could stand for nothing and leave the empty topic name, which
/// does not exist ([MQTT-4.7.3-1]).
#[must_use]
pub fn spelled_out(filter: &str) -> &str {
    match filter {
        "#" => "+/#",
        "/#" => "/+/#",
        other => other,
    }
}

fn starts_with_wildcard(filter: &str) -> bool {
    filter.starts_with(['+', '#'])
}
