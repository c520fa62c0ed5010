//! Rules of the packs that the configuration takes out of the game, or only tries: a shipped pack need not be copied
//! for the few of its rules that don't fit a site.

use std::collections::BTreeMap;

use crate::config::Mark;
use crate::pack::DraftRule;
use crate::read::Table;
use crate::report::Report;
use crate::suggest::suggest;
use crate::{Level, Rule};

/// `[policy] disabled` and `[policy] dry_run`: rules by their ids, and where each is named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exempted {
    disabled: BTreeMap<String, Mark>,
    tried: BTreeMap<String, Mark>,
}

impl Exempted {
    pub(super) fn read(report: &mut Report, table: &mut Table<'_>) -> Self {
        let disabled = ids(report, table, "disabled", &BTreeMap::new());
        let tried = ids(report, table, "dry_run", &disabled);
        Self { disabled, tried }
    }

    /// How many rules are disabled, and how many only tried.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        (self.disabled.len(), self.tried.len())
    }

    /// Takes the disabled ones out of `rules`, and says which are none.
    pub(crate) fn apply(&self, report: &mut Report, rules: &mut Vec<DraftRule>) {
        for (id, mark) in self.disabled.iter().chain(&self.tried) {
            if rules.iter().all(|draft| draft.rule.id != *id) {
                report.add(unknown(id, mark, rules));
            }
        }
        rules.retain(|draft| !self.disabled.contains_key(&draft.rule.id));
        for Rule { id, dry_run, .. } in rules.iter_mut().map(|draft| &mut draft.rule) {
            *dry_run |= self.tried.contains_key(id);
        }
    }
}

fn unknown(id: &str, mark: &Mark, rules: &[DraftRule]) -> crate::Diagnostic {
    let known = rules.iter().map(|draft| draft.rule.id.as_str());
    let nearest = suggest(id, known).map(|near| format!("did you mean `{near}`?"));
    let help = nearest.unwrap_or_else(|| "it names rules of the `packs`, by their `id`".to_owned());
    let message = format!("there is no rule `{}`", id.escape_debug());
    mark.finding(Level::Error, message, vec![help])
}

/// The rules that `key` names, each once and not among `others`.
fn ids(
    report: &mut Report,
    table: &mut Table<'_>,
    key: &'static str,
    others: &BTreeMap<String, Mark>,
) -> BTreeMap<String, Mark> {
    let mut ids = BTreeMap::new();
    let Some(node) = table.optional(key) else {
        return ids;
    };
    for entry in node.array(report) {
        let Some(id) = entry.string(report) else {
            continue;
        };
        if ids.contains_key(id) || others.contains_key(id) {
            let message = format!("the rule `{}` is named twice", id.escape_debug());
            report.error(entry.span(), message);
            continue;
        }
        let mark = Mark::new(report, entry.span());
        ids.insert(id.to_owned(), mark);
    }
    ids
}
