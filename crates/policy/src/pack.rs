//! Reading rule packs: `[[rule]]`, `[[case]]` and zones of their own.

mod check;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::case::{self, Case, DraftCase};
use crate::limit;
use crate::matching::{self, Effect, Matching, Names};
use crate::read::{Node, Table};
use crate::report::{Report, Span};
use crate::{Action, Details, Proof, REFUSALS, Rule, Severity};

/// More rules than this are no policy any more.
const MAX_RULES: usize = 1 << 16;
const MAX_ID_BYTES: usize = 64;
/// The longest a source can be banned: longer belongs on a block list.
pub const MAX_BAN: Duration = Duration::from_secs(365 * 86_400);

/// A rule with its conditions, and where its parts stand.
pub(crate) struct DraftRule {
    pub(crate) rule: Rule,
    pub(crate) matching: Matching,
    /// Whether all of it could be read.
    pub(crate) is_whole: bool,
    /// Later rules it is meant to contradict.
    pub(crate) overrides: Vec<String>,
    pub(crate) id_span: Span,
}

/// All packs together.
#[derive(Default)]
pub(crate) struct Packs {
    pub(crate) rules: Vec<DraftRule>,
    pub(crate) cases: Vec<Case>,
    reads_cases: bool,
    /// Rules that cases expect to decide, and that rules override.
    expected: Vec<(String, Span)>,
    ids: BTreeMap<String, Span>,
    sids: BTreeMap<u32, Span>,
}

impl Packs {
    /// None yet. Cases are read only for whom they are to be run by.
    pub(crate) fn new(reads_cases: bool) -> Self {
        Self {
            reads_cases,
            ..Self::default()
        }
    }

    /// Takes up the rules and cases of one pack.
    pub(crate) fn read(&mut self, report: &mut Report, mut file: Table<'_>, names: &Names) {
        // Read beforehand, so that rules may use the names of later packs.
        file.optional("zones");
        file.optional("sets");
        if let Some(node) = file.optional("rule") {
            for table in node.tables(report, "a rule") {
                if self.ids.len() == MAX_RULES {
                    let message = format!("there are more than {MAX_RULES} rules");
                    report.error(table.span(), message);
                    break;
                }
                self.rule(report, table, names);
            }
        }
        let alone = file
            .optional("pack")
            .is_some_and(|node| pack_is_alone(report, &node));
        if let Some(node) = file.optional("case").filter(|_| self.reads_cases) {
            for table in node.tables(report, "a case") {
                if let Some(DraftCase { case, expected }) = case::read(report, table) {
                    self.cases.push(Case { alone, ..case });
                    let unknown = expected.into_iter();
                    let unknown = unknown.filter(|(id, _)| !self.ids.contains_key(id));
                    self.expected.extend(unknown);
                }
            }
        }
        if file.has_unknown_keys() {
            check::of_configuration(report, &mut file);
        }
        file.finish(report);
    }

