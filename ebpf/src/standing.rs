//! What the block list says of a source.

use abi::ban::{self, Standing};

/// How `address` stands, if the list has prefixes of these lengths in its slot, and `said` tells what
/// it says of one. The longest that says something counts: a ban that is over hides none around it.
#[inline(always)]
pub fn of<const N: usize>(
    address: &[u64; N],
    lengths: Option<&[u64; N]>,
    said: impl Fn(&[u64; N]) -> Standing,
) -> Standing {
    let Some(lengths) = lengths else {
        return Standing::Common;
    };
    for at in (0..N).rev() {
        let mut ends = lengths[at];
        // A word has no more bits, which the kernel wants to see.
        for _ in 0..u64::BITS {
            if ends == 0 {
                break;
            }
            // The lowest stands for the longest.
            let end = ends & ends.wrapping_neg();
            match said(&ban::prefix(address, at, end)) {
                Standing::Common => ends ^= end,
                told => return told,
            }
        }
    }
    Standing::Common
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How 10.20.30.40 stands among prefixes of it, and how many of them were looked up.
    fn among(prefixes: &[(u32, Standing)]) -> (Standing, usize) {
        let address = ban::v4([10, 20, 30, 40]);
        let lengths = prefixes.iter().fold([0], |[word], (length, _)| {
            let (at, end) = ban::end(*length);
            assert_eq!(at, 0);
            [word | end]
        });
        let asked = std::cell::Cell::new(0);
        let standing = of(&address, Some(&lengths), |prefix| {
            asked.set(asked.get() + 1);
            let (_, length) = ban::parts(prefix);
            let listed = prefixes.iter().find(|(other, _)| *other == length);
            listed.expect("a length that is there").1
        });
        (standing, asked.get())
    }

    #[test]
    fn the_longest_prefix_that_says_something_counts() {
        use Standing::{Banned, Common, Exempt};
        assert_eq!(among(&[]), (Common, 0));
        assert_eq!(among(&[(24, Banned)]), (Banned, 1));
        assert_eq!(among(&[(8, Banned), (31, Exempt)]), (Exempt, 1));
        assert_eq!(among(&[(8, Exempt), (32, Banned)]), (Banned, 1));
        assert_eq!(
            among(&[(0, Banned), (16, Common), (32, Common)]),
            (Banned, 3)
        );
        assert_eq!(among(&[(0, Common), (1, Common)]), (Common, 2));
        let all: Vec<_> = (0..=32).map(|length| (length, Common)).collect();
        assert_eq!(among(&all), (Common, 33));
        assert_eq!(of(&ban::v4([0; 4]), None, |_| Banned), Common);
    }

    #[test]
    fn all_words_are_looked_at_from_the_last() {
        let address = ban::v6([0x5a; 16]);
        let asked = std::cell::RefCell::new(Vec::new());
        let standing = of(&address, Some(&[1, 1 << 63 | 1, 1 << 63]), |prefix| {
            asked.borrow_mut().push(ban::parts(prefix).1);
            Standing::Common
        });
        assert_eq!(standing, Standing::Common);
        assert_eq!(*asked.borrow(), [128, 127, 64, 63]);
    }
}
