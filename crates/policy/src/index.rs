//! Which rules a message is shown to.
//!
//! First by its kind: a list for each bucket of [`Scope`]. Where such a list is long, most of its rules ask
//! for one topic, name, address or literal of many, and are found by that. What is found may be more than
//! what matches, never less.

mod choice;
mod found;
mod json;
mod keyed;
mod literals;
mod prefixes;
mod ranges;
mod texts;
mod trie;

use crate::Subject;
use crate::matching::{BUCKETS, Entry, Matching, Scope};

use choice::Choice;
use keyed::{Keyed, Sections};

pub(crate) use found::Found;

/// Shorter lists are walked: that costs less than looking anything up.
const SHORT: usize = 8;

/// For each bucket, and for messages without and with detections, the rules that could match.
#[derive(Debug)]
pub(crate) struct Index {
    lists: Box<[List]>,
    /// Of each rule, the messages it could match, without and with detections.
    fitting: Box<[[Scope; 2]]>,
    keyed: Keyed,
    /// The rules that nothing is looked up for, in order.
    unkeyed: Box<[u32]>,
}

/// How the rules are to stand to another one that are looked for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sought {
    /// Before this rule, and asking for no more than the other.
    TakingIn { before: u32 },
    /// Asking for something that the other may have as well.
    Meeting,
}

/// The rules of a bucket.
#[derive(Debug, Default)]
struct List {
    /// Those that are always asked, in order of evaluation.
    always: Box<[u32]>,
    /// Where the others are looked up.
    sections: Sections,
}

impl Index {
    pub(crate) fn new<'m>(rules: impl Iterator<Item = &'m Matching> + Clone) -> Self {
        let fitting = rules.clone().map(|matching| match matching.reasons {
            Some(_) => [Scope::NONE, matching.scope],
            None => [matching.scope; 2],
        });
        let fitting: Box<[[Scope; 2]]> = fitting.collect();
        let choice = Choice::new(rules);
        let list = |list: usize| List::new(list / 2, list % 2, &fitting, &choice);
        let numbers = (0..).zip(&fitting).map(|(rule, _)| rule);
        Self {
            lists: (0..BUCKETS * 2).map(list).collect(),
            unkeyed: numbers.filter(|rule| choice.is_none(*rule)).collect(),
            keyed: Keyed::new(choice),
            fitting,
        }
    }

    /// The rules found by an entry that stands in this relation to this one, and maybe others.
    pub(crate) fn related(&self, entry: &Entry, sought: Sought, tell: &mut impl FnMut(&[u32])) {
        self.keyed.related(entry, sought, tell);
    }

    /// The rules that are found by nothing.
    pub(crate) fn unkeyed(&self) -> &[u32] {
        &self.unkeyed
    }

    /// The rules a message is shown to, in order.
    #[inline]
    pub(crate) fn candidates<'c>(
        &'c self,
        subject: &Subject<'_>,
        detected: bool,
        found: &'c mut Found,
    ) -> impl Iterator<Item = u32> + use<'c> {
        let (bucket, detected) = (Scope::bucket(subject), usize::from(detected));
        let list = &self.lists[bucket * 2 + detected];
        if !list.sections.is_empty() {
            self.look_up(list.sections, subject, (bucket, detected), found);
        }
        found.beside(&list.always)
    }

    #[inline(never)]
    fn look_up(
        &self,
        sections: Sections,
        subject: &Subject<'_>,
        (bucket, detected): (usize, usize),
        found: &mut Found,
    ) {
        let fits = |rule: u32| self.fitting[rule as usize][detected].contains(bucket);
        self.keyed.find(sections, subject, found);
        found.settle(fits);
    }
}

impl List {
    fn new(bucket: usize, detected: usize, fitting: &[[Scope; 2]], choice: &Choice) -> Self {
        let all = (0..).zip(fitting);
        let mine = all.filter(|(_, scopes)| scopes[detected].contains(bucket));
        let mine = mine.map(|(rule, _)| rule);
        if mine.clone().take(SHORT + 1).count() <= SHORT {
            return Self {
                always: mine.collect(),
                sections: Sections::default(),
            };
        }
        let sections = mine.clone().flat_map(|rule| choice.of(rule));
        Self {
            sections: sections.collect(),
            always: mine.filter(|rule| choice.is_none(*rule)).collect(),
        }
    }
}
