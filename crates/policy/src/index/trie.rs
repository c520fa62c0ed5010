//! Topic filters in one automaton: what is asked about is read once, whatever number of filters there are.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use smallvec::SmallVec;

use crate::matching::Relation;

/// A tree of levels; node 0 is its root. The texts in it are the operator's: what is looked up can't pile up.
#[derive(Debug)]
pub(super) struct Trie {
    nodes: Vec<Node>,
    /// Levels of the longest filter.
    depth: usize,
}

#[derive(Debug, Default)]
struct Node {
    levels: HashMap<Box<[u8]>, u32, FixedState>,
    /// Behind `+`.
    any: Option<u32>,
    /// The filter that ends here.
    here: Option<u32>,
    /// The filter that goes on with `#`.
    below: Option<u32>,
}

/// Nodes yet to be looked at, each with the number of levels read before it.
type Ways = SmallVec<[(u32, usize); 16]>;

impl Default for Trie {
    fn default() -> Self {
        Self {
            nodes: vec![Node::default()],
            depth: 0,
        }
    }
}

impl Trie {
    /// Takes up a filter under a number of its own.
    pub(super) fn insert(&mut self, filter: &str, number: u32) {
        self.depth = self.depth.max(filter.split('/').count());
        let mut at = 0;
        for level in filter.split('/') {
            if level == "#" {
                self.nodes[at].below = Some(number);
                return;
            }
            at = self.child(at, level) as usize;
        }
        self.nodes[at].here = Some(number);
    }

    fn child(&mut self, at: usize, level: &str) -> u32 {
        let next = u32::try_from(self.nodes.len()).expect("fewer levels than bytes of all packs");
        let node = &mut self.nodes[at];
        let child = match level {
            "+" => *node.any.get_or_insert(next),
            _ => *node.levels.entry(level.as_bytes().into()).or_insert(next),
        };
        if child == next {
            self.nodes.push(Node::default());
        }
        child
    }

    /// Tells the numbers of all filters that relate so to the levels of a name or filter, but that those
    /// with a `$` aren't told apart.
    pub(super) fn find<'n>(
        &self,
        relation: Relation,
        levels: impl Iterator<Item = &'n [u8]>,
        tell: &mut impl FnMut(u32),
    ) {
        // What lies deeper than any filter only has to be known to be there.
        let levels: SmallVec<[&[u8]; 16]> = levels.take(self.depth + 1).collect();
        let mut ways = Ways::new();
        ways.push((0, 0));
        while let Some((at, read)) = ways.pop() {
            let node = &self.nodes[at as usize];
            match (levels.get(read), relation) {
                (None, Relation::Covers) => node.here.into_iter().for_each(&mut *tell),
                (None, _) => node.ends().for_each(&mut *tell),
                (Some(&b"#"), Relation::Within) => node.below.into_iter().for_each(&mut *tell),
                (Some(&b"#"), Relation::Overlaps | Relation::Covers) => {
                    node.ends().for_each(&mut *tell);
                    ways.extend(node.children().map(|child| (child, read)));
                }
                (Some(level), _) => {
                    let below = node.below.filter(|_| relation != Relation::Covers);
                    below.into_iter().for_each(&mut *tell);
                    ways.extend(node.next(level, relation).map(|child| (child, read + 1)));
                }
            }
        }
    }

    /// Tells the numbers of all filters that match these levels in reverse order; `levels` walks them, as often as it
    /// is called.
    pub(super) fn find_from_end<'n, L: Iterator<Item = &'n [u8]>>(
        &self,
        levels: impl Fn() -> L,
        tell: &mut impl FnMut(u32),
    ) {
        let out_of_reach = levels().count().saturating_sub(self.depth + 1);
        let last: SmallVec<[&[u8]; 16]> = levels().skip(out_of_reach).collect();
        self.find(Relation::Matches, last.into_iter().rev(), tell);
    }
}

impl Node {
    /// Filters that end here, and those of which nothing more need come.
    fn ends(&self) -> impl Iterator<Item = u32> {
        self.here.into_iter().chain(self.below)
    }

    fn children(&self) -> impl Iterator<Item = u32> {
        self.levels.values().copied().chain(self.any)
    }

    /// The nodes behind one level.
    fn next(&self, level: &[u8], relation: Relation) -> impl Iterator<Item = u32> {
        let is_any = level == b"+";
        let all = is_any && matches!(relation, Relation::Overlaps | Relation::Covers);
        let any = self.any.filter(|_| relation != Relation::Covers || is_any);
        let one = match all {
            true => None,
            false => self.levels.get(level).copied(),
        };
        let every = all.then(|| self.levels.values().copied());
        every.into_iter().flatten().chain(one).chain(any)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use wire::mqtt::topic;

    use super::*;

    fn find(filters: &[String], relation: Relation, other: &str) -> Vec<u32> {
        let mut trie = Trie::default();
        for (number, filter) in (0..).zip(filters) {
            trie.insert(topic::spelled_out(filter), number);
        }
        let other = match relation {
            Relation::Matches => other,
            _ => topic::spelled_out(other),
        };
        let mut found = Vec::new();
        trie.find(relation, topic::levels(other), &mut |number| {
            found.push(number)
        });
        found.sort_unstable();
        found
    }

    fn filters() -> impl Strategy<Value = Vec<String>> {
        let filters = prop::collection::hash_set("(a|b|\\+|)(/(a|b|\\+|)){0,3}(/#)?|#", 0..20);
        filters.prop_map(|filters| {
            let mut spelled: Vec<String> = filters
                .iter()
                .filter(|f| !f.is_empty())
                .map(|f| topic::spelled_out(f).to_owned())
                .collect();
            spelled.sort();
            spelled.dedup();
            spelled
        })
    }

    fn related(filters: &[String], relates: impl Fn(&str) -> bool) -> Vec<u32> {
        let related = (0..).zip(filters).filter(|(_, filter)| relates(filter));
        related.map(|(number, _)| number).collect()
    }

    proptest! {
        #[test]
        fn finds_what_each_filter_by_itself_matches(
            filters in filters(),
            name in "(a|b|)(/(a|b|)){0,4}",
        ) {
            // The empty name does not exist.
            prop_assume!(!name.is_empty());
            let expected = related(&filters, |filter| topic::matches(filter, &name));
            prop_assert_eq!(find(&filters, Relation::Matches, &name), expected);
        }

        #[test]
        fn finds_what_relates_to_a_filter(
            filters in filters(),
            other in "(a|b|\\+|)(/(a|b|\\+|)){0,3}(/#)?|#",
        ) {
            prop_assume!(!other.is_empty());
            let expected = related(&filters, |filter| topic::overlaps(&other, filter));
            prop_assert_eq!(find(&filters, Relation::Overlaps, &other), expected);
            let expected = related(&filters, |filter| topic::within(&other, filter));
            prop_assert_eq!(find(&filters, Relation::Within, &other), expected);
            let expected = related(&filters, |filter| topic::within(filter, &other));
            prop_assert_eq!(find(&filters, Relation::Covers, &other), expected);
        }
    }
}
