//! Literal bytes in one automaton: a payload is read once, whatever number of literals there are.

use aho_corasick::AhoCorasick;

/// Literals, each with its number.
#[derive(Debug, Default)]
pub(super) struct Literals {
    /// None where there are no literals.
    automaton: Option<AhoCorasick>,
    numbers: Box<[u32]>,
}

#[derive(Debug, Default)]
pub(super) struct LiteralsBuilder {
    literals: Vec<Box<[u8]>>,
    numbers: Vec<u32>,
}

impl LiteralsBuilder {
    pub(super) fn insert(&mut self, literal: &[u8], number: u32) {
        self.literals.push(literal.into());
        self.numbers.push(number);
    }

    pub(super) fn build(self) -> Literals {
        let automaton = (!self.literals.is_empty()).then(|| {
            AhoCorasick::new(&self.literals).expect("fewer states than bytes of all packs")
        });
        Literals {
            automaton,
            numbers: self.numbers.into(),
        }
    }
}

impl Literals {
    /// Tells the number of every literal in `bytes`, as often as it is there.
    pub(super) fn find(&self, bytes: &[u8], tell: &mut impl FnMut(u32)) {
        let Some(automaton) = &self.automaton else {
            return;
        };
        for found in automaton.find_overlapping_iter(bytes) {
            tell(self.numbers[found.pattern().as_usize()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn finds_what_each_literal_by_itself_is_in(
            literals in prop::collection::vec("[ab]{1,4}", 0..150),
            text in "[abc]{0,20}",
        ) {
            let mut builder = LiteralsBuilder::default();
            for (number, literal) in (0..).zip(&literals) {
                builder.insert(literal.as_bytes(), number);
            }
            let mut found = Vec::new();
            builder.build().find(text.as_bytes(), &mut |number| found.push(number));
            found.sort_unstable();
            found.dedup();
            let there = (0..).zip(&literals).filter(|(_, literal)| text.contains(literal.as_str()));
            let expected: Vec<u32> = there.map(|(number, _)| number).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
