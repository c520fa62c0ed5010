//! Ranges of numbers, found by a number that they have in them.

use crate::matching::Bounds;

/// Ranges by where they begin, each with its number: the one in the middle of a stretch stands above the others of it.
#[derive(Debug, Default)]
pub(super) struct Ranges {
    ranges: Box<[(Bounds, u32)]>,
    /// Of the stretch that each stands above, where the last one ends.
    last: Box<[u64]>,
}

impl Ranges {
    pub(super) fn new(mut ranges: Vec<(Bounds, u32)>) -> Self {
        ranges.sort_unstable();
        let mut last = vec![0; ranges.len()];
        ends(&ranges, &mut last);
        Self {
            ranges: ranges.into(),
            last: last.into(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Tells the numbers of all that have something in common with this one.
    pub(super) fn find(&self, wanted: Bounds, tell: &mut impl FnMut(u32)) {
        meeting(&self.ranges, &self.last, wanted, tell);
    }
}

/// Fills in where the last of each stretch ends, and says it of the whole.
fn ends(ranges: &[(Bounds, u32)], last: &mut [u64]) -> u64 {
    let middle = ranges.len() / 2;
    let Some((own, _)) = ranges.get(middle) else {
        return 0;
    };
    let before = ends(&ranges[..middle], &mut last[..middle]);
    let behind = ends(&ranges[middle + 1..], &mut last[middle + 1..]);
    last[middle] = own.max.max(before).max(behind);
    last[middle]
}

/// As deep as the number of ranges has binary digits.
fn meeting(
    mut ranges: &[(Bounds, u32)],
    mut last: &[u64],
    wanted: Bounds,
    tell: &mut impl FnMut(u32),
) {
    while let Some((own, number)) = ranges.get(ranges.len() / 2) {
        let middle = ranges.len() / 2;
        if last[middle] < wanted.min {
            return;
        }
        let before = (&ranges[..middle], &last[..middle]);
        if own.min > wanted.max {
            (ranges, last) = before;
            continue;
        }
        if own.max >= wanted.min {
            tell(*number);
        }
        meeting(before.0, before.1, wanted, tell);
        (ranges, last) = (&ranges[middle + 1..], &last[middle + 1..]);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn finds_what_each_range_by_itself_has_in_it(
            ranges in prop::collection::vec((0..30_u64, 0..30_u64), 0..50),
            (min, len) in (0..40_u64, 0..4_u64),
        ) {
            let bounds = |(min, len): &(u64, u64)| Bounds { min: *min, max: min + len };
            let wanted = bounds(&(min, len));
            let ranges: Vec<Bounds> = ranges.iter().map(bounds).collect();
            let mut found = Vec::new();
            let index = Ranges::new(ranges.iter().copied().zip(0..).collect());
            index.find(wanted, &mut |number| found.push(number));
            found.sort_unstable();
            let meets = |range: &Bounds| range.min <= wanted.max && wanted.min <= range.max;
            let each = (0..).zip(&ranges).filter(|(_, range)| meets(range));
            let expected: Vec<u32> = each.map(|(number, _)| number).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
