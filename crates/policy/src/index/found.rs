//! The rules found for one message.

use smallvec::SmallVec;

/// Rules that were found; more than these are rare, and cost an allocation.
const ROOM: usize = 64;

/// What was found so far, and in the end in order.
#[derive(Debug)]
pub(crate) struct Found {
    rules: SmallVec<[u32; ROOM]>,
    /// At this length, what was found several times is thrown out.
    sweep_at: usize,
}

impl Found {
    pub(crate) fn new() -> Self {
        Self {
            rules: SmallVec::new(),
            sweep_at: ROOM,
        }
    }

    /// Takes up rules. A client may say the same thing a thousand times: what is kept stays within twice the
    /// number of rules.
    pub(super) fn extend(&mut self, rules: &[u32]) {
        if self.rules.len() + rules.len() > self.sweep_at {
            self.sweep();
            self.sweep_at = ROOM.max((self.rules.len() + rules.len()) * 2);
        }
        self.rules.extend_from_slice(rules);
    }

    fn sweep(&mut self) {
        self.rules.sort_unstable();
        self.rules.dedup();
    }

    /// Leaves each rule once, in order, and only those that fit.
    pub(super) fn settle(&mut self, fits: impl Fn(u32) -> bool) {
        self.rules.retain(|rule| fits(*rule));
        if self.rules.len() > 1 {
            self.sweep();
        }
    }

    /// What was found and the rules of an ordered list beside it, in order.
    pub(super) fn beside<'f>(
        &'f self,
        mut always: &'f [u32],
    ) -> impl Iterator<Item = u32> + use<'f> {
        let mut found = self.rules.as_slice();
        std::iter::from_fn(move || {
            let next = match (always.first(), found.first()) {
                (Some(one), Some(other)) if one < other => &mut always,
                (Some(_), None) => &mut always,
                _ => &mut found,
            };
            next.split_off_first().copied()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_comes_once_and_in_order() {
        let mut found = Found::new();
        for _ in 0..1000 {
            found.extend(&[7, 3]);
            found.extend(&[9, 5]);
        }
        assert!(!found.rules.spilled());
        found.settle(|rule| rule != 5);
        let all: Vec<u32> = found.beside(&[1, 4, 8, 10]).collect();
        assert_eq!(all, [1, 3, 4, 7, 8, 9, 10]);
    }
}