    /// The names of all rules, those too that can't be read.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> + Clone {
        self.ids.keys().map(String::as_str)
    }

    /// Reports what is said of rules that don't exist; for when all packs are read.
    pub(crate) fn check_expectations(&self, report: &mut Report) {
        for (id, span) in &self.expected {
            if self.ids.contains_key(id) {
                continue;
            }
            let known = self.ids();
            report
                .error(span, format!("there is no rule `{}`", id.escape_debug()))
                .did_you_mean(id, known, || None);
        }
    }

    fn rule(&mut self, report: &mut Report, mut table: Table<'_>, names: &Names) {
        let span = table.span().clone();
        let errors_before = report.errors();
        let id = table.required(report, "id");
        let id_span = id.as_ref().map_or(&span, Node::span).clone();
        let id = id.and_then(|node| self.id(report, &node));
        let sid = table
            .optional("sid")
            .and_then(|node| self.sid(report, &node));
        let description = text(report, &mut table, "description");
        let severity = table.optional("severity").and_then(|node| {
            let names: Vec<_> = Severity::ALL.iter().map(|s| (s.name(), *s)).collect();
            node.choice(report, &names)
        });
        let conditions = table.required(report, "match");
        let conditions = conditions.and_then(|node| node.table(report, "`match`"));
        let matching = conditions.map(|table| matching::matching(report, table, names));
        let exceptions = table.optional("except");
        let exceptions = exceptions.map(|node| exceptions_of(report, &node, names));
        let limit_node = table.optional("limit");
        let limit = limit_node
            .as_ref()
            .and_then(|node| limit::read(report, node));
        let action_node = table.required(report, "action");
        let action = action_node.as_ref().and_then(|node| {
            let names: Vec<_> = Action::ALL.iter().map(|a| (a.name(), *a)).collect();
            node.choice(report, &names)
        });
        let proof_node = table.optional("proof");
        let proof = proof_node
            .as_ref()
            .and_then(|node| node.choice(report, Proof::ALL));
        let refusal_node = table.optional("refusal");
        let refusal = refusal_node
            .as_ref()
            .and_then(|node| node.choice(report, REFUSALS));
        let ban_node = table.optional("ban");
        let ban = ban_node
            .as_ref()
            .and_then(|node| node.duration(report, Duration::from_secs(1)..=MAX_BAN));
        let dry_run = table
            .optional("dry_run")
            .and_then(|node| node.boolean(report));
        let log_node = table.optional("log");
        let log = log_node.as_ref().map(|node| Details::read(report, node));
        let references = table.optional("references");
        let references = references
            .map(|node| strings(report, &node))
            .unwrap_or_default();
        let overrides = table.optional("overrides");
        let overrides = overrides.map(|node| self.overrides(report, &node, id.as_deref()));
        if table.has_unknown_keys() {
            check::switch(report, &mut table);
        }
        table.finish(report);

        let (Some(id), Some(mut matching), Some(action)) = (id, matching, action) else {
            return;
        };
        matching.effect = Effect::of(action);
        matching.exceptions = exceptions.unwrap_or_default();
        for exception in &mut matching.exceptions {
            exception.effect = matching.effect.opposite();
        }
        let is_whole = report.errors() == errors_before && !report.is_broken(&span);
        let place = report.place(&id_span);
        let draft = DraftRule {
            rule: Rule {
                id,
                sid,
                description,
                severity: severity.unwrap_or_default(),
                action,
                proof: proof.unwrap_or_default(),
                refusal,
                ban,
                dry_run: dry_run.unwrap_or_default(),
                log: log.unwrap_or_default(),
                limit,
                references,
                place,
            },
            matching,
            is_whole,
            overrides: overrides.unwrap_or_default(),
            id_span,
        };
        if let Some(node) = &action_node {
            check::action(report, &draft, node);
        }
        check::exempting(report, &draft);
        if let Some(node) = proof_node.filter(|_| draft.rule.action != Action::Challenge) {
            let message = "`proof` belongs to `action = \"challenge\"`";
            report.error(node.span(), message);
        }
        if let Some(node) = &refusal_node {
            check::refusal(report, &draft, node);
        }
        if let Some(node) = ban_node.filter(|_| draft.rule.ban.is_some()) {
            check::ban(report, &draft, &node);
        }
        if let Some(node) = &log_node {
            check::log(report, &draft, node);
        }
        if let Some(node) = &limit_node {
            limit::check(report, &draft, node);
        }
        self.rules.push(draft);
    }

    /// A name nobody else has.
    fn id(&mut self, report: &mut Report, node: &Node<'_>) -> Option<String> {
        let id = node.string(report)?;
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if !(1..=MAX_ID_BYTES).contains(&id.len()) || !id.bytes().all(plain) {
            report
                .error(
                    node.span(),
                    format!("`{}` can't be a rule's id", id.escape_debug()),
                )
                .help("an id has 1 to 64 lower-case letters, digits and dashes");
            return None;
        }
        if let Some(first) = self.ids.get(id) {
            report
                .error(node.span(), format!("there are two rules `{id}`"))
                .related(first, "first defined here");
            return None;
        }
        self.ids.insert(id.to_owned(), node.span().clone());
        Some(id.to_owned())
    }

    /// The ids of other rules, which come later than `own`.
    fn overrides(
        &mut self,
        report: &mut Report,
        node: &Node<'_>,
        own: Option<&str>,
    ) -> Vec<String> {
        let mut ids = Vec::new();
        for entry in node.array(report) {
            if let Some(id) = entry.string(report) {
                if Some(id) == own {
                    report.error(entry.span(), "a rule doesn't override itself");
                    continue;
                }
                self.expected.push((id.to_owned(), entry.span().clone()));
                ids.push(id.to_owned());
            }
        }
        ids
    }

    fn sid(&mut self, report: &mut Report, node: &Node<'_>) -> Option<u32> {
        let sid = node.integer(report, 1..=u64::from(u32::MAX))?;
        let sid = u32::try_from(sid).expect("checked to fit");
        if let Some(first) = self.sids.get(&sid) {
            report
                .error(node.span(), format!("the sid {sid} is taken"))
                .related(first, "first used here")
                .help("rules/README.md allots them");
            return None;
        }
        self.sids.insert(sid, node.span().clone());
        Some(sid)
    }
}

/// `[pack] cases`: whether the pack's cases are about it alone.
fn pack_is_alone(report: &mut Report, node: &Node<'_>) -> bool {
    let Some(mut table) = node.table(report, "`pack`") else {
        return false;
    };
    let cases = table.optional("cases");
    let alone = cases.and_then(|node| {
        let choices = [("alone", true), ("together", false)];
        node.choice(report, &choices)
    });
    table.finish(report);
    alone.unwrap_or(false)
}

/// `except = { … }`, or a list of those: what the rule passes by.
fn exceptions_of(report: &mut Report, node: &Node<'_>, names: &Names) -> Vec<Matching> {
    let mut exceptions = Vec::new();
    let entries = node.list();
    if entries.is_empty() {
        let finding = report.error(node.span(), "the list is empty");
        finding.help("leave `except` out if the rule passes nothing by");
    }
    for node in entries {
        let Some(table) = node.table(report, "`except`") else {
            continue;
        };
        if table.is_empty() {
            let finding = report.error(node.span(), "the exception leaves nothing of the rule");
            finding.help("name what the rule is to pass by, as in `match`");
            continue;
        }
        exceptions.push(matching::matching(report, table, names));
    }
    exceptions
}

fn text(report: &mut Report, table: &mut Table<'_>, key: &'static str) -> String {
    let node = table.optional(key);
    let text = node.and_then(|node| node.string(report));
    text.unwrap_or_default().to_owned()
}

fn strings(report: &mut Report, node: &Node<'_>) -> Vec<String> {
    let entries = node.array(report).into_iter();
    entries
        .filter_map(|entry| entry.string(report).map(str::to_owned))
        .collect()
}
