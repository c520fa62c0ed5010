//! What only MQTT has.

use wire::Direction;
use wire::mqtt::{PacketType, PropertyForm, QoS};

use super::MatchReader;
use super::number::Quantity;
use super::value::Form;
use crate::Protocol;
use crate::matching::condition::{Condition, FilterCondition, Identity, SubscriptionOptions};
use crate::matching::entry;
use crate::matching::flag::Flag;
use crate::matching::list::List;
use crate::matching::measure::Measure;
use crate::matching::name::{Filling, NamePattern};
use crate::matching::pattern::Pattern;
use crate::matching::property::{Known, PROPERTIES, PropertyCondition};
use crate::matching::scope::{CodeClass, Scope};
use crate::matching::set::Set;
use crate::read::{Node, Table};

/// What has a packet identifier (MQTT 5.0 §2.2.1).
const IDENTIFIED: [PacketType; 9] = [
    PacketType::Publish,
    PacketType::PubAck,
    PacketType::PubRec,
    PacketType::PubRel,
    PacketType::PubComp,
    PacketType::Subscribe,
    PacketType::SubAck,
    PacketType::Unsubscribe,
    PacketType::UnsubAck,
];
const RETAIN_HANDLING: Quantity = Quantity {
    what: "retain handling",
    most: 2,
    example: "write 0, 1, 2, \"!0\" or [0, 1]",
};
const QOS: Quantity = Quantity {
    what: "QoS",
    most: 2,
    example: "write 0, 1, 2, \"!0\" or [0, 1]",
};
const REASON_CODE: Quantity = Quantity {
    what: "reason code",
    most: 255,
    example: "write { min = 0x80 } for all that say no",
};

