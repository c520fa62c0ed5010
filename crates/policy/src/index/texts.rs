//! Texts by how they begin, by how they end, as a whole, or by what is in them.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use crate::matching::Place;

use super::literals::{Literals, LiteralsBuilder};

/// The texts of one kind.
#[derive(Debug, Default)]
pub(super) struct Texts {
    whole: Affixes,
    starts: Affixes,
    ends: Affixes,
    inside: Literals,
}

#[derive(Debug, Default)]
pub(super) struct TextsBuilder {
    texts: Texts,
    inside: LiteralsBuilder,
}

/// Texts by their bytes, one look for each length that occurs.
#[derive(Debug, Default)]
struct Affixes {
    numbers: HashMap<Box<str>, u32, FixedState>,
    /// The lengths that occur, ascending.
    lengths: Vec<usize>,
}

impl TextsBuilder {
    pub(super) fn insert(&mut self, place: Place, text: &str, number: u32) {
        match place {
            Place::Whole => self.texts.whole.insert(text, number),
            Place::Start => self.texts.starts.insert(text, number),
            Place::End => self.texts.ends.insert(text, number),
            Place::Inside => self.inside.insert(text.as_bytes(), number),
        }
    }

    pub(super) fn build(self) -> Texts {
        Texts {
            inside: self.inside.build(),
            ..self.texts
        }
    }
}

impl Texts {
    /// Tells the numbers of all that a text has.
    pub(super) fn find(&self, text: &str, tell: &mut impl FnMut(u32)) {
        self.whole.look_up(text).into_iter().for_each(&mut *tell);
        for len in self.starts.up_to(text.len()) {
            let start = text.get(..len).and_then(|text| self.starts.look_up(text));
            start.into_iter().for_each(&mut *tell);
        }
        for len in self.ends.up_to(text.len()) {
            let end = text.get(text.len() - len..);
            let end = end.and_then(|text| self.ends.look_up(text));
            end.into_iter().for_each(&mut *tell);
        }
        self.inside.find(text.as_bytes(), tell);
    }
}

impl Affixes {
    fn insert(&mut self, text: &str, number: u32) {
        if let Err(place) = self.lengths.binary_search(&text.len()) {
            self.lengths.insert(place, text.len());
        }
        self.numbers.insert(text.into(), number);
    }

    /// Clients choose the text: one that is longer than all isn't read.
    fn look_up(&self, text: &str) -> Option<u32> {
        let is_short = self.lengths.last().is_some_and(|most| text.len() <= *most);
        is_short.then(|| self.numbers.get(text).copied()).flatten()
    }

    fn up_to(&self, most: usize) -> impl Iterator<Item = usize> {
        let lengths = self.lengths.iter().copied();
        lengths.take_while(move |len| *len <= most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_text_by_each_place() {
        let mut builder = TextsBuilder::default();
        let entries = [
            (Place::Whole, "plc-7"),
            (Place::Start, "plc-"),
            (Place::Start, "p"),
            (Place::End, "-7"),
            (Place::End, "ü"),
            (Place::Inside, "lc"),
            (Place::Whole, ""),
        ];
        for (number, (place, text)) in (0..).zip(entries) {
            builder.insert(place, text, number);
        }
        let texts = builder.build();
        for (text, numbers) in [
            ("plc-7", &[0, 1, 2, 3, 5][..]),
            ("plc-8", &[1, 2, 5]),
            ("x-7", &[3]),
            ("pü", &[2, 4]),
            ("ü", &[4]),
            // A character's second half is no text.
            ("x", &[]),
            ("", &[6]),
        ] {
            let mut found = Vec::new();
            texts.find(text, &mut |number| found.push(number));
            found.sort_unstable();
            assert_eq!(found, numbers, "{text}");
        }
    }
}
