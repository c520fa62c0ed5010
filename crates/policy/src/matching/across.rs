//! How a topic asked for as a mere text relates to one asked for by a pattern, as far as that is plain to see.

use super::contain::MAX_PAIRS;
use super::glob::{ANYTHING, Anchor, Glob};
use super::list::List;
use super::pattern::{Pattern, Relation};
use super::prefix::may_begin_delayed;

/// Whether these texts fit whatever the patterns match.
pub(super) fn texts(mine: &List<Glob>, theirs: &List<Pattern>) -> bool {
    let apart = |not: &Glob, pattern: &Pattern| !may_begin(not, pattern);
    take_in(mine, theirs, text_takes_in, apart)
}

/// Whether these patterns match whatever the texts fit.
pub(super) fn patterns(mine: &List<Pattern>, theirs: &List<Glob>) -> bool {
    let apart = |not: &Pattern, text: &Glob| !may_begin(text, not);
    take_in(mine, theirs, pattern_takes_in, apart)
}

/// Whether a topic may begin as both ask, whatever the session is called, or the two of a message that is put off.
pub(crate) fn may_begin(text: &Glob, pattern: &Pattern) -> bool {
    let (start, prefix) = (text.start(), pattern.prefix());
    let prefix = match pattern.is_filled() {
        true => &prefix[..prefix.rfind('/').map_or(0, |at| at + 1)],
        false => prefix,
    };
    start.starts_with(prefix)
        || prefix.starts_with(start)
        || may_begin_delayed(start)
        || pattern.may_be_delayed()
}

fn take_in<M, T>(
    mine: &List<M>,
    theirs: &List<T>,
    takes_in: impl Fn(&M, &T) -> bool,
    is_apart: impl Fn(&M, &T) -> bool,
) -> bool {
    let named = theirs.any_of.as_slice();
    let own = mine.any_of.len() + mine.none_of.len();
    let is_taken_in = |theirs: &T| mine.any_of.iter().any(|mine| takes_in(mine, theirs));
    let is_never_named = |not: &M| named.iter().all(|theirs| is_apart(not, theirs));
    // What only excludes fits what has no topic as well.
    !named.is_empty()
        && own.saturating_mul(named.len()) <= MAX_PAIRS
        && (mine.any_of.is_empty() || named.iter().all(is_taken_in))
        && mine.none_of.iter().all(is_never_named)
}

/// Whatever the session's own values are: with `+` for each of their levels, a pattern matches more.
fn text_takes_in(text: &Glob, pattern: &Pattern) -> bool {
    let form = |filter: &str| {
        let levels = filter.split('/').map(|level| match level {
            "+" | "#" => ANYTHING.to_string(),
            level => level.to_owned(),
        });
        levels.collect::<Vec<_>>().join("/")
    };
    let filter = pattern.widened();
    // `a/#` matches `a`, too (MQTT 5.0 §4.7.1.2).
    let parent = filter.strip_suffix("/#");
    text.matches_any_of(&form(filter)) && parent.is_none_or(|it| text.matches_any_of(&form(it)))
}

/// What is put into a pattern isn't known here.
fn pattern_takes_in(pattern: &Pattern, text: &Glob) -> bool {
    let filter = pattern.widened();
    !pattern.is_filled()
        && match (text.anchors().next(), text.start().rsplit_once('/')) {
            (Some(Anchor::Whole(topic)), _) => Relation::Matches.holds(filter, topic),
            (_, Some((levels, _))) => Relation::Within.holds(filter, &format!("{levels}/#")),
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use wire::mqtt::topic;

    use super::*;

    fn both(text: &str, pattern: &str) -> (Glob, Pattern) {
        let pattern = Pattern::new(pattern).expect("a pattern");
        (Glob::new(text).expect("short"), pattern)
    }

    #[test]
    fn texts_and_patterns_that_take_each_other_in() {
        for (text, pattern, by_text, by_pattern) in [
            ("$*", "$aws/#", true, false),
            ("a*", "a/+/c", true, false),
            ("a/*", "a/#", false, true),
            ("a*", "a/#", true, false),
            ("*/cmd", "a/+/cmd", true, false),
            ("*/cmd", "a/+/cmd/x", false, false),
            ("a/?", "a/b", true, false),
            ("a/?", "a/+", false, false),
            ("*", "#", true, false),
            ("a/*/c", "a/{client_id}/c", true, false),
            ("a/*", "a/{client_id}/c", true, false),
            ("a/b", "a/+", false, true),
            ("a/b/c*", "a/b/#", false, true),
            ("a/b*", "a/b/#", true, false),
            ("*a*", "a", true, false),
            ("x*", "a/#", false, false),
        ] {
            let (glob, of) = both(text, pattern);
            assert_eq!(text_takes_in(&glob, &of), by_text, "{text} {pattern}");
            assert_eq!(pattern_takes_in(&of, &glob), by_pattern, "{pattern} {text}");
        }
    }

    proptest! {
        /// Whatever is said to be taken in is: no name shows the contrary.
        #[test]
        fn what_is_taken_in_fits(
            text in "[ab/*?]{1,6}",
            pattern in "([ab+](/[ab+]){0,2}(/#)?)|#",
            names in prop::collection::vec("[ab/]{1,6}", 30),
        ) {
            let (text, pattern) = both(&text, &pattern);
            let (by_text, by_pattern) = (text_takes_in(&text, &pattern), pattern_takes_in(&pattern, &text));
            for name in names {
                let (fits, matches) = (text.matches(&name), topic::matches(pattern.widened(), &name));
                prop_assert!(!by_text || !matches || fits, "{}", name);
                prop_assert!(!by_pattern || !fits || matches, "{}", name);
            }
        }
    }
}
