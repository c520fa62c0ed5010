//! Topic filters in one automaton: a name is read once, whatever number of filters there are.

use std::collections::HashMap;

use smallvec::SmallVec;

use super::Found;

/// A tree of levels; node 0 is its root.
#[derive(Debug)]
pub(super) struct Trie {
    nodes: Vec<Node>,
}

#[derive(Debug, Default)]
struct Node {
    levels: HashMap<Box<str>, u32>,
    /// Behind `+`.
    any: Option<u32>,
    /// Of filters that end here.
    here: Vec<u32>,
    /// Of filters that go on with `#`.
    below: Vec<u32>,
}

impl Default for Trie {
    fn default() -> Self {
        Self {
            nodes: vec![Node::default()],
        }
    }
}

impl Trie {
    pub(super) fn insert(&mut self, filter: &str, rule: u32) {
        let mut at = 0;
        for level in filter.split('/') {
            if level == "#" {
                self.nodes[at].below.push(rule);
                return;
            }
            at = self.child(at, level) as usize;
        }
        self.nodes[at].here.push(rule);
    }

    fn child(&mut self, at: usize, level: &str) -> u32 {
        let next = u32::try_from(self.nodes.len()).expect("fewer levels than bytes of all packs");
        let node = &mut self.nodes[at];
        let child = match level {
            "+" => *node.any.get_or_insert(next),
            _ => *node.levels.entry(level.into()).or_insert(next),
        };
        if child == next {
            self.nodes.push(Node::default());
        }
        child
    }

    /// The rules of all filters that match `name`, but that names with a `$` aren't told apart.
    pub(super) fn find(&self, name: &str, found: &mut Found) {
        let mut ways = SmallVec::<[(u32, Option<&str>); 16]>::new();
        ways.push((0, Some(name)));
        while let Some((at, rest)) = ways.pop() {
            let node = &self.nodes[at as usize];
            found.extend_from_slice(&node.below);
            let Some(rest) = rest else {
                found.extend_from_slice(&node.here);
                continue;
            };
            let (level, rest) = match rest.split_once('/') {
                Some((level, rest)) => (level, Some(rest)),
                None => (rest, None),
            };
            ways.extend(node.any.map(|any| (any, rest)));
            ways.extend(node.levels.get(level).map(|child| (*child, rest)));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use wire::mqtt::topic;

    use super::*;

    fn find(filters: &[String], name: &str) -> Vec<u32> {
        let mut trie = Trie::default();
        for (rule, filter) in (0..).zip(filters) {
            trie.insert(filter, rule);
        }
        let mut found = Found::new();
        trie.find(name, &mut found);
        found.sort_unstable();
        found.into_vec()
    }

    proptest! {
        #[test]
        fn finds_what_each_filter_by_itself_matches(
            filters in prop::collection::vec("(a|b|\\+|)(/(a|b|\\+|)){0,3}(/#)?|#", 0..20),
            name in "(a|b|)(/(a|b|)){0,4}",
        ) {
            let filters: Vec<String> = filters.into_iter().filter(|f| !f.is_empty()).collect();
            let matching = (0..).zip(&filters).filter(|(_, f)| topic::matches(f, &name));
            let expected: Vec<u32> = matching.map(|(rule, _)| rule).collect();
            prop_assert_eq!(find(&filters, &name), expected);
        }
    }
}
