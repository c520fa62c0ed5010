//! Deciding over a message that says several things: each of them by itself, and what is stopped of them stops all.
//!
//! A SUBSCRIBE with two filters is judged like two with one. So an allow-list needs no rule for both together, and
//! nothing comes in beside something that may.

use smallvec::SmallVec;

use crate::matching::{Asked, Effect, Matching, Part, parts};
use crate::{Action, Match, Meters, Policy, Reason, RuleIndex, Ruling, Subject};

/// Parts that nothing has let through yet, one bit each; more than so many are rare.
struct Open(SmallVec<[u64; 4]>);

impl Policy {
    /// Of the filters in a message, or the answers to filters, those that a rule matches.
    #[must_use]
    pub fn filters_matched(&self, rule: RuleIndex, subject: &Subject<'_>) -> u32 {
        let matching = self.matching(rule.0);
        let matched = parts(subject).filter(|part| matching.fits(subject, *part));
        u32::try_from(matched.count()).unwrap_or(u32::MAX)
    }

    /// The first rule that catches one of the parts that no earlier rule has let through decides, or the one that
    /// lets the last of them through.
    #[inline(never)]
    pub(crate) fn decide_parts(
        &self,
        subject: &Subject<'_>,
        candidates: impl Iterator<Item = u32>,
        meters: &mut dyn Meters,
        report: &mut dyn FnMut(Match<'_>),
    ) -> Ruling {
        let mut open = Open::all(parts(subject).count());
        for at in candidates {
            let (matching, rule) = (self.matching(at), &self.rules()[at as usize]);
            let Some(reason) = matching.holds_for_whole(subject) else {
                continue;
            };
            let fits = |part| matching.fits(subject, part);
            let lets_through = rule.action == Action::Accept && !rule.dry_run;
            let is_concerned = match matching.effect {
                Effect::LetsThrough if !lets_through => open.of(subject).all(fits),
                _ => open.of(subject).any(fits),
            };
            if !is_concerned {
                continue;
            }
            let ruling = self.apply(RuleIndex(at), reason, subject, meters, report);
            if lets_through && ruling.is_some() {
                open.close(subject, fits);
            }
            if let Some(ruling) = ruling.filter(|_| !lets_through || open.is_empty()) {
                return ruling;
            }
        }
        self.ruling_without_rule(subject)
    }
}

impl Matching {
    /// Whether it matches a part, all that is asked of the whole holding.
    fn fits(&self, subject: &Subject<'_>, part: Part<'_>) -> bool {
        let mut exceptions = self.exceptions.iter();
        self.holds_for_part(subject, part)
            && !exceptions.any(|exception| {
                exception.is_about(subject)
                    && exception.holds_for_whole(subject).is_some()
                    && exception.holds_for_part(subject, part)
            })
    }

    /// Whether all holds that isn't asked of the parts, and the detection that was asked for.
    fn holds_for_whole(&self, subject: &Subject<'_>) -> Option<Option<Reason>> {
        let reason = self.detected(subject)?;
        let asked = Asked {
            subject,
            part: None,
            effect: self.effect,
        };
        let mut about_all = self.conditions.iter().filter(|c| !c.is_about_parts());
        about_all
            .all(|condition| condition.holds(&asked))
            .then_some(reason)
    }

    fn holds_for_part(&self, subject: &Subject<'_>, part: Part<'_>) -> bool {
        let asked = Asked {
            subject,
            part: Some(part),
            effect: self.effect,
        };
        let mut about_parts = self.conditions.iter().filter(|c| c.is_about_parts());
        about_parts.all(|condition| condition.holds(&asked))
    }
}

impl Open {
    fn all(count: usize) -> Self {
        let mut bits = SmallVec::from_elem(u64::MAX, count / 64);
        if !count.is_multiple_of(64) {
            bits.push((1 << (count % 64)) - 1);
        }
        Self(bits)
    }

    fn is_empty(&self) -> bool {
        self.0.iter().all(|bits| *bits == 0)
    }

    fn of<'a>(&self, subject: &Subject<'a>) -> impl Iterator<Item = Part<'a>> {
        let parts = parts(subject).enumerate();
        parts.filter_map(|(at, part)| self.has(at).then_some(part))
    }

    fn has(&self, at: usize) -> bool {
        self.0[at / 64] & (1 << (at % 64)) != 0
    }

    fn close<'a>(&mut self, subject: &Subject<'a>, fits: impl Fn(Part<'a>) -> bool) {
        for (at, part) in parts(subject).enumerate() {
            if self.has(at) && fits(part) {
                self.0[at / 64] &= !(1 << (at % 64));
            }
        }
    }
}
