//! Rules that can never decide, because several earlier ones always do between them.
//!
//! Looked for is what they divide by one thing they ask for: networks, numbers, a QoS, types of packets. Each of them
//! takes in all of the later rule but for that.

use super::always_decides;
use super::hidden::{excepts_no_more, leaves_malformed, minds_as_much};
use crate::matching::{Condition, Matching, Scope};
use crate::pack::DraftRule;

/// More parts of a rule aren't put together.
const MAX_PARTS: usize = 64;

/// What earlier rules have in common with a later one but for one thing, and which rules these are.
struct Share<'r> {
    of: Divided,
    rules: Vec<&'r DraftRule>,
}

/// Of the one thing, all that some rules ask for.
enum Divided {
    Kinds(Scope),
    Condition(Box<Condition>),
}

/// The rules among `earlier` that leave nothing for `later` between them, in order. What is `given` holds for all that
/// it matches.
pub(super) fn hiding<'r>(
    earlier: &'r [DraftRule],
    later: &DraftRule,
    given: &[Condition],
) -> Option<Vec<&'r DraftRule>> {
    let (mut shares, mut parts_left) = (Vec::<Share<'r>>::new(), MAX_PARTS);
    for rule in earlier {
        if !rule.is_whole || !always_decides(rule) || leaves_malformed(rule, &later.matching) {
            continue;
        }
        let Some(part) = part(&rule.matching, &later.matching, given) else {
            continue;
        };
        parts_left -= 1;
        let joined =
            (shares.iter().enumerate()).find_map(|(at, share)| Some((at, share.of.joined(&part)?)));
        match joined {
            Some((at, of)) => {
                let share = &mut shares[at];
                share.rules.push(rule);
                share.of = of;
                if share.of.is_all_of(&later.matching, given) {
                    return Some(shares.swap_remove(at).rules);
                }
            }
            None => shares.push(Share {
                of: part,
                rules: vec![rule],
            }),
        }
        if parts_left == 0 {
            break;
        }
    }
    None
}

/// The one thing in which an earlier rule has but a part of a later one, if it is just one.
fn part(earlier: &Matching, later: &Matching, given: &[Condition]) -> Option<Divided> {
    let most = later.conditions.len() + given.len() + 1;
    if !earlier.scope.meets(later.scope)
        || earlier.conditions.len() > most
        || !minds_as_much(earlier, later)
    {
        return None;
    }
    let mut narrower = earlier.narrower_conditions(later, given);
    let (first, second) = (narrower.next(), narrower.next());
    let part = match (first, second, later.scope.is_subset(earlier.scope)) {
        (None, None, false) => Divided::Kinds(earlier.scope),
        (Some(condition), None, true) if is_part(condition, later, given) => {
            Divided::Condition(Box::new(condition.clone()))
        }
        _ => return None,
    };
    excepts_no_more(earlier, later, given).then_some(part)
}

/// Whether a condition holds for something that a rule matches, and may hold for all of it together with others.
fn is_part(condition: &Condition, of: &Matching, given: &[Condition]) -> bool {
    let mut asked = of.conditions.iter().chain(given);
    match asked.find(|asked| asked.is_kin_of(condition)) {
        Some(asked) => asked.meets(condition),
        None => condition.may_hold_for_all(),
    }
}

impl Divided {
    /// With another part of the same thing.
    fn joined(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::Kinds(mine), Self::Kinds(theirs)) => Some(Self::Kinds(mine.or(*theirs))),
            (Self::Condition(mine), Self::Condition(theirs)) => {
                Some(Self::Condition(Box::new(mine.or(theirs)?)))
            }
            _ => None,
        }
    }

    /// Whether there is no more of it in what a rule matches.
    fn is_all_of(&self, matching: &Matching, given: &[Condition]) -> bool {
        match self {
            Self::Kinds(scope) => matching.scope.is_subset(*scope),
            Self::Condition(condition) => {
                let mut asked = matching.conditions.iter().chain(given);
                asked.any(|asked| condition.is_implied_by(asked))
                    || condition.holds_for_all(matching.scope)
            }
        }
    }
}
