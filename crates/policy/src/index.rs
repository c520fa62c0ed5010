//! Which rules a message is shown to.
//!
//! First by its kind: a list for each bucket of [`Scope`](crate::matching::Scope). Where such a list is
//! long, most of its rules ask for one topic or address of many, and are found by that. What is found may
//! be more than what matches, never less.

mod prefixes;
mod trie;

use smallvec::SmallVec;

use crate::Subject;
use crate::matching::{BUCKETS, Key, Matching, Scope, topic_of};

use prefixes::Prefixes;
use trie::Trie;

/// Shorter lists are walked: that costs less than looking anything up.
const SHORT: usize = 16;

/// For each bucket, and for messages without and with detections, the rules that could match, in
/// order of evaluation.
#[derive(Debug)]
pub(crate) struct Index {
    lists: Box<[Rules]>,
}

/// The rules of a bucket.
#[derive(Debug, Default)]
struct Rules {
    /// Those that are always asked, in order.
    always: Box<[u32]>,
    keyed: Option<Box<Keyed>>,
}

/// Those that are found by what they ask for.
#[derive(Debug, Default)]
struct Keyed {
    topics: Trie,
    sources: Prefixes,
    destinations: Prefixes,
}

/// Room for what was found; more than this are rare, and cost an allocation.
pub(crate) type Found = SmallVec<[u32; 64]>;

impl Index {
    pub(crate) fn new<'m>(rules: impl Iterator<Item = &'m Matching> + Clone) -> Self {
        let list = |list: usize| {
            let (bucket, detected) = (list / 2, list % 2 == 1);
            let fitting = (0..).zip(rules.clone()).filter(|(_, matching)| {
                let asks_detection = matching.reasons.is_some();
                matching.scope.contains(bucket) && (detected || !asks_detection)
            });
            Rules::new(fitting.collect(), Scope::is_to_server(bucket))
        };
        Self {
            lists: (0..BUCKETS * 2).map(list).collect(),
        }
    }

    /// The rules a message is shown to, in order.
    #[inline]
    pub(crate) fn candidates<'c>(
        &'c self,
        subject: &Subject<'_>,
        detected: bool,
        found: &'c mut Found,
    ) -> &'c [u32] {
        let rules = &self.lists[Scope::bucket(subject) * 2 + usize::from(detected)];
        match &rules.keyed {
            None => &rules.always,
            Some(keyed) => {
                keyed.find(&rules.always, subject, found);
                found
            }
        }
    }
}

impl Rules {
    fn new(fitting: Vec<(u32, &Matching)>, is_to_server: bool) -> Self {
        if fitting.len() <= SHORT {
            let always = fitting.into_iter().map(|(rule, _)| rule).collect();
            return Self {
                always,
                keyed: None,
            };
        }
        let (mut always, mut keyed) = (Vec::new(), Keyed::default());
        for (rule, matching) in fitting {
            match matching.key(is_to_server) {
                None => always.push(rule),
                Some(Key::Topics(filters)) => {
                    filters.iter().for_each(|f| keyed.topics.insert(f, rule));
                }
                Some(Key::Source(networks)) => {
                    networks.iter().for_each(|n| keyed.sources.insert(n, rule));
                }
                Some(Key::Destination(networks)) => {
                    let destinations = &mut keyed.destinations;
                    networks.iter().for_each(|n| destinations.insert(n, rule));
                }
            }
        }
        Self {
            always: always.into(),
            keyed: Some(Box::new(keyed)),
        }
    }
}

impl Keyed {
    fn find(&self, always: &[u32], subject: &Subject<'_>, found: &mut Found) {
        found.extend_from_slice(always);
        if let Some(topic) = topic_of(subject) {
            self.topics.find(topic, found);
        }
        self.sources.find(subject.endpoints.source, found);
        self.destinations.find(subject.endpoints.destination, found);
        if found.len() > always.len() {
            found.sort_unstable();
            found.dedup();
        }
    }
}
