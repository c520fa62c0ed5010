//! Rules of the packs that the configuration takes out of the game, or only tries: a shipped pack need not be copied
//! for the few of its rules that don't fit a site.

use std::collections::BTreeMap;

use crate::config::Mark;
use crate::pack::Packs;
use crate::read::Table;
use crate::report::Report;
use crate::suggest::suggest;
use crate::{Diagnostic, Level, Rule};

/// `[policy] disabled` and `[policy] dry_run`: rules by their ids, and where each is named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exempted {
    disabled: BTreeMap<String, Mark>,
    dry_run: BTreeMap<String, Mark>,
}

impl Exempted {
    pub(super) fn read(report: &mut Report, table: &mut Table<'_>) -> Self {
        let disabled = ids(report, table, "disabled", &BTreeMap::new());
        let dry_run = ids(report, table, "dry_run", &disabled);
        Self { disabled, dry_run }
    }

    /// Takes the disabled ones out of `packs`, and says which are none.
    pub(crate) fn apply(&self, report: &mut Report, packs: &mut Packs) {
        for (id, mark) in self.disabled.iter().chain(&self.dry_run) {
            if !packs.ids().any(|known| known == id) {
                report.add(unknown(id, mark, packs));
            }
        }
        let rules = &mut packs.rules;
        rules.retain(|draft| !self.disabled.contains_key(&draft.rule.id));
        for Rule { id, dry_run, .. } in rules.iter_mut().map(|draft| &mut draft.rule) {
            *dry_run |= self.dry_run.contains_key(id);
        }
    }
}

fn unknown(id: &str, mark: &Mark, packs: &Packs) -> Diagnostic {
    let known = packs.ids();
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
