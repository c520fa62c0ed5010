//! Reading the `match` of a rule.

mod coap;
mod hello;
mod mqtt;
mod number;
mod payload;
mod time;
mod value;

use std::sync::Arc;

use wire::Direction;
use wire::mqtt::{PacketType, QoS};

use super::addresses::{Addresses, Networks};
use super::asked::Effect;
use super::carried;
use super::condition::{Condition, Identity, Party};
use super::entry;
use super::list::{List, negation};
use super::measure::Measure;
use super::name::NamePattern;
use super::names::Names;
use super::narrow::Narrowing;
use super::reasons::ReasonSet;
use super::scope::Scope;
use super::set::Set;
use crate::Reason;
use crate::read::{Node, Table};
use crate::report::{Report, Span};

/// What a `match` came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Matching {
    pub(crate) scope: Scope,
    /// `None` where the rule looks at messages whether anything was detected or not.
    pub(crate) reasons: Option<ReasonSet>,
    /// The cheapest first.
    pub(crate) conditions: Vec<Condition>,
    /// What the rule passes by, whatever its own conditions say.
    pub(crate) exceptions: Vec<Self>,
    pub(crate) effect: Effect,
}

impl Matching {
    /// Whether it has to see the payload of a PUBLISH.
    pub(crate) fn looks_into_payloads(&self) -> bool {
        let looks_inside = |condition: &Condition| match condition {
            Condition::Payload(payload) => payload.looks_inside(),
            _ => false,
        };
        self.conditions.iter().any(looks_inside)
            || self.exceptions.iter().any(Self::looks_into_payloads)
    }

    /// Whether it has to know what time it is.
    pub(crate) fn asks_time(&self) -> bool {
        let asks = |condition: &Condition| matches!(condition, Condition::Time(_));
        self.conditions.iter().any(asks) || self.exceptions.iter().any(Self::asks_time)
    }

    /// The zones that its conditions name.
    pub(crate) fn zones(&self) -> impl Iterator<Item = &Arc<Networks>> {
        self.conditions
            .iter()
            .filter_map(|condition| match condition {
                Condition::Address(_, list) => Some(list.any_of.iter().chain(&list.none_of)),
                _ => None,
            })
            .flatten()
            .filter_map(Addresses::zone)
    }

    /// Whether it says whom a message has to be from.
    pub(crate) fn names_source(&self) -> bool {
        let names = |condition: &Condition| matches!(condition, Condition::Address(Party::Source, list) if !list.any_of.is_empty());
        self.conditions.iter().any(names)
    }

    /// Whether the rule matches only addresses that have proved themselves.
    pub(crate) fn asks_validated(&self) -> bool {
        self.conditions.contains(&Condition::AddressValidated(true))
    }

    /// Whether it is about PUBLISHes of QoS 0 only.
    pub(crate) fn is_of_qos_0(&self) -> bool {
        let is_only = |of: &Set<QoS>| !of.has(&[QoS::AtLeastOnce, QoS::ExactlyOnce], |_| true);
        let asks = |condition: &Condition| matches!(condition, Condition::Qos(of) if is_only(of));
        self.scope.is_subset(Scope::packet(PacketType::Publish)) && self.conditions.iter().any(asks)
    }

    /// Whether it is about sessions only that have no such name.
    pub(crate) fn is_of_nameless(&self, name: Identity) -> bool {
        let excludes_all = |list: &List<NamePattern>| {
            list.any_of.is_empty() && list.none_of.iter().any(NamePattern::is_everything)
        };
        self.conditions.iter().any(|condition| {
            matches!(condition, Condition::Identity(of, list) if *of == name && excludes_all(list))
        })
    }
}

