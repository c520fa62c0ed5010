//! Sets of reasons.

use crate::Reason;

const WORDS: usize = Reason::COUNT.div_ceil(64);

/// A set of reasons, one bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct ReasonSet([u64; WORDS]);

impl ReasonSet {
    pub(crate) fn insert(&mut self, reason: Reason) {
        self.0[reason.index() / 64] |= 1 << (reason.index() % 64);
    }

    pub(crate) fn contains(&self, reason: Reason) -> bool {
        self.0[reason.index() / 64] & (1 << (reason.index() % 64)) != 0
    }

    pub(crate) fn is_subset(&self, of: &Self) -> bool {
        self.0
            .iter()
            .zip(of.0)
            .all(|(mine, theirs)| mine & !theirs == 0)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Reason> {
        Reason::ALL.iter().copied().filter(|r| self.contains(*r))
    }
}

impl FromIterator<Reason> for ReasonSet {
    fn from_iter<I: IntoIterator<Item = Reason>>(reasons: I) -> Self {
        let mut set = Self::default();
        for reason in reasons {
            set.insert(reason);
        }
        set
    }
}
