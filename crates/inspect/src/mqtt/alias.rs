//! Topic aliases: numbers that stand for topic names within one direction of a connection (MQTT 5.0
//! §3.3.2.3.4). Unresolved, they would hide a topic from every rule.

/// What an alias takes beside its topic.
const ENTRY_BYTES: usize = size_of::<(u16, String)>();

/// What the aliases of one direction stand for, ordered by alias.
#[derive(Debug, Default)]
pub(super) struct Aliases {
    topics: Vec<(u16, String)>,
    /// Some alias stands for nothing because there was no room.
    is_short: bool,
}

impl Aliases {
    /// The topic an alias stands for.
    pub(super) fn topic(&self, alias: u16) -> Option<&str> {
        self.place(alias).ok().map(|at| &*self.topics[at].1)
    }

    /// Lets an alias stand for a topic from now on, or for nothing where there is no room within
    /// `most` bytes: then false.
    pub(super) fn set(&mut self, alias: u16, topic: &str, most: usize) -> bool {
        let place = self.place(alias);
        if let Ok(at) = place
            && self.topics[at].1 == topic
        {
            return true;
        }
        let own = place.map_or(0, |at| self.topics[at].1.capacity() + ENTRY_BYTES);
        let others = self.bytes() - own;
        if others + topic.len().max(own.saturating_sub(ENTRY_BYTES)) + ENTRY_BYTES > most {
            if let Ok(at) = place {
                self.topics.remove(at);
            }
            self.is_short = true;
            return false;
        }
        match place {
            Ok(at) => topic.clone_into(&mut self.topics[at].1),
            Err(at) => self.topics.insert(at, (alias, topic.to_owned())),
        }
        true
    }

    /// Whether some alias stands for nothing because there was no room.
    pub(super) fn is_short(&self) -> bool {
        self.is_short
    }

    fn place(&self, alias: u16) -> Result<usize, usize> {
        self.topics
            .binary_search_by_key(&alias, |(alias, _)| *alias)
    }

    fn bytes(&self) -> usize {
        let bytes = |(_, topic): &(u16, String)| topic.capacity() + ENTRY_BYTES;
        self.topics.iter().map(bytes).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = 2048;

    #[test]
    fn an_alias_stands_for_the_topic_it_was_last_given() {
        let mut aliases = Aliases::default();
        for (alias, topic) in [(7, "a"), (2, "b"), (7, "c")] {
            assert!(aliases.set(alias, topic, MOST));
        }
        assert_eq!(aliases.topic(7), Some("c"));
        assert_eq!(aliases.topic(2), Some("b"));
        assert_eq!(aliases.topic(3), None);
        assert!(!aliases.is_short());
    }

    #[test]
    fn memory_is_bounded_and_a_lost_alias_stands_for_nothing() {
        let mut aliases = Aliases::default();
        for alias in 1..=1000 {
            aliases.set(alias, "topic", MOST);
        }
        assert!(aliases.is_short() && aliases.bytes() <= MOST);
        assert_eq!(aliases.topic(2), Some("topic"));
        assert!(!aliases.set(1, &"x".repeat(MOST), MOST));
        assert_eq!(aliases.topic(1), None);
        assert_eq!(aliases.topic(2), Some("topic"));
    }
}
