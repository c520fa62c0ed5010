//! What many rules ask of one text in JSON: it is read once, whatever number of pointers there are.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::loose::{self, Way};
use super::{JsonTest, Pointer, index, with_lossy};

/// Pointers, those that begin alike on one branch, each with what is asked of its values.
#[derive(Debug)]
pub(crate) struct Tree {
    nodes: Box<[Node]>,
}

/// Adds one after the other.
#[derive(Debug)]
pub(crate) struct TreeBuilder {
    nodes: Vec<Node>,
}

#[derive(Debug, Default)]
struct Node {
    members: HashMap<Box<str>, usize, FixedState>,
    /// Those members whose names are also places in an array.
    items: HashMap<usize, usize, FixedState>,
    /// What is asked of a value here, each with its number.
    tests: Vec<(JsonTest, u32)>,
}

/// A node, on the way down.
#[derive(Debug, Clone, Copy)]
struct Place<'n> {
    nodes: &'n [Node],
    at: usize,
}

impl Default for TreeBuilder {
    fn default() -> Self {
        Self {
            nodes: vec![Node::default()],
        }
    }
}

impl TreeBuilder {
    pub(crate) fn insert(&mut self, pointer: &Pointer, test: JsonTest, number: u32) {
        let mut at = 0;
        for token in pointer.tokens() {
            at = self.child(at, token);
        }
        self.nodes[at].tests.push((test, number));
    }

    fn child(&mut self, at: usize, token: &str) -> usize {
        if let Some(child) = self.nodes[at].members.get(token) {
            return *child;
        }
        let child = self.nodes.len();
        self.nodes.push(Node::default());
        let node = &mut self.nodes[at];
        node.members.insert(token.into(), child);
        node.items.extend(index(token).map(|index| (index, child)));
        child
    }

    pub(crate) fn build(self) -> Tree {
        Tree {
            nodes: self.nodes.into(),
        }
    }
}

impl Tree {
    /// Tells the number of every test that a value passes, as the most lenient of readers finds it.
    pub(crate) fn find(&self, text: &[u8], tell: &mut impl FnMut(u32)) {
        let root = Place {
            nodes: &self.nodes,
            at: 0,
        };
        loose::any(text, root, |place, value| {
            let tests = place.node().tests.iter();
            let passed = tests.filter(|(test, _)| test.passes(value, with_lossy));
            passed.for_each(|(_, number)| tell(*number));
            false
        });
    }

    /// Tells the number of this very test of what this pointer names.
    pub(crate) fn named(&self, pointer: &Pointer, test: &JsonTest, tell: &mut impl FnMut(u32)) {
        let mut tokens = pointer.tokens().iter();
        let node = tokens.try_fold(&self.nodes[0], |node, token| {
            node.members.get(token).map(|child| &self.nodes[*child])
        });
        let tests = node.into_iter().flat_map(|node| &node.tests);
        let same = tests.filter(|(known, _)| known == test);
        same.for_each(|(_, number)| tell(*number));
    }
}

impl<'n> Place<'n> {
    fn node(self) -> &'n Node {
        &self.nodes[self.at]
    }
}

impl Way for Place<'_> {
    fn ends(self) -> bool {
        !self.node().tests.is_empty()
    }

    fn goes_on(self) -> bool {
        !self.node().members.is_empty()
    }

    fn member(self, name: &str) -> Option<Self> {
        let at = *self.node().members.get(name)?;
        Some(Self { at, ..self })
    }

    fn item(self, number: usize) -> Option<Self> {
        let at = *self.node().items.get(&number)?;
        Some(Self { at, ..self })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::PIECES;
    use super::super::{Real, holds};
    use super::*;
    use crate::matching::asked::Effect;

    const POINTERS: &[&str] = &["", "/a", "/b", "/0", "/1", "/a/a", "/a/0", "/0/a", "/a/0/b"];

    proptest! {
        /// All at once say what each says by itself.
        #[test]
        fn finds_what_each_pointer_by_itself_leads_to(
            pieces in proptest::collection::vec(prop::sample::select(PIECES), 0..24),
            named in prop::sample::subsequence(POINTERS, 1..POINTERS.len()),
        ) {
            let text = pieces.concat();
            let tests = [
                JsonTest::Exists(true),
                JsonTest::Flag(true),
                JsonTest::Within(Real(101.0), Real(f64::MAX)),
            ];
            let pointers = named.iter().map(|text| Pointer::new(text).expect("a pointer"));
            let asked: Vec<_> = pointers
                .flat_map(|pointer| tests.iter().map(move |test| (pointer.clone(), test.clone())))
                .collect();
            let mut tree = TreeBuilder::default();
            for (number, (pointer, test)) in (0..).zip(&asked) {
                tree.insert(pointer, test.clone(), number);
            }
            let mut found = Vec::new();
            tree.build().find(text.as_bytes(), &mut |number| found.push(number));
            found.sort_unstable();
            found.dedup();
            let caught = |(pointer, test): &(Pointer, JsonTest)| {
                holds(text.as_bytes(), pointer, test, Effect::Catches)
            };
            let each = (0..).zip(&asked).filter(|(_, asked)| caught(asked));
            let expected: Vec<u32> = each.map(|(number, _)| number).collect();
            prop_assert_eq!(found, expected, "{}", text);
        }
    }
}
