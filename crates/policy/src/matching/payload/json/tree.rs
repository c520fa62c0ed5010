//! What many rules ask of one text in JSON: it is read once, whatever number of pointers there are.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::loose::{self, Way};
use super::{Pointer, Value};
use crate::matching::payload::pointer::Token;

/// Pointers, those that begin alike on one branch, each with what is asked of its values.
#[derive(Debug)]
pub(crate) struct Tree<A> {
    nodes: Box<[Node<A>]>,
}

/// Adds one after the other.
#[derive(Debug)]
pub(crate) struct TreeBuilder<A> {
    nodes: Vec<Node<A>>,
}

#[derive(Debug)]
struct Node<A> {
    /// By their names, folded.
    members: HashMap<Box<[u8]>, usize, FixedState>,
    /// Those members whose names are also places in an array.
    items: HashMap<usize, usize, FixedState>,
    /// What is asked of a value here, if anything is.
    asked: Option<A>,
}

/// A node, on the way down.
#[derive(Debug)]
struct Place<'n, A> {
    nodes: &'n [Node<A>],
    at: usize,
}

impl<A> Default for TreeBuilder<A> {
    fn default() -> Self {
        Self {
            nodes: vec![Node::default()],
        }
    }
}

impl<A> TreeBuilder<A> {
    /// What is asked of the values that `pointer` names.
    pub(crate) fn at(&mut self, pointer: &Pointer) -> &mut A
    where
        A: Default,
    {
        let mut at = 0;
        for token in pointer.tokens() {
            at = self.child(at, token);
        }
        self.nodes[at].asked.get_or_insert_default()
    }

    fn child(&mut self, at: usize, token: &Token) -> usize {
        let next = self.nodes.len();
        let node = &mut self.nodes[at];
        let child = *node.members.entry(token.folded().into()).or_insert(next);
        node.items.extend(token.index().map(|index| (index, child)));
        if child == next {
            self.nodes.push(Node::default());
        }
        child
    }

    /// Prepares what is asked to be looked up.
    pub(crate) fn build<B>(self, mut prepare: impl FnMut(A) -> B) -> Tree<B> {
        let nodes = self.nodes.into_iter().map(|node| Node {
            members: node.members,
            items: node.items,
            asked: node.asked.map(&mut prepare),
        });
        Tree {
            nodes: nodes.collect(),
        }
    }
}

impl<A> Tree<A> {
    /// Shows every value that something is asked of, as some lenient reader finds it.
    pub(crate) fn find(&self, text: &[u8], show: &mut impl FnMut(&A, Value<'_>)) {
        let root = Place {
            nodes: &self.nodes,
            at: 0,
        };
        loose::any(text, root, |place, value| {
            let asked = place.node().asked.iter();
            asked.for_each(|asked| show(asked, value));
            false
        });
    }

    /// What is asked of the values that `pointer` names.
    pub(crate) fn named(&self, pointer: &Pointer) -> Option<&A> {
        let mut tokens = pointer.tokens().iter();
        let node = tokens.try_fold(&self.nodes[0], |node, token| {
            node.members
                .get(token.folded())
                .map(|child| &self.nodes[*child])
        });
        node?.asked.as_ref()
    }
}

impl<A> Default for Node<A> {
    fn default() -> Self {
        Self {
            members: HashMap::default(),
            items: HashMap::default(),
            asked: None,
        }
    }
}

impl<A> Clone for Place<'_, A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A> Copy for Place<'_, A> {}

impl<'n, A> Place<'n, A> {
    fn node(self) -> &'n Node<A> {
        &self.nodes[self.at]
    }
}

impl<A> Way for Place<'_, A> {
    fn ends(self) -> bool {
        self.node().asked.is_some()
    }

    fn goes_on(self) -> bool {
        !self.node().members.is_empty()
    }

    fn member(self, name: &[u8]) -> Option<Self> {
        let at = *self.node().members.get(name)?;
        Some(Self { at, ..self })
    }

    fn item(self, number: usize) -> Option<Self> {
        let at = *self.node().items.get(&number)?;
        Some(Self { at, ..self })
    }

    fn is(self, other: Self) -> bool {
        self.at == other.at
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::PIECES;
    use super::super::{JsonTest, Range, holds, with_any};
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
                JsonTest::Within([Range::new(101.0, f64::INFINITY)].into()),
            ];
            let pointers = named.iter().map(|text| Pointer::new(text).expect("a pointer"));
            let asked: Vec<_> = pointers
                .flat_map(|pointer| tests.iter().map(move |test| (pointer.clone(), test.clone())))
                .collect();
            let mut tree = TreeBuilder::<Vec<(JsonTest, u32)>>::default();
            for (number, (pointer, test)) in (0..).zip(&asked) {
                tree.at(pointer).push((test.clone(), number));
            }
            let mut found: Vec<u32> = Vec::new();
            tree.build(|asked| asked).find(text.as_bytes(), &mut |asked, value| {
                let passed = asked.iter().filter(|(test, _)| test.passes(value, with_any));
                found.extend(passed.map(|(_, number)| number));
            });
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
