//! Payloads nobody would write.

use super::{JsonTest, Pointer, Range, TreeBuilder, holds, with_any};
use crate::matching::asked::Effect;

const POINTERS: &[&str] = &[
    "", "/a", "/b", "/1", "/a/b", "/a/1", "/a/a/a/a", "/speed", "/k",
];

/// Asks of any bytes what rules ask of JSON.
///
/// # Panics
/// When a promise is broken: what is let through isn't found, or many pointers together find something else than each.
pub(crate) fn fuzz_json(payload: &[u8]) {
    let pointers: Vec<_> = POINTERS
        .iter()
        .filter_map(|text| Pointer::new(text).ok())
        .collect();
    let tests = [
        JsonTest::Exists(true),
        JsonTest::Flag(true),
        JsonTest::Within([Range::new(101.0, f64::INFINITY)].into()),
    ];
    let mut tree = TreeBuilder::<Vec<usize>>::default();
    for (number, pointer) in pointers.iter().enumerate() {
        tree.at(pointer).push(number);
    }
    let mut found = vec![[false; 3]; pointers.len()];
    let tree = tree.build(|numbers| numbers);
    tree.find(payload, &mut |numbers: &Vec<usize>, value| {
        for number in numbers {
            for (found, test) in found[*number].iter_mut().zip(&tests) {
                *found |= test.passes(value, with_any);
            }
        }
    });
    for (pointer, found) in pointers.iter().zip(found) {
        for (test, found) in tests.iter().zip(found) {
            let holds = |effect| holds(payload, pointer, test, effect);
            assert_eq!(holds(Effect::Catches), found, "{pointer:?} {test:?}");
            assert!(found || !holds(Effect::LetsThrough), "{pointer:?} {test:?}");
        }
        let [missed, there] = [false, true].map(JsonTest::Exists);
        let is_missed = holds(payload, pointer, &missed, Effect::Catches);
        let surely = holds(payload, pointer, &there, Effect::LetsThrough);
        assert_eq!(is_missed, !surely, "{pointer:?}");
    }
}