impl MatchReader<'_> {
    /// What only MQTT has.
    pub(super) fn mqtt(&mut self, table: &mut Table<'_>) {
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
            let list = self.list(&node, entry::name_pattern);
            let asks = |with| asks_for(&list, with);
            if asks(Filling::Name(identity)) {
                let message = format!("`{{{key}}}` compares the `{key}` with itself");
                self.report.error(node.span(), message);
            }
            let mut scope = Scope::protocol(Protocol::Mqtt);
            if asks(Filling::Source) {
                // Names are clients', and so is the address they are compared with.
                scope = scope.and(Scope::direction(Direction::ToServer));
            }
            self.narrowing.narrow(self.report, key, &node, scope);
            self.conditions.push(Condition::Identity(identity, list));
        }
        if let Some(node) = table.optional("topic") {
            let list = self.list(&node, entry::topic_pattern);
            let scope = self.messages();
            self.narrowing.narrow(self.report, "topic", &node, scope);
            self.conditions.push(Condition::Topic(list));
        }
        if let Some(node) = table.optional("topic_text") {
            let list = self.list(&node, entry::text_glob);
            let scope = self.messages();
            self.narrowing
                .narrow(self.report, "topic_text", &node, scope);
            self.conditions.push(Condition::TopicText(list));
        }
        let connect = Scope::packet(PacketType::Connect);
        let connack = Scope::packet(PacketType::ConnAck);
        let publish = Scope::packet(PacketType::Publish);
        for (key, flag, scope) in [
            ("retain", Flag::Retain, self.messages()),
            ("dup", Flag::Dup, publish),
            ("clean", Flag::Clean, connect),
            ("will", Flag::Will, connect),
            ("will_outlives_session", Flag::WillOutlivesSession, connect),
            ("session_present", Flag::SessionPresent, connack),
        ] {
            let Some(node) = table.optional(key) else {
                continue;
            };
            self.narrowing.narrow(self.report, key, &node, scope);
            if let Some(wanted) = node.boolean(self.report) {
                self.conditions.push(Condition::Flag(flag, wanted));
            }
        }
        self.password(table);
        self.measure(table, "keep_alive", Measure::KeepAlive, connect);
        let identified = Scope::union(IDENTIFIED.map(Scope::packet));
        self.measure(table, "packet_id", Measure::PacketId, identified);
        let subscribe = Scope::packet(PacketType::Subscribe);
        let filters = subscribe.or(Scope::packet(PacketType::Unsubscribe));
        self.measure(table, "filters", Measure::Filters, filters);
        let packets = Scope::decoded_packets();
        self.measure(table, "user_properties", Measure::UserProperties, packets);
        let requests = Scope::code_class(CodeClass::Request);
        let layered = self.messages().or(filters).or(requests);
        self.measure(table, "levels", Measure::Levels, layered);
        self.reason_codes(table);
        if let Some(node) = table.optional("property") {
            self.narrowing
                .narrow(self.report, "property", &node, Scope::decoded_packets());
            self.properties(&node);
        }
        let filter = table.optional("filter");
        let qos = table.optional("qos");
        self.filter_and_qos(filter.as_ref(), qos.as_ref());
    }

    /// `password`: whether there is one, or what it may be.
    fn password(&mut self, table: &mut Table<'_>) {
        let Some(node) = table.optional("password") else {
            return;
        };
        let scope = Scope::packet(PacketType::Connect);
        self.narrowing.narrow(self.report, "password", &node, scope);
        if node.is_boolean() {
            let wanted = node.boolean(self.report).into_iter();
            let asked = wanted.map(|wanted| Condition::Flag(Flag::Password, wanted));
            return self.conditions.extend(asked);
        }
        let list = self.list(&node, entry::name_pattern);
        if asks_for(&list, Filling::Source) {
            let scope = Scope::direction(Direction::ToServer);
            self.narrowing.narrow(self.report, "password", &node, scope);
        }
        self.conditions.push(Condition::Password(list));
    }

    /// What carries an application message. A will is judged as a PUBLISH of its own, so that a CONNECT
    /// is asked for its will only where the rule names it.
    pub(super) fn messages(&self) -> Scope {
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
            let before = self.narrowing.scope();
            self.narrowing.narrow(self.report, "qos", node, scope);
            let wanted = self.qos(node)?;
            let is_idle = self.is_any_qos(wanted) && self.narrowing.scope() == before;
            if is_idle {
                let finding = self.report.warning(node.span(), "any QoS will do");
                finding.help("leave `qos` out");
            }
            Some(wanted)
        });
        let Some(node) = filter else {
            let wanted = wanted.filter(|wanted| !self.is_any_qos(*wanted));
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
            condition.qos = wanted.filter(|wanted| !self.is_any_qos(*wanted));
            self.conditions.push(Condition::Filter(Box::new(condition)));
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
            condition.overlaps = self.list(&node, entry::filter_pattern);
            let everything = condition.overlaps.any_of.iter().any(Pattern::is_everything);
            if everything {
                self.report
                    .warning(node.span(), "every subscription overlaps with `#`")
                    .help("write { covers = \"#\" } for subscriptions that ask for everything");
            }
        }
        if let Some(node) = table.optional("within") {
            condition.within = self.list(&node, entry::filter_pattern);
        }
        if let Some(node) = table.optional("covers") {
            condition.covers = self.list(&node, entry::filter_pattern);
        }
        if let Some(node) = table.optional("text") {
            condition.text = self.list(&node, entry::text_glob);
        }
        condition.options = self.subscription_options(&mut table);
        if table.is_empty() {
            let finding = self.report.error(node.span(), "the filter asks nothing");
            finding.help("write { overlaps = … }, { within = … } or { covers = … }");
        }
        table.finish(self.report);
        Some(condition)
    }

    /// Whether all that is left has one of these. Not every CONNECT has a will, and an UNSUBSCRIBE has no QoS.
    fn is_any_qos(&self, wanted: Set<QoS>) -> bool {
        let mut all = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce].into_iter();
        let mut lacking = [PacketType::Connect, PacketType::Unsubscribe].into_iter();
        all.all(|qos| wanted.contains(qos))
            && !lacking.any(|packet| self.narrowing.scope().meets(Scope::packet(packet)))
    }

    fn subscription_options(&mut self, table: &mut Table<'_>) -> SubscriptionOptions {
        let mut flag = |key| {
            let node = table.optional(key)?;
            node.boolean(self.report)
        };
        let (no_local, retain_as_published) = (flag("no_local"), flag("retain_as_published"));
        let handling = table.optional("retain_handling");
        SubscriptionOptions {
            no_local,
            retain_as_published,
            retain_handling: handling.and_then(|node| self.numbers(&node, RETAIN_HANDLING)),
        }
    }

    fn qos(&mut self, node: &Node<'_>) -> Option<Set<QoS>> {
        let numbers = self.numbers(node, QOS)?;
        let levels = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce].into_iter();
        Some(levels.filter(|qos| numbers.contains(*qos as u64)).collect())
    }

    /// `reason_code`: numbers, as the specifications have them.
    fn reason_codes(&mut self, table: &mut Table<'_>) {
        let Some(node) = table.optional("reason_code") else {
            return;
        };
        let others = [
            PacketType::ConnAck,
            PacketType::Disconnect,
            PacketType::Auth,
        ];
        let others = Scope::union(others.map(Scope::packet));
        let scope = Scope::union([Scope::acknowledgements(), others]);
        self.narrowing
            .narrow(self.report, "reason_code", &node, scope);
        if let Some(numbers) = self.numbers(&node, REASON_CODE) {
            let codes = (0..=u8::MAX).filter(|code| numbers.contains((*code).into()));
            self.conditions.push(Condition::ReasonCode(codes.collect()));
        }
    }

    /// `property = { session_expiry = { max = 3600 } }`.
    fn properties(&mut self, node: &Node<'_>) {
        let Some(mut table) = node.table(self.report, "`property`") else {
            return;
        };
        if table.is_empty() {
            let finding = self.report.error(node.span(), "no property is named");
            finding.help("write { session_expiry = { max = 3600 } } or { will_delay = true }");
        }
        for known in &PROPERTIES {
            if let Some(node) = table.optional(known.name) {
                self.property(known, &node);
            }
        }
        table.finish(self.report);
    }

    fn property(&mut self, known: &Known, node: &Node<'_>) {
        let form = match known.form {
            PropertyForm::Flag => Form::Flag,
            PropertyForm::Number => Form::Number,
            PropertyForm::Text => Form::Text,
            PropertyForm::Bytes => Form::Bytes,
            PropertyForm::Pair => return self.user_property(known, node),
        };
        let id = known.id;
        if let Some(test) = self.test(node, form) {
            let condition = PropertyCondition {
                id,
                test,
                name: None,
            };
            self.conditions.push(Condition::Property(condition));
        }
    }

    /// `user_property = { site = "north-*" }`: values by name.
    fn user_property(&mut self, known: &Known, node: &Node<'_>) {
        let Some(table) = node.table(self.report, "`user_property`") else {
            return;
        };
        for (name, node) in table.entries() {
            if let Some(test) = self.test(&node, Form::Text) {
                let condition = PropertyCondition {
                    id: known.id,
                    test,
                    name: Some(name.into()),
                };
                self.conditions.push(Condition::Property(condition));
            }
        }
    }
}

/// Whether one of the names is filled with this.
fn asks_for(list: &List<NamePattern>, with: Filling) -> bool {
    let mut patterns = list.any_of.iter().chain(&list.none_of);
    patterns.any(|pattern| pattern.is_filled_with(with))
}
