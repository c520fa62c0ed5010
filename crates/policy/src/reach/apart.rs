//! Rules and exceptions that are never about the same message.

use wire::mqtt::PacketType;

use crate::matching::{Condition, Effect, Matching, Pattern, Scope};

impl Matching {
    /// Whether no message is one that both match, as far as that is plain to see. What is `given` holds for all that
    /// `other` matches.
    pub(super) fn is_apart_from(&self, other: &Self, given: &[Condition]) -> bool {
        let is_in_doubt = self.may_both_doubt(other);
        let excludes = |mine: &Condition, theirs: &Condition| {
            let by_name = asks_for_names(mine) || asks_for_names(theirs);
            !(is_in_doubt && by_name) && mine.is_apart_from(theirs)
        };
        let mut mine = self.conditions.iter();
        !self.scope.meets(other.scope)
            || mine.any(|mine| {
                let mut theirs = other.conditions.iter().chain(given);
                theirs.any(|theirs| excludes(mine, theirs))
            })
    }

    /// Whether both may take any name for the right one: they let through what a session says that nobody saw begin.
    /// A CONNECT names itself.
    fn may_both_doubt(&self, other: &Self) -> bool {
        let both = self.scope.and(other.scope);
        self.effect == Effect::LetsThrough
            && other.effect == Effect::LetsThrough
            && !both.is_subset(Scope::packet(PacketType::Connect))
    }
}

/// Whether it is about what a session calls itself, or which version it speaks.
fn asks_for_names(condition: &Condition) -> bool {
    match condition {
        Condition::Version(_) | Condition::Identity(..) => true,
        Condition::Topic(list) => {
            let mut topics = list.any_of.iter().chain(&list.none_of);
            topics.any(Pattern::is_filled)
        }
        Condition::Filter(filter) => filter.patterns().any(Pattern::is_filled),
        _ => false,
    }
}
