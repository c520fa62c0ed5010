//! What is tried again and again, and fails: for who asks how things stand.

use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::office::Failed;

/// The last failure of one such thing, until it succeeds.
#[derive(Debug, Default)]
pub struct Failing(Mutex<Option<Failed>>);

impl Failing {
    /// It has failed once more, now; this was found first.
    pub fn fails(&self, problem: &str) {
        let mut last = self.last();
        let before = last.as_ref().map_or(0, |failed| failed.times);
        *last = Some(Failed {
            time: format!("{:.0}", Timestamp::now()),
            problem: problem.to_owned(),
            times: before + 1,
        });
    }

    /// It has succeeded.
    pub fn succeeds(&self) {
        *self.last() = None;
    }

    /// Its last failure, if it hasn't succeeded since.
    #[must_use]
    pub fn failure(&self) -> Option<Failed> {
        self.last().clone()
    }

    /// Whether there is one.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        self.last().is_some()
    }

    fn last(&self) -> MutexGuard<'_, Option<Failed>> {
        // Nobody panics between the halves of a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_counted_until_one_is_none() {
        let failing = Failing::default();
        assert!(!failing.is_failing());
        for (problem, times) in [("gone", 1), ("empty", 2)] {
            failing.fails(problem);
            let failed = failing.failure().expect("a failure");
            assert_eq!((&*failed.problem, failed.times), (problem, times));
        }
        failing.succeeds();
        assert_eq!(failing.failure(), None);
        failing.fails("again");
        assert_eq!(failing.failure().map(|failed| failed.times), Some(1));
    }
}
