//! Values in JSON by what they have to be: those that one pointer names are looked up, not compared one after the
//! other.

use crate::matching::{
    Bounds, JsonLook, JsonTree, JsonTreeBuilder, JsonValue, Pointer, Range, Real, any_reading,
};

use super::Sought;
use super::ranges::Ranges;
use super::texts::{Texts, TextsBuilder};

/// What is asked of values, by the pointers that name them.
#[derive(Debug)]
pub(super) struct Values(JsonTree<Asked>);

#[derive(Debug, Default)]
pub(super) struct ValuesBuilder(JsonTreeBuilder<AskedBuilder>);

/// What is asked of the values that one pointer names.
#[derive(Debug)]
struct Asked {
    known: Known,
    numbers: Ranges,
    texts: Texts,
}

#[derive(Debug, Default)]
struct AskedBuilder {
    known: Known,
    numbers: Vec<(Bounds, u32)>,
    texts: TextsBuilder,
}

/// The numbers of what there are few values of.
#[derive(Debug, Default)]
struct Known {
    there: Option<u32>,
    flags: [Option<u32>; 2],
}

impl ValuesBuilder {
    pub(super) fn insert(&mut self, pointer: &Pointer, look: JsonLook, number: u32) {
        let asked = self.0.at(pointer);
        match look {
            JsonLook::There => asked.known.there = Some(number),
            JsonLook::Flag(wanted) => asked.known.flags[usize::from(wanted)] = Some(number),
            JsonLook::Within(range) => asked.numbers.push((bounds(range), number)),
            JsonLook::Text(place, text) => asked.texts.insert(place, &text, number),
        }
    }

    /// With the first rule of each number.
    pub(super) fn build(self, first: impl Fn(u32) -> u32) -> Values {
        Values(self.0.build(|asked| Asked {
            known: asked.known,
            numbers: Ranges::new(asked.numbers, &first),
            texts: asked.texts.build(),
        }))
    }
}

impl Values {
    /// Tells the numbers of all that values are, as some lenient reader finds them.
    pub(super) fn find(&self, payload: &[u8], tell: &mut impl FnMut(u32)) {
        self.0.find(payload, &mut |asked, value| {
            asked.known.there.into_iter().for_each(&mut *tell);
            match value {
                JsonValue::Flag(flag) => asked.known.tell_flag(flag, tell),
                JsonValue::Number(number) => asked.numbers.find(Real(number).rank(), tell),
                JsonValue::Text(raw) => asked.tell_texts(raw, tell),
                JsonValue::Other => {}
            }
        });
    }

    /// Tells the numbers of what a rule that asks for this may be compared with.
    pub(super) fn related(
        &self,
        pointer: &Pointer,
        look: &JsonLook,
        sought: Sought,
        tell: &mut impl FnMut(u32),
    ) {
        let Some(asked) = self.0.named(pointer) else {
            return;
        };
        asked.known.there.into_iter().for_each(&mut *tell);
        match look {
            JsonLook::There => {}
            JsonLook::Flag(wanted) => asked.known.tell_flag(*wanted, tell),
            JsonLook::Within(range) => asked.numbers.related(bounds(*range), sought, tell),
            JsonLook::Text(_, text) => asked.texts.find(text, tell),
        }
    }
}

impl Asked {
    fn tell_texts(&self, raw: &[u8], tell: &mut impl FnMut(u32)) {
        any_reading(raw, |text| {
            self.texts.find(text, tell);
            false
        });
    }
}

impl Known {
    fn tell_flag(&self, flag: bool, tell: &mut impl FnMut(u32)) {
        let number = self.flags[usize::from(flag)];
        number.into_iter().for_each(tell);
    }
}

fn bounds(range: Range) -> Bounds {
    Bounds {
        min: range.min.rank(),
        max: range.max.rank(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matching::Place;

    #[test]
    fn a_value_is_found_by_all_that_it_is() {
        let within = |min, max| JsonLook::Within(Range::new(min, max));
        let text = |place, text: &str| JsonLook::Text(place, text.into());
        let looks = [
            JsonLook::There,
            JsonLook::Flag(true),
            within(-1.5, -0.5),
            within(-1.0, 0.0),
            within(0.0, f64::INFINITY),
            text(Place::Whole, "j-7"),
            text(Place::Start, "j-"),
            text(Place::Inside, "-"),
        ];
        let pointer = Pointer::new("/v").expect("a pointer");
        let mut builder = ValuesBuilder::default();
        for (number, look) in (0..).zip(looks) {
            builder.insert(&pointer, look, number);
        }
        let values = builder.build(|number| number);
        for (value, numbers) in [
            ("true", &[0, 1][..]),
            ("false", &[0]),
            ("null", &[0]),
            ("{}", &[0]),
            ("-2", &[0]),
            ("-1.25", &[0, 2]),
            ("-0.75", &[0, 2, 3]),
            ("-0.0", &[0, 3, 4]),
            ("0", &[0, 3, 4]),
            ("1e9", &[0, 4]),
            ("1e999", &[0, 4]),
            ("Infinity", &[0, 4]),
            ("-1e999", &[0]),
            ("NaN", &[0]),
            // A text to whom it is no number.
            ("-nan", &[0, 7]),
            (r#""j-7""#, &[0, 5, 6, 7]),
            (r#""j\u002d8""#, &[0, 6, 7]),
            (r#""-""#, &[0, 7]),
        ] {
            let payload = format!("{{\"v\":{value},\"w\":true}}");
            let mut found = Vec::new();
            values.find(payload.as_bytes(), &mut |number| found.push(number));
            found.sort_unstable();
            found.dedup();
            assert_eq!(found, numbers, "{value}");
        }
    }
}
