//! Topic aliases: numbers that stand for topic names within one direction of a connection (MQTT 5.0
//! §3.3.2.3.4). Unresolved, they would hide a topic from every rule.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What an alias takes beside its topic.
const ENTRY_BYTES: usize = size_of::<(u16, String)>();
/// One direction of a session gets this part of what all of them have in common.
const SHARE: usize = 16;

/// Bytes of topics beyond what each direction has for itself, over all sessions.
#[derive(Debug, Default)]
pub(crate) struct AliasTotal(AtomicUsize);

/// How much may be remembered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room<'a> {
    /// Bytes every direction of a session has for itself.
    pub(super) own: usize,
    /// Bytes beyond those, over all sessions, and how many are taken.
    pub(super) common: usize,
    pub(super) total: &'a AliasTotal,
}

/// What the aliases of one direction stand for.
#[derive(Debug, Default)]
pub(super) struct Aliases {
    topics: BTreeMap<u16, String>,
    bytes: usize,
    /// How many of them are taken from what all have in common.
    borrowed: usize,
    /// Some alias stands for nothing because there was no room.
    is_short: bool,
}

impl Aliases {
    /// The topic an alias stands for.
    pub(super) fn topic(&self, alias: u16) -> Option<&str> {
        self.topics.get(&alias).map(String::as_str)
    }

    /// Lets an alias stand for a topic from now on, or for nothing where there is no room: then false.
    pub(super) fn set(&mut self, alias: u16, topic: &str, room: Room<'_>) -> bool {
        if self.topic(alias) == Some(topic) {
            return true;
        }
        let old = self.topics.get(&alias);
        let own = old.map_or(0, |old| old.capacity() + ENTRY_BYTES);
        let new = topic.len().max(own.saturating_sub(ENTRY_BYTES)) + ENTRY_BYTES;
        let bytes = self.bytes - own + new;
        let borrowed = bytes.saturating_sub(room.own);
        let fits = borrowed <= self.borrowed
            || (borrowed <= room.common / SHARE
                && room.total.bytes() + borrowed - self.borrowed <= room.common);
        if fits {
            let known = self.topics.entry(alias).or_default();
            topic.clone_into(known);
            self.bytes = self.bytes - own + known.capacity() + ENTRY_BYTES;
        } else {
            self.topics.remove(&alias);
            self.bytes -= own;
            self.is_short = true;
        }
        self.borrow(self.bytes.saturating_sub(room.own), room.total);
        fits
    }

    /// Whether some alias stands for nothing because there was no room.
    pub(super) fn is_short(&self) -> bool {
        self.is_short
    }

    /// Gives back what was borrowed.
    pub(super) fn give_back(mut self, total: &AliasTotal) {
        self.borrow(0, total);
    }

    fn borrow(&mut self, bytes: usize, total: &AliasTotal) {
        total.0.fetch_add(bytes, Ordering::Relaxed);
        total.0.fetch_sub(self.borrowed, Ordering::Relaxed);
        self.borrowed = bytes;
    }
}

impl AliasTotal {
    fn bytes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: usize = 2048;

    fn room(total: &AliasTotal, common: usize) -> Room<'_> {
        Room {
            own: OWN,
            common,
            total,
        }
    }

    #[test]
    fn an_alias_stands_for_the_topic_it_was_last_given() {
        let (mut aliases, total) = (Aliases::default(), AliasTotal::default());
        for (alias, topic) in [(7, "a"), (2, "b"), (7, "c")] {
            assert!(aliases.set(alias, topic, room(&total, 0)));
        }
        assert_eq!(aliases.topic(7), Some("c"));
        assert_eq!(aliases.topic(2), Some("b"));
        assert_eq!(aliases.topic(3), None);
        assert!(!aliases.is_short());
    }

    #[test]
    fn memory_is_bounded_and_a_lost_alias_stands_for_nothing() {
        let (mut aliases, total) = (Aliases::default(), AliasTotal::default());
        for alias in 1..=1000 {
            aliases.set(alias, "topic", room(&total, 0));
        }
        assert!(aliases.is_short() && aliases.bytes <= OWN);
        assert_eq!(aliases.topic(2), Some("topic"));
        assert!(!aliases.set(1, &"x".repeat(OWN), room(&total, 0)));
        assert_eq!(aliases.topic(1), None);
        assert_eq!(aliases.topic(2), Some("topic"));
        assert_eq!(total.bytes(), 0);
    }

    #[test]
    fn what_is_borrowed_is_shared_bounded_and_given_back() {
        let (total, common) = (AliasTotal::default(), SHARE * OWN);
        let fill = || {
            let mut aliases = Aliases::default();
            let mut set = |alias| aliases.set(alias, &"t".repeat(100), room(&total, common));
            let count = (1..=1000).take_while(|alias| set(*alias)).count();
            (aliases, count)
        };
        let (first, count) = fill();
        assert!(first.bytes > OWN && first.bytes <= 2 * OWN, "{count}");
        assert_eq!(total.bytes(), first.borrowed);
        // Sixteen take it all, and the next one still has its own.
        let others: Vec<_> = (0..SHARE + 4).map(|_| fill().0).collect();
        assert!(total.bytes() <= common);
        assert!(others.last().is_some_and(|last| last.bytes + 200 > OWN));
        for aliases in others.into_iter().chain([first]) {
            aliases.give_back(&total);
        }
        assert_eq!(total.bytes(), 0);
    }
}
