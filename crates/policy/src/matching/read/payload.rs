//! `payload`: what is asked of the bytes of a message.

use wire::mqtt::PacketType;

use super::MatchReader;
use super::number::Quantity;
use crate::Protocol;
use crate::matching::condition::Condition;
use crate::matching::entry;
use crate::matching::payload::{JsonTest, PayloadCondition, Pointer, Range};
use crate::matching::scope::Scope;
use crate::read::{Node, Table};

const SIZE: Quantity = Quantity {
    what: "size",
    most: 268_435_455,
    example: "write { min = 1 }, { max = 1024 } or both, in bytes",
};

impl MatchReader<'_> {
    pub(super) fn payload(&mut self, table: &mut Table<'_>) {
        let Some(node) = table.optional("payload") else {
            return;
        };
        let publish = Scope::packet(PacketType::Publish);
        let scope = self
            .messages()
            .or(Scope::protocol(Protocol::Coap))
            .or(publish);
        self.narrowing.narrow(self.report, "payload", &node, scope);
        let Some(mut table) = node.table(self.report, "`payload`") else {
            return;
        };
        let condition = self.payload_condition(&mut table);
        if table.is_empty() {
            let finding = self
                .report
                .error(node.span(), "the payload is asked nothing");
            finding.help("write { contains = \"…\" }, { regex = \"…\" }, { json = … }, …");
        }
        table.finish(self.report);
        self.conditions
            .push(Condition::Payload(Box::new(condition)));
    }

    fn payload_condition(&mut self, table: &mut Table<'_>) -> PayloadCondition {
        let mut condition = PayloadCondition::default();
        if let Some(node) = table.optional("size") {
            condition.size = self.numbers(&node, SIZE);
        }
        if let Some(node) = table.optional("utf8") {
            condition.utf8 = node.boolean(self.report);
        }
        if let Some(node) = table.optional("starts_with") {
            condition.starts_with = self.list(&node, entry::bytes);
        }
        if let Some(node) = table.optional("contains") {
            condition.contains = self.list(&node, entry::bytes);
        }
        if let Some(node) = table.optional("regex") {
            condition.regex = self.list(&node, entry::expression);
        }
        if let Some(node) = table.optional("json") {
            if node.is_boolean() {
                condition.is_json = node.boolean(self.report);
            } else {
                condition.json = self.json(&node);
            }
        }
        condition
    }

    /// `json = { "/speed" = { max = 100 } }`.
    fn json(&mut self, node: &Node<'_>) -> Vec<(Pointer, JsonTest)> {
        let Some(table) = node.table(self.report, "`json`") else {
            return Vec::new();
        };
        let entries = table.entries();
        if entries.is_empty() {
            let finding = self.report.error(node.span(), "no value is named");
            finding.help("write { \"/speed\" = { max = 100 } }, or true for any JSON");
        }
        let mut tests = Vec::new();
        for (key, node) in entries {
            let pointer = entry::pointer(self.report, node.key_span(), key);
            let test = self.json_test(&node);
            tests.extend(pointer.zip(test));
        }
        tests
    }

    fn json_test(&mut self, node: &Node<'_>) -> Option<JsonTest> {
        if node.is_boolean() {
            return node.boolean(self.report).map(JsonTest::Flag);
        }
        if let Some(numbers) = self.numbers_in_json(node) {
            return Some(JsonTest::Within(numbers));
        }
        if !node.is_table() {
            let mut entries = node.list().into_iter();
            if entries.any(|entry| entry.as_number().is_some() || entry.is_table()) {
                let message = "a list is one of numbers, or one of texts";
                let finding = self.report.error(node.span(), message);
                finding
                    .help("write [1, 2.5] for numbers, { min = 5 } alone for a range, and \"1\" for the text of a digit")
                    .help("what may be one or the other is asked for by two rules");
                return None;
            }
            return Some(JsonTest::Like(self.list(node, entry::text_glob)));
        }
        let mut table = node.table(self.report, "the value")?;
        let exists = table.optional("exists");
        let (min, max) = (table.optional("min"), table.optional("max"));
        if let Some(node) = exists {
            table.finish_without(self.report, &["min", "max"]);
            return node.boolean(self.report).map(JsonTest::Exists);
        }
        if min.is_none() && max.is_none() && !table.has_unknown_keys() {
            let finding = self.report.error(node.span(), "the number has no bound");
            finding.help("write { min = -5 }, { max = 100.5 }, both, or { exists = true }");
        }
        table.finish(self.report);
        if min.is_none() && max.is_none() {
            return None;
        }
        let mut bound = |node: Option<Node<'_>>, default| match node {
            Some(node) => node.number(self.report),
            None => Some(default),
        };
        let (min, max) = (bound(min, f64::NEG_INFINITY), bound(max, f64::INFINITY));
        let (min, max) = (min?, max?);
        if min > max {
            let message = "no number is as small as `max` and as large as `min`";
            self.report.error(node.span(), message);
            return None;
        }
        Some(JsonTest::Within([Range::new(min, max)].into()))
    }

    /// A number, or a list of such: each by itself.
    fn numbers_in_json(&mut self, node: &Node<'_>) -> Option<Box<[Range]>> {
        let entries = node.list();
        let are_numbers = entries.iter().all(|entry| entry.as_number().is_some());
        if entries.is_empty() || !are_numbers {
            return None;
        }
        let numbers = entries.iter().filter_map(|n| n.number(self.report));
        Some(numbers.map(|number| Range::new(number, number)).collect())
    }
}
