//! What becomes of each vector under the shipped rules.

/// What becomes of a vector.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Stopped, for this reason.
    Blocked(&'static str),
    /// Passes, and an event says this.
    Noted(&'static str),
    /// Passes without a word: a site's own rule may have something against it, no clause has.
    Passes,
    /// Passes although the catalogue would have it stopped: no clause forbids it, as said here.
    Legal(&'static str),
    /// Forbidden, and not yet stopped: this list has to get empty.
    NotYet,
}

/// Every vector's.
pub(crate) const OUTCOMES: &[(&str, Outcome)] = &[];
