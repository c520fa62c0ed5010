//! What people ask about a detection: could it be harmless, and how is it tuned?

mod table;

use super::Reason;
use Tune::{Except, Stop, Turn};
use table::NOTES;

/// The answers, for a reason or a family of them. What becomes of a message they don't say: that is a rule's to
/// decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Note {
    /// Who may raise it without meaning harm.
    pub harmless: &'static str,
    /// What to do about it.
    pub tune: Tune,
}

/// What an operator may do about a detection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tune {
    /// An exception from the rule that acts on it, and nothing else.
    Except,
    /// Stop it by a rule of the site's own, so far as none does.
    Stop(&'static str),
    /// Turn something else.
    Turn(&'static str),
}

impl Tune {
    /// In words, for who has no certain rule in mind.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Except => "a rule before the one that acts on it, for the devices it is about",
            Stop(how) | Turn(how) => how,
        }
    }
}

const fn note(harmless: &'static str, tune: Tune) -> Note {
    Note { harmless, tune }
}

const NO_PEER: &str = "no known client or server: somebody's bytes are broken or forged";

impl Reason {
    /// Who may raise it harmlessly, and how to tune it.
    #[must_use]
    pub fn note(self) -> Note {
        let mut fitting: Vec<_> = NOTES
            .iter()
            .filter(|(beginning, _)| self.code().starts_with(beginning))
            .collect();
        fitting.sort_by_key(|(beginning, _)| beginning.len());
        let longest = fitting.last().map(|(_, note)| *note);
        longest.unwrap_or(note(NO_PEER, Except))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_note_and_every_note_a_reason() {
        for reason in Reason::ALL {
            let mut notes = NOTES.iter();
            assert!(
                notes.any(|(beginning, _)| reason.code().starts_with(beginning)),
                "{reason}"
            );
        }
        for (beginning, note) in NOTES {
            let mut reasons = Reason::ALL.iter();
            assert!(reasons.any(|reason| reason.note() == *note), "{beginning}");
        }
    }
}
