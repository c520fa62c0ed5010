//! Zones and sets that no rule names: most often one of them was misspelt, or its rule was lost.

use std::collections::HashSet;
use std::sync::Arc;

use crate::matching::{Matching, Names, Networks};
use crate::pack::DraftRule;
use crate::report::{Report, Span};
use crate::{Config, Level};

/// Reports all of them, unless rules that can't be read may name them.
pub(crate) fn report(report: &mut Report, rules: &[DraftRule], config: &Config, names: &Names) {
    if report.has_errors() || rules.is_empty() {
        return;
    }
    for (name, span) in names.unused_sets() {
        warn(
            report,
            rules,
            span,
            format!("no rule names the set `{name}`"),
        );
    }
    let used = zones_used(rules);
    let counts_zones = |rule: &DraftRule| rule.rule.limit.is_some_and(|limit| limit.counts_zones());
    if rules.iter().any(counts_zones) {
        return;
    }
    for (name, networks) in &names.zones {
        if used.contains(&Arc::as_ptr(networks)) || config.tls_required_from.contains(name) {
            continue;
        }
        let message = format!("no rule names the zone `{name}`");
        if let Some(span) = names.zone_spans.get(name) {
            warn(report, rules, span, message);
        } else if let Some(mark) = config.zone_marks.get(name) {
            report.add(mark.finding(Level::Warning, message, Vec::new()));
        }
    }
}

/// A pack without rules defines its names for others, of which not all need be at hand.
fn warn(report: &mut Report, rules: &[DraftRule], span: &Span, message: String) {
    let file = report.place(span).file;
    if rules.iter().any(|draft| draft.rule.place.file == file) {
        report.warning(span, message);
    }
}

/// Each zone is known by its address.
fn zones_used(rules: &[DraftRule]) -> HashSet<*const Networks> {
    let mut used = HashSet::new();
    let mut take = |matching: &Matching| used.extend(matching.zones().map(Arc::as_ptr));
    for draft in rules {
        take(&draft.matching);
        draft.matching.exceptions.iter().for_each(&mut take);
    }
    used
}
