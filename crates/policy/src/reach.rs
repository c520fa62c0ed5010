//! What the order of the rules makes of them: rules that can never decide, and rules that contradict a
//! later one in part; and rules that match nothing by themselves.

mod apart;
mod conflict;
mod exempt;
mod filled;
mod given;
mod hidden;
mod lacking;
mod never;
mod sizes;
mod together;

use crate::Services;
use crate::index::{Index, Sought};
use crate::matching::{Condition, Entry};
use crate::pack::DraftRule;
use crate::report::Report;

/// More rules that ask for the same aren't compared with each other: it would take their square.
const MAX_COMPARED: usize = 1024;
/// Of more rules that pass by something it isn't looked at whether they leave something to one rule.
const MAX_EXCEPTING: usize = 256;
/// So many pairs of rules that are opposed to each other are looked at, and of long lists fewer: where thousands overlap
/// all others, the first contradictions say enough.
const MAX_OPPOSED: usize = 1 << 19;
/// Pairs of entries that take no longer to look at than a pair of rules; and rules that take no longer to be found.
const FREE_ENTRIES: usize = 32;
/// As many rules are compared each with each; of more, those that the index finds.
const FEW: usize = 512;
/// Of a longer list of entries only so many are looked up.
const MAX_LOOKED_UP: usize = 8;

/// Reports all of them.
pub(crate) fn report(report: &mut Report, rules: &[DraftRule], index: &Index, services: &Services) {
    let search = Search { rules, index };
    let may_conflict = conflict::may_be_among(rules);
    let (mut related, mut told) = (Vec::new(), vec![false; rules.len()]);
    let mut pairs_left = if may_conflict { MAX_OPPOSED } else { 0 };
    exempt::report(report, rules);
    for (at, rule) in rules.iter().enumerate() {
        // Of what couldn't be read, conditions are missing.
        if !rule.is_whole || never::report(report, rule) {
            continue;
        }
        let given = given::by_kind(&rule.matching, services);
        let hiding = search.hiding(at, &given, &mut related);
        if !hiding.is_empty() {
            hidden::report(report, rule, &hiding);
            continue;
        }
        if pairs_left == 0 {
            continue;
        }
        let (opposed, found) = search.opposed(at, &mut related);
        pairs_left = pairs_left.saturating_sub(found / FREE_ENTRIES);
        for (earlier, later) in opposed {
            let entries = rules[earlier].matching.weight() * rules[later].matching.weight();
            pairs_left = pairs_left.saturating_sub(1 + entries / FREE_ENTRIES);
            if pairs_left == 0 {
                break;
            }
            if !told[later] && conflict::contradicts(&rules[earlier], &rules[later]) {
                conflict::report(report, &rules[earlier], &rules[later]);
                told[later] = true;
            }
        }
    }
}

/// The rules, and how those are found that have to do with each other.
struct Search<'s> {
    rules: &'s [DraftRule],
    index: &'s Index,
}

impl<'s> Search<'s> {
    /// The first rule that leaves nothing for this one, for all of which those conditions hold as well; or among few
    /// rules, those that leave nothing between them.
    fn hiding(&self, at: usize, given: &[Condition], related: &mut Vec<u32>) -> Vec<&'s DraftRule> {
        let rule = &self.rules[at];
        let number = u32::try_from(at).expect("no more rules than are read");
        let sought = Sought::TakingIn { before: number };
        self.related_to((rule, given), sought, related, |earlier, draft| {
            earlier < number && hidden::decides_before(draft, rule)
        });
        let mut excepting = 0..MAX_EXCEPTING;
        let earlier = related.iter().map(|earlier| &self.rules[*earlier as usize]);
        let mut earlier = earlier
            .filter(|draft| draft.matching.exceptions.is_empty() || excepting.next().is_some());
        let alone = earlier.find(|earlier| hidden::hides(earlier, rule, given));
        match alone {
            Some(earlier) => vec![earlier],
            None if self.rules.len() > FEW => Vec::new(),
            None => together::hiding(&self.rules[..at], rule, given).unwrap_or_default(),
        }
    }

    /// This rule with each that is opposed to it, the earlier one first; and how many were looked at for it.
    fn opposed(
        &self,
        at: usize,
        related: &mut Vec<u32>,
    ) -> (impl Iterator<Item = (usize, usize)>, usize) {
        let rule = &self.rules[at];
        let found = match self.rules.len() <= FEW {
            true => self.all_opposed(at, related),
            false => self.related_to((rule, &[]), Sought::Meeting, related, |_, other| {
                conflict::oppose(rule, other)
            }),
        };
        let others = related.iter().map(|other| *other as usize);
        let pairs = others.map(move |other| (at.min(other), at.max(other)));
        (pairs, found)
    }

    /// Those before this one that are opposed to it, whatever they ask for. Returns how many are before it.
    fn all_opposed(&self, at: usize, related: &mut Vec<u32>) -> usize {
        let earlier = self.rules[..at].iter().zip(0..);
        let opposed =
            earlier.filter(|(other, _)| other.is_whole && conflict::oppose(&self.rules[at], other));
        related.clear();
        related.extend(opposed.map(|(_, number)| number));
        at
    }

    /// The rules among those that stand so to this one, and what holds for all that it matches, in order. Returns how many
    /// were looked at.
    fn related_to(
        &self,
        (rule, given): (&DraftRule, &[Condition]),
        sought: Sought,
        related: &mut Vec<u32>,
        counts: impl Fn(u32, &DraftRule) -> bool,
    ) -> usize {
        related.clear();
        let mut found = 0;
        let mut tell = |rules: &[u32]| {
            let some = rules.iter().take(MAX_COMPARED).copied();
            found += some.len();
            related.extend(some.filter(|rule| {
                let draft = &self.rules[*rule as usize];
                draft.is_whole && counts(*rule, draft)
            }));
        };
        let mut keys = rule.matching.kin_keys();
        given
            .iter()
            .for_each(|condition| condition.kin_keys(&mut keys));
        for key in keys {
            let some: &[Entry] = &key[..key.len().min(MAX_LOOKED_UP)];
            for entry in some {
                self.index.related(entry, sought, &mut tell);
            }
        }
        tell(self.index.unkeyed());
        related.sort_unstable();
        related.dedup();
        found
    }
}

fn always_decides(draft: &DraftRule) -> bool {
    let rule = &draft.rule;
    rule.action.is_final() && !rule.dry_run && rule.limit.is_none()
}
