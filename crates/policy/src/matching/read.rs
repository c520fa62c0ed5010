//! Reading the `match` of a rule.

use wire::Direction;
use wire::coap::Code;
use wire::mqtt::{PacketType, QoS};

use super::condition::{Codes, Condition, FilterCondition, Identity, Party, Set};
use super::entry::{self, Zones};
use super::list::{List, negation};
use super::narrow::Narrowing;
use super::pattern::Pattern;
use super::reasons::ReasonSet;
use super::scope::{CodeClass, Scope};
use crate::read::{Node, Table};
use crate::report::{Report, Span};
use crate::{Protocol, Reason};

/// What a `match` came to.
#[derive(Debug, Clone)]
pub(crate) struct Matching {
    pub(crate) scope: Scope,
    /// `None` where the rule looks at messages whether anything was detected or not.
    pub(crate) reasons: Option<ReasonSet>,
    /// The cheapest first.
    pub(crate) conditions: Vec<Condition>,
}

impl Matching {
    /// Whether the rule matches only addresses that have proved themselves.
    pub(crate) fn asks_validated(&self) -> bool {
        self.conditions.contains(&Condition::AddressValidated(true))
    }
}

/// Reads all conditions; what is wrong is reported, and left out.
pub(crate) fn matching(report: &mut Report, mut table: Table<'_>, zones: &Zones) -> Matching {
    let mut reader = MatchReader {
        report,
        zones,
        narrowing: Narrowing::default(),
        conditions: Vec::new(),
    };
    reader.kind(&mut table);
    reader.coap(&mut table);
    reader.mqtt(&mut table);
    reader.parties(&mut table);
    reader.circumstances(&mut table);
    let reasons = reader.reasons(&mut table);
    let MatchReader {
        narrowing,
        mut conditions,
        ..
    } = reader;
    table.finish(report);
    conditions.sort_by_key(Condition::cost);
    Matching {
        scope: narrowing.scope(),
        reasons,
        conditions,
    }
}

struct MatchReader<'r> {
    report: &'r mut Report,
    zones: &'r Zones,
    narrowing: Narrowing,
    conditions: Vec<Condition>,
}

