//! The numbers that a condition lets through.

use smallvec::SmallVec;

use super::list::List;

type Ranges = SmallVec<[Bounds; 1]>;

/// Both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Bounds {
    pub(crate) min: u64,
    pub(crate) max: u64,
}

/// Any of the ranges written, and none of those with a `!`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Numbers {
    /// In order, with room between them.
    ranges: Ranges,
    /// Whether what has no such number fits, as it does where something is only excluded.
    without: bool,
}

impl Bounds {
    pub(crate) const fn one(number: u64) -> Self {
        Self {
            min: number,
            max: number,
        }
    }
}

impl Numbers {
    /// Those of a list, up to `most`.
    pub(crate) fn new(list: &List<Bounds>, most: u64) -> Self {
        let without = list.any_of.is_empty();
        let all = [Bounds { min: 0, max: most }];
        let wanted = merged(if without { &all } else { &list.any_of });
        let mut excluded = merged(&list.none_of).into_iter().peekable();
        let mut ranges = Ranges::new();
        for mut range in wanted {
            while excluded.next_if(|gap| gap.max < range.min).is_some() {}
            while let Some(gap) = excluded.peek().copied().filter(|gap| gap.min <= range.max) {
                if range.min < gap.min {
                    ranges.push(Bounds {
                        min: range.min,
                        max: gap.min - 1,
                    });
                }
                range.min = gap.max.saturating_add(1);
                if range.min > range.max {
                    break;
                }
                excluded.next();
            }
            if range.min <= range.max {
                ranges.push(range);
            }
        }
        Self { ranges, without }
    }

    /// Just these; none of none.
    pub(crate) fn of(ranges: impl Iterator<Item = Bounds>) -> Option<Self> {
        let ranges = merged(&ranges.collect::<Ranges>());
        (!ranges.is_empty()).then_some(Self {
            ranges,
            without: false,
        })
    }

    /// Whatever has such a number, or whatever has none.
    pub(crate) fn there(is_there: bool) -> Self {
        let all = Bounds {
            min: 0,
            max: u64::MAX,
        };
        Self {
            ranges: is_there.then_some(all).into_iter().collect(),
            without: !is_there,
        }
    }

    /// What fits one of the two.
    pub(super) fn or(&self, other: &Self) -> Self {
        let ranges = self.ranges.iter().chain(&other.ranges).copied();
        Self {
            ranges: merged(&ranges.collect::<Ranges>()),
            without: self.without || other.without,
        }
    }

    /// All that fit, if they are no more than `most`, and nothing without a number fits.
    pub(crate) fn listed(&self, most: usize) -> Option<impl Iterator<Item = u64>> {
        let more = |range: &Bounds| range.max.saturating_sub(range.min).saturating_add(1);
        let count = self.ranges.iter().map(more).fold(0, u64::saturating_add);
        let is_short = !self.without && u64::try_from(most).is_ok_and(|most| count <= most);
        is_short.then(|| self.ranges.iter().flat_map(|range| range.min..=range.max))
    }

    /// All that fit, in order, with room between them.
    pub(super) fn ranges(&self) -> &[Bounds] {
        &self.ranges
    }

    /// Whether no number fits.
    pub(crate) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    pub(crate) fn contains(&self, number: u64) -> bool {
        let at = self.ranges.partition_point(|range| range.max < number);
        self.ranges.get(at).is_some_and(|range| range.min <= number)
    }

    pub(crate) fn holds(&self, count: usize) -> bool {
        u64::try_from(count).is_ok_and(|count| self.contains(count))
    }

    /// Whether it fits, which it may without a number.
    pub(crate) fn holds_for(&self, number: Option<u64>) -> bool {
        number.map_or(self.without, |number| self.contains(number))
    }

    pub(crate) fn is_subset(&self, of: &Self) -> bool {
        let mut ranges = self.ranges.iter();
        (of.without || !self.without) && ranges.all(|mine| of.takes_in(*mine))
    }

