//! Topic aliases: numbers that stand for topic names within one direction of a connection (MQTT 5.0
//! §3.3.2.3.4). Unresolved, they would hide a topic from every rule.

/// Aliases remembered per direction. An alias beyond them stands for nothing, which is a detection.
const ALIASES: usize = 64;
/// Bytes of topic names remembered per direction.
const TOPIC_BYTES: usize = 8192;

/// What the aliases of one direction stand for, ordered by alias.
#[derive(Debug, Default)]
pub(super) struct Aliases {
    topics: Vec<(u16, Box<str>)>,
}

impl Aliases {
    /// The topic an alias stands for.
    pub(super) fn topic(&self, alias: u16) -> Option<&str> {
        let at = self
            .topics
            .binary_search_by_key(&alias, |(alias, _)| *alias);
        at.ok().map(|at| &*self.topics[at].1)
    }

    /// Lets an alias stand for a topic from now on, or for nothing where there is no room.
    pub(super) fn set(&mut self, alias: u16, topic: &str) {
        let at = self
            .topics
            .binary_search_by_key(&alias, |(alias, _)| *alias);
        if let Ok(at) = at {
            if *self.topics[at].1 == *topic {
                return;
            }
            self.topics.remove(at);
        }
        let (Ok(at) | Err(at)) = at;
        let bytes: usize = self.topics.iter().map(|(_, topic)| topic.len()).sum();
        if self.topics.len() < ALIASES && bytes + topic.len() <= TOPIC_BYTES {
            self.topics.insert(at, (alias, topic.into()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_stands_for_the_topic_it_was_last_given() {
        let mut aliases = Aliases::default();
        aliases.set(7, "a");
        aliases.set(2, "b");
        aliases.set(7, "c");
        assert_eq!(aliases.topic(7), Some("c"));
        assert_eq!(aliases.topic(2), Some("b"));
        assert_eq!(aliases.topic(3), None);
    }

    #[test]
    fn memory_is_bounded_and_a_lost_alias_stands_for_nothing() {
        let mut aliases = Aliases::default();
        for alias in 1..=1000 {
            aliases.set(alias, "topic");
        }
        assert_eq!(aliases.topics.len(), ALIASES);
        aliases.set(1, &"x".repeat(TOPIC_BYTES));
        assert_eq!(aliases.topic(1), None);
        assert_eq!(aliases.topic(2), Some("topic"));
    }
}