impl MatchReader<'_> {
    /// `protocol`, `service`, `packet`, `direction`: which messages at all.
    fn kind(&mut self, table: &mut Table<'_>) {
        if let Some((node, protocols)) = self.names(table, "protocol", &entry::protocol_names()) {
            let scope = Scope::union(protocols.iter().map(|p| Scope::protocol(*p)));
            self.narrowing.narrow(self.report, "protocol", &node, scope);
        }
        if let Some((node, services)) = self.names(table, "service", &entry::service_names()) {
            let scope = Scope::union(services.iter().map(|s| Scope::service(*s)));
            self.narrowing.narrow(self.report, "service", &node, scope);
            self.conditions
                .push(Condition::Service(services.into_iter().collect()));
        }
        if let Some((node, packets)) = self.names(table, "packet", &entry::packet_names()) {
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

    /// `code`, `method`, `path`.
    fn coap(&mut self, table: &mut Table<'_>) {
        if let Some((node, methods)) = self.names(table, "method", &entry::methods()) {
            self.codes("method", &node, methods.into_iter().collect());
        }
        if let Some(node) = table.optional("code") {
            let list = self.list(&node, entry::code);
            let let_through = |code: &Code| list.holds(|codes| codes.contains(*code));
            let codes = Codes::all().filter(let_through).collect();
            self.codes("code", &node, codes);
        }
        if let Some(node) = table.optional("path") {
            let list = self.list(&node, entry::path_pattern);
            let requests = Scope::code_class(CodeClass::Request);
            self.narrowing.narrow(self.report, "path", &node, requests);
            self.conditions.push(Condition::Path(list));
        }
    }

    fn codes(&mut self, key: &'static str, node: &Node<'_>, codes: Codes) {
        let scope = Scope::union(
            codes
                .iter()
                .map(|code| Scope::code_class(CodeClass::of(code))),
        );
        self.narrowing.narrow(self.report, key, node, scope);
        self.conditions.push(Condition::Code(codes));
    }

    /// What only MQTT has.
    fn mqtt(&mut self, table: &mut Table<'_>) {
        if let Some((node, versions)) = self.names(table, "version", &entry::VERSIONS) {
            let scope = Scope::protocol(Protocol::Mqtt);
            self.narrowing.narrow(self.report, "version", &node, scope);
            self.conditions
                .push(Condition::Version(versions.into_iter().collect()));
        }
        for (key, identity) in [
            ("client_id", Identity::ClientId),
            ("username", Identity::Username),
        ] {
            let Some(node) = table.optional(key) else {
                continue;
            };
            let list = self.list(&node, entry::text_glob);
            let scope = Scope::protocol(Protocol::Mqtt);
            self.narrowing.narrow(self.report, key, &node, scope);
            self.conditions.push(Condition::Identity(identity, list));
        }
        if let Some(node) = table.optional("topic") {
            let list = self.list(&node, entry::topic_pattern);
            let scope = self.messages();
            self.narrowing.narrow(self.report, "topic", &node, scope);
            self.conditions.push(Condition::Topic(list));
        }
        if let Some(node) = table.optional("retain") {
            let scope = self.messages();
            self.narrowing.narrow(self.report, "retain", &node, scope);
            if let Some(wanted) = node.boolean(self.report) {
                self.conditions.push(Condition::Retain(wanted));
            }
        }
        if let Some(node) = table.optional("keep_alive") {
            let scope = Scope::packet(PacketType::Connect);
            self.narrowing
                .narrow(self.report, "keep_alive", &node, scope);
            if let Some(mut table) = node.table(self.report, "`keep_alive`") {
                self.keep_alive(&mut table);
                table.finish(self.report);
            }
        }
        let filter = table.optional("filter");
        let qos = table.optional("qos");
        self.filter_and_qos(filter.as_ref(), qos.as_ref());
    }

    /// What carries an application message. A will is judged as a PUBLISH of its own, so that a CONNECT
    /// is asked for its will only where the rule names it.
    fn messages(&self) -> Scope {
        let publish = Scope::packet(PacketType::Publish);
        match self.narrowing.names_packets() {
            true => publish.or(Scope::packet(PacketType::Connect)),
            false => publish,
        }
    }

    /// `filter` and `qos`, which have to hold for the same entry of a SUBSCRIBE.
    fn filter_and_qos(&mut self, filter: Option<&Node<'_>>, qos: Option<&Node<'_>>) {
        let wanted = qos.and_then(|node| {
            let scope = self.messages().or(Scope::packet(PacketType::Subscribe));
            self.narrowing.narrow(self.report, "qos", node, scope);
            self.qos(node)
        });
        let Some(node) = filter else {
            self.conditions.extend(wanted.map(Condition::Qos));
            return;
        };
        // Who asks for a filter means subscriptions, unless they say otherwise.
        let mut scope = Scope::packet(PacketType::Subscribe);
        if self.narrowing.names_packets() {
            scope = scope.or(Scope::packet(PacketType::Unsubscribe));
        }
        self.narrowing.narrow(self.report, "filter", node, scope);
        if let Some(mut condition) = self.filter(node) {
            condition.qos = wanted;
            self.conditions.push(Condition::Filter(condition));
        }
    }

    fn filter(&mut self, node: &Node<'_>) -> Option<FilterCondition> {
        if node.as_str().is_some() {
            self.report
                .error(node.span(), "a filter needs a relation")
                .help("write { overlaps = … }, { within = … } or { covers = … }")
                .help("rules/README.md tells them apart");
            return None;
        }
        let mut table = node.table(self.report, "`filter`")?;
        let mut condition = FilterCondition::default();
        if let Some(node) = table.optional("overlaps") {
            condition.overlaps = self.list(&node, entry::topic_pattern);
            let everything = condition.overlaps.any_of.iter().any(Pattern::is_everything);
            if everything {
                self.report
                    .warning(node.span(), "every subscription overlaps with `#`")
                    .help("write { covers = \"#\" } for subscriptions that ask for everything");
            }
        }
        if let Some(node) = table.optional("within") {
            condition.within = self.list(&node, entry::topic_pattern);
        }
        if let Some(node) = table.optional("covers") {
            condition.covers = self.list(&node, entry::topic_pattern);
        }
        if table.is_empty() {
            let finding = self.report.error(node.span(), "the filter asks nothing");
            finding.help("write { overlaps = … }, { within = … } or { covers = … }");
        }
        table.finish(self.report);
        Some(condition)
    }

    fn qos(&mut self, node: &Node<'_>) -> Option<Set<QoS>> {
        let mut set = Set::EMPTY;
        for entry in node.list() {
            let number = entry.integer(self.report, 0..=2)?;
            set.insert(QoS::from_bits(u8::try_from(number).ok()?)?);
        }
        Some(set)
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
            let zones = self.zones;
            let list = self.list(&node, |report, span, text| {
                entry::addresses(report, span, text, zones)
            });
            self.conditions
                .push(Condition::Address(party, entry::merge(list)));
        }
    }

    /// `tls`, `address_validated`, `size`.
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
        let size = table.optional("size");
        if let Some(mut table) = size.and_then(|node| node.table(self.report, "`size`")) {
            self.size(&mut table);
            table.finish(self.report);
        }
    }

    fn size(&mut self, table: &mut Table<'_>) {
        const MOST: u64 = 268_435_460;
        let example = "write { min = 1 }, { max = 1024 } or both, in bytes";
        if let Some((min, max)) = self.bounds(table, "size", MOST, example) {
            let bytes = |n| usize::try_from(n).expect("a size below 2^32");
            let (min, max) = (bytes(min), bytes(max));
            self.conditions.push(Condition::Size { min, max });
        }
    }

    fn keep_alive(&mut self, table: &mut Table<'_>) {
        let example = "write { min = 1 }, { max = 600 } or both, in seconds; 0 is for ever";
        let most = u64::from(u16::MAX);
        if let Some((min, max)) = self.bounds(table, "keep alive", most, example) {
            let seconds = |n| u16::try_from(n).expect("bounded by two bytes");
            let (min, max) = (seconds(min), seconds(max));
            self.conditions.push(Condition::KeepAlive { min, max });
        }
    }

    /// `min` and `max`, at least one of them.
    fn bounds(
        &mut self,
        table: &mut Table<'_>,
        what: &str,
        most: u64,
        example: &str,
    ) -> Option<(u64, u64)> {
        let (least, largest) = (table.optional("min"), table.optional("max"));
        if least.is_none() && largest.is_none() {
            let finding = self
                .report
                .error(table.span(), format!("the {what} has no bound"));
            finding.help(example.to_owned());
            return None;
        }
        let mut bound = |node: Option<&Node<'_>>, default| match node {
            Some(node) => node.integer(self.report, 0..=most),
            None => Some(default),
        };
        let min = bound(least.as_ref(), 0);
        let max = bound(largest.as_ref(), most);
        let (min, max) = (min?, max?);
        if min > max {
            let message = format!("no {what} is as small as `max` and as large as `min`");
            self.report.error(table.span(), message);
            return None;
        }
        Some((min, max))
    }

    fn reasons(&mut self, table: &mut Table<'_>) -> Option<ReasonSet> {
        let node = table.optional("reason")?;
        let list = self.list(&node, entry::reasons);
        let all = Reason::ALL.iter().copied();
        let set: ReasonSet = all
            .filter(|r| list.holds(|some| some.contains(*r)))
            .collect();
        let scope = Scope::union(set.iter().map(Scope::reason));
        self.narrowing.narrow(self.report, "reason", &node, scope);
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
        let all = names.iter().map(|(_, value)| *value);
        let let_through = all
            .filter(|value| list.holds(|wanted| wanted == value))
            .collect();
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
        for entry in entries {
            let Some(text) = entry.string(self.report) else {
                continue;
            };
            let (negated, text) = negation(text);
            if let Some(value) = parse(self.report, entry.span(), text) {
                list.push(negated, value);
            }
        }
        list
    }
}
