//! Ranges of numbers, found by a number that they have in them.

use std::ops::ControlFlow;

use crate::matching::Bounds;

use super::Sought;

/// Open ranges meet all others: of more of them nothing is told where rules are compared.
const MAX_COMPARED: usize = 128;

/// Ranges by where they begin, each with its number: the one in the middle of a stretch stands above the others of it.
#[derive(Debug, Default)]
pub(super) struct Ranges {
    ranges: Box<[(Bounds, u32)]>,
    /// Of the stretch that each stands above.
    spans: Box<[Span]>,
}

#[derive(Debug, Clone, Copy)]
struct Span {
    /// Where the last of them ends.
    last: u64,
    /// The first rule that one of them belongs to.
    first: u32,
}

/// What is asked of ranges: to begin no later than `max`, to end no earlier than `min`, and to belong to a rule
/// before this one.
#[derive(Clone, Copy)]
struct Wanted {
    min: u64,
    max: u64,
    before: u32,
}

impl Ranges {
    /// Of ranges by their numbers, and the first rule of each number.
    pub(super) fn new(mut ranges: Vec<(Bounds, u32)>, first: impl Fn(u32) -> u32) -> Self {
        ranges.sort_unstable();
        let own = ranges.iter().map(|(bounds, number)| Span {
            last: bounds.max,
            first: first(*number),
        });
        let mut spans: Box<[Span]> = own.collect();
        widen(&mut spans);
        Self {
            ranges: ranges.into(),
            spans,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Tells the numbers of all that have this one in them.
    pub(super) fn find(&self, number: u64, tell: &mut impl FnMut(u32)) {
        let wanted = Wanted {
            min: number,
            max: number,
            before: u32::MAX,
        };
        let all: ControlFlow<()> = meeting(&self.ranges, &self.spans, wanted, &mut |number| {
            tell(number);
            ControlFlow::Continue(())
        });
        debug_assert!(all.is_continue(), "nothing ends the search");
    }

    /// Tells the numbers of those that a rule with this range may be compared with.
    pub(super) fn related(&self, range: Bounds, sought: Sought, tell: &mut impl FnMut(u32)) {
        let wanted = match sought {
            Sought::TakingIn { before } => Wanted {
                min: range.max,
                max: range.min,
                before,
            },
            Sought::Meeting => Wanted {
                min: range.min,
                max: range.max,
                before: u32::MAX,
            },
        };
        let mut left = MAX_COMPARED;
        // To have had enough of them is no failure.
        let _ = meeting(&self.ranges, &self.spans, wanted, &mut |number| {
            tell(number);
            left -= 1;
            match left {
                0 => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        });
    }
}

/// Makes what each says of itself say it of its stretch.
fn widen(spans: &mut [Span]) -> Option<Span> {
    let middle = spans.len() / 2;
    let mut own = *spans.get(middle)?;
    let (before, behind) = spans.split_at_mut(middle);
    for other in [widen(before), widen(&mut behind[1..])]
        .into_iter()
        .flatten()
    {
        own.last = own.last.max(other.last);
        own.first = own.first.min(other.first);
    }
    spans[middle] = own;
    Some(own)
}

/// As deep as the number of ranges has binary digits.
fn meeting(
    mut ranges: &[(Bounds, u32)],
    mut spans: &[Span],
    wanted: Wanted,
    tell: &mut impl FnMut(u32) -> ControlFlow<()>,
) -> ControlFlow<()> {
    while let Some((own, number)) = ranges.get(ranges.len() / 2) {
        let middle = ranges.len() / 2;
        if spans[middle].last < wanted.min || spans[middle].first >= wanted.before {
            break;
        }
        let before = (&ranges[..middle], &spans[..middle]);
        if own.min > wanted.max {
            (ranges, spans) = before;
            continue;
        }
        if own.max >= wanted.min {
            tell(*number)?;
        }
        meeting(before.0, before.1, wanted, tell)?;
        (ranges, spans) = (&ranges[middle + 1..], &spans[middle + 1..]);
    }
    ControlFlow::Continue(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SOME_RANGES: std::ops::Range<usize> = 0..50;

    fn ranges() -> impl Strategy<Value = Vec<Bounds>> {
        let one = (0..30_u64, 0..30_u64);
        let one = one.prop_map(|(min, len)| Bounds {
            min,
            max: min + len,
        });
        prop::collection::vec(one, SOME_RANGES)
    }

    /// The numbers of the ranges for which it holds, and of those that were found, in order.
    fn both(
        ranges: &[Bounds],
        holds: impl Fn(u32, &Bounds) -> bool,
        find: impl FnOnce(&Ranges, &mut dyn FnMut(u32)),
    ) -> [Vec<u32>; 2] {
        let mut found = Vec::new();
        let index = Ranges::new(ranges.iter().copied().zip(0..).collect(), |number| number);
        find(&index, &mut |number| found.push(number));
        found.sort_unstable();
        let each = (0..)
            .zip(ranges)
            .filter(|(number, range)| holds(*number, range));
        [each.map(|(number, _)| number).collect(), found]
    }

    proptest! {
        #[test]
        fn finds_what_each_range_by_itself_has_in_it(ranges in ranges(), wanted in 0..60_u64) {
            let has = |_, range: &Bounds| range.min <= wanted && wanted <= range.max;
            let [each, found] = both(&ranges, has, |index, mut tell| index.find(wanted, &mut tell));
            prop_assert_eq!(each, found);
        }

        #[test]
        fn finds_what_has_to_do_with_a_range(ranges in ranges(), min in 0..40_u64, len in 0..8_u64, before in 0..50_u32) {
            let wanted = Bounds { min, max: min + len };
            let meets = |_, range: &Bounds| range.min <= wanted.max && wanted.min <= range.max;
            let [each, found] = both(&ranges, meets, |index, mut tell| {
                index.related(wanted, Sought::Meeting, &mut tell);
            });
            prop_assert_eq!(each, found);
            let takes_in = |_: u32, range: &Bounds| range.min <= wanted.min && wanted.max <= range.max;
            let [each, found] = both(&ranges, takes_in, |index, mut tell| {
                index.related(wanted, Sought::TakingIn { before }, &mut tell);
            });
            prop_assert!(found.iter().all(|number| each.contains(number)));
            let earlier = each.iter().filter(|number| **number < before);
            prop_assert!(earlier.clone().all(|number| found.contains(number)));
        }
    }
}