/// Reads all conditions; what is wrong is reported, and left out.
pub(crate) fn matching(report: &mut Report, mut table: Table<'_>, names: &Names) -> Matching {
    let mut reader = MatchReader {
        report,
        names,
        narrowing: Narrowing::default(),
        conditions: Vec::new(),
    };
    reader.kind(&mut table);
    reader.coap(&mut table);
    reader.mqtt(&mut table);
    reader.payload(&mut table);
    reader.hello(&mut table);
    reader.parties(&mut table);
    reader.circumstances(&mut table);
    reader.time(&mut table);
    let reasons = reader.reasons(&mut table);
    let MatchReader {
        narrowing,
        mut conditions,
        ..
    } = reader;
    table.finish(report);
    conditions.sort_by_key(Condition::cost);
    // The room for more is given back.
    let mut kept = Vec::with_capacity(conditions.len());
    kept.append(&mut conditions);
    Matching {
        scope: narrowing.scope(),
        reasons,
        conditions: kept,
        exceptions: Vec::new(),
        effect: Effect::Catches,
    }
}

struct MatchReader<'r> {
    report: &'r mut Report,
    names: &'r Names,
    narrowing: Narrowing,
    conditions: Vec<Condition>,
}

impl MatchReader<'_> {
    /// `protocol`, `service`, `packet`, `direction`: which messages at all.
    fn kind(&mut self, table: &mut Table<'_>) {
        if let Some(node) = table.optional("protocol") {
            let names = entry::protocol_names();
            let list = self.list(&node, |report, span, text| {
                entry::name(report, span, text, &names)
            });
            let (scope, carrier) = carried::by(&list);
            self.narrowing.narrow(self.report, "protocol", &node, scope);
            self.conditions.extend(carrier);
        }
        if let Some((node, services)) = self.names(table, "service", entry::service_names()) {
            let scope = Scope::union(services.iter().map(|s| Scope::service(*s)));
            self.narrowing.narrow(self.report, "service", &node, scope);
            self.conditions
                .push(Condition::Service(services.into_iter().collect()));
        }
        if let Some((node, packets)) = self.names(table, "packet", entry::packet_names()) {
            let scope = Scope::union(packets.iter().map(|p| Scope::packet(*p)));
            self.narrowing.narrow_to_packets(self.report, &node, scope);
        }
        let directions = [
            ("to_server", Direction::ToServer),
            ("to_client", Direction::ToClient),
        ];
        if let Some((node, directions)) = self.names(table, "direction", &directions) {
            let scope = Scope::union(directions.iter().map(|d| Scope::direction(*d)));
            self.narrowing
                .narrow(self.report, "direction", &node, scope);
        }
    }

    /// `source`, `destination`, `client`, `server`.
    fn parties(&mut self, table: &mut Table<'_>) {
        for (key, party) in [
            ("source", Party::Source),
            ("destination", Party::Destination),
            ("client", Party::Client),
            ("server", Party::Server),
        ] {
            let Some(node) = table.optional(key) else {
                continue;
            };
            let zones = &self.names.zones;
            let list = self.list(&node, |report, span, text| {
                entry::addresses(report, span, text, zones)
            });
            self.conditions
                .push(Condition::Address(party, entry::merge(list)));
        }
    }

    /// `tls`, `address_validated`, `size`, `vlan`, `source_port`, `destination_port`.
    fn circumstances(&mut self, table: &mut Table<'_>) {
        if let Some(wanted) = table
            .optional("tls")
            .and_then(|node| node.boolean(self.report))
        {
            self.conditions.push(Condition::Tls(wanted));
        }
        if let Some(node) = table.optional("address_validated") {
            let scope = Scope::over_udp();
            self.narrowing
                .narrow(self.report, "address_validated", &node, scope);
            if let Some(wanted) = node.boolean(self.report) {
                self.conditions.push(Condition::AddressValidated(wanted));
            }
        }
        self.measure(table, "size", Measure::Size, Scope::ALL);
        self.measure(table, "vlan", Measure::Vlan, Scope::ALL);
        // A fragment hides its ports.
        let ported = Scope::with_ports();
        self.measure(table, "source_port", Measure::SourcePort, ported);
        self.measure(table, "destination_port", Measure::DestinationPort, ported);
    }

    fn reasons(&mut self, table: &mut Table<'_>) -> Option<ReasonSet> {
        let node = table.optional("reason")?;
        let list = self.list(&node, entry::reasons);
        let all = Reason::ALL.iter().copied();
        let set: ReasonSet = all
            .filter(|r| list.holds(|some| some.contains(*r)))
            .collect();
        let is_named = set.iter().next().is_some();
        if !is_named && list.any_of.len() + list.none_of.len() >= node.list().len() {
            self.nothing_left(&node);
        }
        let scope = Scope::union(set.iter().map(Scope::reason));
        self.narrowing.narrow(self.report, "reason", &node, scope);
        if is_named && set.iter().all(Reason::is_of_limit) {
            self.report
                .error(
                    node.span(),
                    "only a `limit` raises that, in the rule that has it",
                )
                .help("write the limit into this rule");
        }
        let undecoded = set.iter().all(Reason::is_malformed);
        if undecoded && self.narrowing.scope().is_subset(Scope::decoded()) {
            self.narrowing.conflict(self.report, "reason", &node);
        }
        Some(set)
    }

    /// A condition on a closed set of names: those that it lets through.
    fn names<'a, T: Copy + PartialEq>(
        &mut self,
        table: &mut Table<'a>,
        key: &'static str,
        names: &[(&str, T)],
    ) -> Option<(Node<'a>, Vec<T>)> {
        let node = table.optional(key)?;
        let list = self.list(&node, |report, span, text| {
            entry::name(report, span, text, names)
        });
        if list.any_of.len() + list.none_of.len() < node.list().len() {
            self.narrowing.give_up();
            return None;
        }
        let all = names.iter().map(|(_, value)| *value);
        let let_through: Vec<T> = all
            .filter(|value| list.holds(|wanted| wanted == value))
            .collect();
        if let_through.is_empty() {
            self.nothing_left(&node);
        }
        Some((node, let_through))
    }

    /// A list of entries, each with or without its `!`; what is wrong is reported and left out.
    fn list<T>(
        &mut self,
        node: &Node<'_>,
        mut parse: impl FnMut(&mut Report, &Span, &str) -> Option<T>,
    ) -> List<T> {
        let mut list = List::default();
        let entries = node.list();
        if entries.is_empty() {
            let finding = self.report.error(node.span(), "the list is empty");
            finding.help("leave the condition out if anything goes");
        }
        self.check_contradiction(node, &entries);
        for entry in entries {
            let Some(text) = entry.string(self.report) else {
                continue;
            };
            let (negated, text) = negation(text);
            if let Some(name) = text.strip_prefix('@') {
                let names = self.names;
                for (text, span) in names.set(self.report, entry.span(), name) {
                    let value = parse(self.report, span, text);
                    value
                        .into_iter()
                        .for_each(|value| list.push(negated, value));
                }
                continue;
            }
            let value = parse(self.report, entry.span(), without_escape(text));
            value
                .into_iter()
                .for_each(|value| list.push(negated, value));
        }
        list
    }
}

impl MatchReader<'_> {
    /// A list whose every plain entry stands negated beside it never holds.
    fn check_contradiction(&mut self, node: &Node<'_>, entries: &[Node<'_>]) {
        let texts = entries.iter().filter_map(Node::as_str).map(negation);
        let (negated, mut plain): (Vec<_>, Vec<_>) = texts.partition(|(negated, _)| *negated);
        plain.retain(|(_, text)| !negated.iter().any(|(_, other)| other == text));
        if plain.is_empty() && negated.len() < entries.len() && !negated.is_empty() {
            self.nothing_left(node);
        }
    }

    /// What was asked of a closed set leaves none of it, which is told once.
    fn nothing_left(&mut self, node: &Node<'_>) {
        if self.narrowing.is_given_up() {
            return;
        }
        let finding = self
            .report
            .error(node.span(), "the list excludes all that it names");
        finding.help("no message fits it: remove an entry or its `!`");
        self.narrowing.give_up();
    }
}

/// An entry that begins like a set's name without being one is written `\@…`.
fn without_escape(text: &str) -> &str {
    match text.strip_prefix('\\') {
        Some(rest) if rest.starts_with('@') => rest,
        _ => text,
    }
}
