//! What only CoAP has.

use wire::coap::{Code, Format, Type};

use super::MatchReader;
use super::value::Form;
use crate::Protocol;
use crate::matching::condition::Condition;
use crate::matching::entry;
use crate::matching::measure::Measure;
use crate::matching::option::{self, OptionCondition};
use crate::matching::scope::{CodeClass, Scope};
use crate::matching::set::Codes;
use crate::read::{Node, Table};

const TYPES: [(&str, Type); 4] = [
    ("CON", Type::Confirmable),
    ("NON", Type::NonConfirmable),
    ("ACK", Type::Acknowledgement),
    ("RST", Type::Reset),
];

impl MatchReader<'_> {
    /// `code`, `method`, `path`.
    pub(super) fn coap(&mut self, table: &mut Table<'_>) {
        if let Some((node, methods)) = self.names(table, "method", entry::methods()) {
            self.codes("method", &node, methods.into_iter().collect());
        }
        if let Some(node) = table.optional("code") {
            let list = self.list(&node, entry::code);
            let let_through = |code: &Code| list.holds(|codes| codes.contains(*code));
            let codes: Codes = Codes::all().filter(let_through).collect();
            if codes.is_empty() && list.any_of.len() + list.none_of.len() >= node.list().len() {
                self.nothing_left(&node);
            }
            self.codes("code", &node, codes);
        }
        if let Some(node) = table.optional("path") {
            let list = self.list(&node, entry::path_pattern);
            let requests = Scope::code_class(CodeClass::Request);
            self.narrowing.narrow(self.report, "path", &node, requests);
            self.conditions.push(Condition::Path(list));
        }
        if let Some((node, types)) = self.names(table, "type", &TYPES) {
            let scope = Scope::protocol(Protocol::Coap);
            self.narrowing.narrow(self.report, "type", &node, scope);
            self.conditions
                .push(Condition::Type(types.into_iter().collect()));
        }
        for (key, measure) in [
            ("options", Measure::Options),
            ("token", Measure::Token),
            ("message_id", Measure::MessageId),
            ("block_size", Measure::BlockSize),
            ("block_number", Measure::BlockNumber),
        ] {
            self.measure(table, key, measure, Scope::protocol(Protocol::Coap));
        }
        if let Some(node) = table.optional("option") {
            let scope = Scope::protocol(Protocol::Coap);
            self.narrowing.narrow(self.report, "option", &node, scope);
            self.options(&node);
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

    /// `option = { uri_query = "*", 2049 = true }`: by name or number.
    fn options(&mut self, node: &Node<'_>) {
        let Some(table) = node.table(self.report, "`option`") else {
            return;
        };
        let entries = table.entries();
        if entries.is_empty() {
            let finding = self.report.error(node.span(), "no option is named");
            finding.help("write { uri_query = \"*\" } or { proxy_uri = true }");
        }
        for (key, node) in entries {
            let Some(number) = self.option_number(key, &node) else {
                continue;
            };
            let form = match option::format(number) {
                Format::Uint => Form::Number,
                Format::Text if option::is_name(number) => Form::Name,
                Format::Text => Form::Text,
                Format::Opaque | Format::Empty => Form::Bytes,
            };
            if let Some(test) = self.test(&node, form) {
                let condition = OptionCondition { number, test };
                self.conditions.push(Condition::Option(condition));
            }
        }
    }

    fn option_number(&mut self, key: &str, node: &Node<'_>) -> Option<u16> {
        let names = option::names();
        let named = names.iter().find(|(name, _)| name == key);
        if let Some(number) = named.map(|(_, number)| *number).or(key.parse().ok()) {
            return Some(number);
        }
        let message = format!("there is no option `{}`", key.escape_debug());
        self.report.error(node.key_span(), message).did_you_mean(
            key,
            names.iter().map(|(name, _)| &**name),
            || Some("an option has its registered name, `uri_query`, or its number".to_owned()),
        );
        None
    }
}
