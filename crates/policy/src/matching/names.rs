//! What rules may call by a name: zones of addresses, and sets of anything else.

use std::cell::Cell;
use std::collections::BTreeMap;

use super::entry::Zones;
use crate::read::Node;
use crate::report::{Report, Span};

/// Larger sets are no lists any more that somebody keeps by hand.
const MAX_ENTRIES: usize = 10_000;

/// The names of all packs.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub(crate) zones: Zones,
    /// Where packs define theirs.
    pub(crate) zone_spans: BTreeMap<String, Span>,
    sets: BTreeMap<String, Set>,
}

/// Entries of lists, which a rule takes into its own as `@name`.
#[derive(Debug)]
struct Set {
    span: Span,
    entries: Vec<(String, Span)>,
    /// Whether some rule has asked for it.
    is_used: Cell<bool>,
}

impl Names {
    /// Takes up `[sets]` of a pack.
    pub(crate) fn read_sets(&mut self, report: &mut Report, node: &Node<'_>) {
        let Some(table) = node.table(report, "`sets`") else {
            return;
        };
        for (name, node) in table.entries() {
            if let Some(first) = self.sets.get(name) {
                let message = format!("there are two sets `{}`", name.escape_debug());
                report
                    .error(node.key_span(), message)
                    .related(&first.span, "first defined here");
                continue;
            }
            let set = Set {
                span: node.key_span().clone(),
                entries: entries(report, &node),
                is_used: Cell::new(false),
            };
            self.sets.insert(name.to_owned(), set);
        }
    }

    /// The entries of a set, each with the place where it stands.
    pub(super) fn set(&self, report: &mut Report, span: &Span, name: &str) -> &[(String, Span)] {
        let set = self.sets.get(name);
        if set.is_none() {
            let message = format!("there is no set `{}`", name.escape_debug());
            report.error(span, message).did_you_mean(
                name,
                self.sets.keys().map(String::as_str),
                || {
                    let help = "a set is defined in [sets]; `\\@` begins what is none";
                    Some(help.to_owned())
                },
            );
        }
        set.map_or(&[], |set| {
            set.is_used.set(true);
            &set.entries
        })
    }

    /// The sets that no rule has asked for, and where they are defined.
    pub(crate) fn unused_sets(&self) -> impl Iterator<Item = (&str, &Span)> {
        let unused = self.sets.iter().filter(|(_, set)| !set.is_used.get());
        unused.map(|(name, set)| (name.as_str(), &set.span))
    }
}

fn entries(report: &mut Report, node: &Node<'_>) -> Vec<(String, Span)> {
    let array = node.array(report);
    if array.len() > MAX_ENTRIES {
        let message = format!("the set has more than {MAX_ENTRIES} entries");
        report.error(node.span(), message);
        return Vec::new();
    }
    if array.is_empty() && node.is_array() {
        let finding = report.error(node.span(), "the set is empty");
        finding.help("leave it out, and the conditions that name it");
    }
    let mut entries = Vec::new();
    for entry in array {
        let Some(text) = entry.string(report) else {
            continue;
        };
        let advice = match text.chars().next() {
            Some('!') => Some("negate the set where it is used: \"!@name\""),
            Some('@') => Some("name both sets where they are used: [\"@one\", \"@other\"]"),
            _ => None,
        };
        if let Some(advice) = advice {
            let finding = report.error(entry.span(), "an entry of a set is a plain one");
            finding.help(advice);
            continue;
        }
        entries.push((text.to_owned(), entry.span().clone()));
    }
    entries
}