    /// Whether all numbers of a range fit.
    pub(super) fn takes_in(&self, range: Bounds) -> bool {
        let at = self.ranges.partition_point(|mine| mine.max < range.max);
        let mine = self.ranges.get(at);
        mine.is_some_and(|mine| mine.min <= range.min)
    }

    /// Whether nothing fits both.
    pub(super) fn is_apart_from(&self, other: &Self) -> bool {
        let meets = |mine: &Bounds| {
            let at = other.ranges.partition_point(|theirs| theirs.max < mine.min);
            other
                .ranges
                .get(at)
                .is_some_and(|theirs| theirs.min <= mine.max)
        };
        let meet = self.without && other.without || self.ranges.iter().any(meets);
        !meet
    }

    /// The smallest that fits; 0 if what has none does, and the largest there is if none does.
    pub(crate) fn smallest(&self) -> u64 {
        match self.without {
            true => 0,
            false => self.ranges.first().map_or(u64::MAX, |range| range.min),
        }
    }

    /// The largest that fits; 0 if none does.
    pub(crate) fn largest(&self) -> u64 {
        self.ranges.last().map_or(0, |range| range.max)
    }
}

/// Ranges in order, those that touch in one.
fn merged(ranges: &[Bounds]) -> Ranges {
    let mut sorted = Ranges::from_slice(ranges);
    sorted.sort_unstable();
    let mut merged = Ranges::new();
    for range in sorted {
        match merged.last_mut() {
            Some(last) if range.min <= last.max.saturating_add(1) => {
                last.max = last.max.max(range.max);
            }
            _ => merged.push(range),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(any_of: &[(u64, u64)], none_of: &[(u64, u64)]) -> Numbers {
        let bounds = |ranges: &[(u64, u64)]| {
            let ranges = ranges.iter();
            ranges.map(|&(min, max)| Bounds { min, max }).collect()
        };
        let list = List {
            any_of: bounds(any_of),
            none_of: bounds(none_of),
        };
        Numbers::new(&list, 20)
    }

    #[test]
    fn a_list_lets_through_what_it_says_number_by_number() {
        let ranges = [(0, 0), (3, 5), (4, 9), (10, 10), (15, 20), (0, 20)];
        for one in ranges {
            for other in ranges {
                for excluded in ranges {
                    let both = numbers(&[one, other], &[excluded]);
                    let but = numbers(&[], &[one, excluded]);
                    for number in 0..=20 {
                        let is_in = |(min, max)| (min..=max).contains(&number);
                        let wanted = (is_in(one) || is_in(other)) && !is_in(excluded);
                        assert_eq!(both.contains(number), wanted, "{both:?} {number}");
                        let wanted = !is_in(one) && !is_in(excluded);
                        assert_eq!(but.contains(number), wanted, "{but:?} {number}");
                    }
                    assert!(both.ranges.is_sorted_by(|one, next| one.max + 1 < next.min));
                    assert!(!both.holds_for(None) && but.holds_for(None));
                }
            }
        }
    }

    #[test]
    fn a_part_is_told_from_the_whole() {
        let whole = numbers(&[(1, 4), (5, 9), (12, 14)], &[]);
        assert!(numbers(&[(2, 8), (13, 13)], &[]).is_subset(&whole));
        assert!(!numbers(&[(9, 12)], &[]).is_subset(&whole));
        assert!(!numbers(&[], &[(3, 3)]).is_subset(&Numbers::there(true)));
        assert!(numbers(&[], &[(0, 20)]).is_subset(&Numbers::there(false)));
        assert!(numbers(&[(3, 3)], &[(3, 3)]).is_empty());
        assert_eq!((whole.largest(), Numbers::there(false).largest()), (14, 0));
        assert_eq!((whole.smallest(), Numbers::there(false).smallest()), (1, 0));
    }
}
