//! What the order of the rules makes of them: rules that can never decide, and rules that contradict a
//! later one in part; and rules that match nothing by themselves.

mod conflict;
mod hidden;
mod lacking;
mod never;

use crate::index::Index;
use crate::matching::{Entry, Look};
use crate::pack::DraftRule;
use crate::report::Report;

/// More rules that ask for the same aren't compared with each other: it would take their square.
const MAX_COMPARED: usize = 1024;
/// Of a longer list of entries only so many are looked up.
const MAX_LOOKED_UP: usize = 8;

/// Reports all of them.
pub(crate) fn report(report: &mut Report, rules: &[DraftRule], index: &Index) {
    let (mut related, mut told) = (Vec::new(), vec![false; rules.len()]);
    for (at, rule) in rules.iter().enumerate() {
        // Of what couldn't be read, conditions are missing.
        if !rule.is_whole || never::report(report, rule) {
            continue;
        }
        related_to(rules, index, at, &mut related);
        let earlier = &related[..related.partition_point(|other| *other < at)];
        if let Some(earlier) = hidden::by(rules, earlier, at) {
            hidden::report(report, &rules[at], earlier);
            continue;
        }
        for other in related.iter().filter(|other| **other != at) {
            let (earlier, later) = (at.min(*other), at.max(*other));
            if !told[later] && conflict::contradicts(&rules[earlier], &rules[later]) {
                conflict::report(report, &rules[earlier], &rules[later]);
                told[later] = true;
            }
        }
    }
}

/// The rules found by something that takes in a part of what `at` asks, or the other way round, in order.
fn related_to(rules: &[DraftRule], index: &Index, at: usize, related: &mut Vec<usize>) {
    related.clear();
    let mut tell = |rules: &[u32]| {
        let rules = rules.iter().map(|rule| *rule as usize);
        related.extend(rules.take(MAX_COMPARED));
    };
    for key in rules[at].matching.keys() {
        let some: &[Entry] = &key[..key.len().min(MAX_LOOKED_UP)];
        for entry in some {
            index.meeting(entry, &mut tell);
            // What stays inside of something, or takes it in, overlaps it as well.
            if let Entry::Levels(Look::Within | Look::Covers, filter) = entry {
                let overlapping = Entry::Levels(Look::Overlaps, filter.clone());
                index.meeting(&overlapping, &mut tell);
            }
        }
    }
    tell(index.unkeyed());
    related.retain(|rule| rules[*rule].is_whole);
    related.sort_unstable();
    related.dedup();
}

fn always_decides(draft: &DraftRule) -> bool {
    let rule = &draft.rule;
    rule.action.is_final() && !rule.dry_run && rule.limit.is_none()
}
