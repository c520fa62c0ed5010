//! Words that brokers take off a topic: how its subscription is shared or kept to one, when its message is sent.
//!
//! `$share/GROUP/` is everybody's (MQTT 5.0 §4.8.2), the others are those of EMQX and NanoMQ. To any other broker
//! they are a tree that nobody publishes in.

use wire::mqtt::{TopicName, topic};

use super::asked::Effect;
use super::list::List;

/// Before a filter: a queue that subscribers share, a subscription that only one may have.
const OF_FILTERS: [&str; 2] = ["$queue/", "$exclusive/"];
/// Before a name, with the seconds to wait.
const DELAYED: &str = "$delayed/";

/// The filter that a subscription listens to.
pub(super) fn listened(filter: &str) -> &str {
    let mut inner = topic::strip_share(filter);
    while let Some(rest) = OF_FILTERS.iter().find_map(|word| inner.strip_prefix(word)) {
        if rest.is_empty() {
            break;
        }
        inner = topic::strip_share(rest);
    }
    inner
}

/// Whether the name of a message that is put off may begin so.
pub(super) fn may_begin_delayed(start: &str) -> bool {
    DELAYED.starts_with(start) || start.starts_with(DELAYED)
}

/// The name under which a message that is put off arrives.
#[inline]
pub(crate) fn delayed(name: TopicName<'_>) -> Option<TopicName<'_>> {
    name.as_bytes()
        .starts_with(DELAYED.as_bytes())
        .then(|| arrives(name))
        .flatten()
}

/// What arrives may be put off once more. EMQX takes whatever Erlang reads as a number, a sign before it too.
fn arrives(name: TopicName<'_>) -> Option<TopicName<'_>> {
    let mut arriving = None;
    let mut rest = name.as_str();
    while let Some(behind) = rest.strip_prefix(DELAYED) {
        let Some((wait, inner)) = behind.split_once('/') else {
            break;
        };
        let digits = wait.strip_prefix(['+', '-']).unwrap_or(wait);
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number || inner.is_empty() {
            break;
        }
        (arriving, rest) = (Some(inner), inner);
    }
    arriving.map(TopicName::from)
}

impl<T> List<T> {
    /// Whether the list holds of what is `plain`ly there, and may be meant in another way. Whoever is caught may have
    /// meant either, whoever is let through did mean what is plain; and what is excluded is neither.
    pub(super) fn holds_either_way(
        &self,
        effect: Effect,
        plain: impl Fn(&T) -> bool,
        other: impl Fn(&T) -> bool,
    ) -> bool {
        let either = |entry: &T| plain(entry) || other(entry);
        match effect {
            Effect::Catches => self.holds(either),
            Effect::LetsThrough => self.holds_by(&plain, either),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_before_a_filter_is_taken_off() {
        for (filter, inner) in [
            ("a/b", "a/b"),
            ("$share/g/a", "a"),
            ("$queue/a/#", "a/#"),
            ("$queue/#", "#"),
            ("$exclusive/a", "a"),
            ("$share/g/$exclusive/a", "a"),
            ("$exclusive/$share/g/a", "a"),
            ("$queue/$queue/a", "a"),
            ("$queue", "$queue"),
            ("$queue/", "$queue/"),
            ("$queues/a", "$queues/a"),
            ("$SYS/a", "$SYS/a"),
        ] {
            assert_eq!(listened(filter), inner, "{filter}");
        }
    }

    #[test]
    fn a_message_that_is_put_off_arrives_elsewhere() {
        for (name, arrives) in [
            ("$delayed/15/a/b", Some("a/b")),
            ("$delayed/15//b", Some("/b")),
            ("$delayed/15/$SYS/b", Some("$SYS/b")),
            ("$delayed/-1/a", Some("a")),
            ("$delayed/+1/a", Some("a")),
            ("$delayed/1/$delayed/2/a", Some("a")),
            ("$delayed/1/$delayed/x/a", Some("$delayed/x/a")),
            ("$delayed/-/a", None),
            ("$delayed/x/a", None),
            ("$delayed//a", None),
            ("$delayed/15/", None),
            ("$delayed/15", None),
            ("a/$delayed/15/b", None),
        ] {
            let name = TopicName::from(name);
            assert_eq!(delayed(name), arrives.map(TopicName::from), "{name:?}");
        }
    }
}
