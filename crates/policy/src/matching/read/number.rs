//! What is asked of numbers: one, a range, several; each perhaps with a `!`.

use super::MatchReader;
use crate::matching::condition::Condition;
use crate::matching::list::{List, negation};
use crate::matching::measure::Measure;
use crate::matching::numbers::{Bounds, Numbers};
use crate::matching::scope::Scope;
use crate::read::{Node, Table};
use crate::report::{Report, Span};

/// What a number is called in messages, the most there can be, and how to write its bounds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quantity {
    pub(super) what: &'static str,
    pub(super) most: u64,
    pub(super) example: &'static str,
}

impl Quantity {
    fn of(measure: Measure) -> Self {
        const PLAIN: &str = "write { min = 1 }, { max = 64 } or both";
        const IDENTIFIER: &str = "write { max = 1023 }, or true for any";
        let (what, most, example) = match measure {
            Measure::Size => {
                let example = "write { min = 1 }, { max = 1024 } or both, in bytes";
                ("size", 268_435_460, example)
            }
            Measure::SourcePort | Measure::DestinationPort => {
                let example = "write { min = 49152 }, { max = 1023 } or both";
                ("port", u64::from(u16::MAX), example)
            }
            Measure::Vlan => {
                let example = "write 12, { min = 100, max = 199 }, or false for untagged frames";
                ("VLAN", 4094, example)
            }
            Measure::KeepAlive => {
                let example = "write { min = 1 }, { max = 600 } or both, in seconds; 0 is for ever";
                ("keep alive", u64::from(u16::MAX), example)
            }
            Measure::PacketId => ("packet identifier", u64::from(u16::MAX), IDENTIFIER),
            Measure::MessageId => ("message ID", u64::from(u16::MAX), IDENTIFIER),
            Measure::Levels => ("number of levels", 1 << 16, PLAIN),
            Measure::Filters => ("number of filters", 1 << 28, PLAIN),
            Measure::UserProperties => ("number of user properties", 1 << 28, PLAIN),
            Measure::Options => ("number of options", 1 << 28, PLAIN),
            Measure::Token => {
                let example = "write { min = 1 }, { max = 8 } or both, in bytes";
                ("token", 65_804, example)
            }
            Measure::BlockSize => {
                let example = "write 1024, { max = 256 } in bytes, or false for no block";
                ("block's size", 1024, example)
            }
            Measure::BlockNumber => {
                let example = "write { min = 1 }, or false for no block";
                ("number of a block", (1 << 20) - 1, example)
            }
        };
        Self {
            what,
            most,
            example,
        }
    }
}

impl MatchReader<'_> {
    /// A number of the message.
    pub(super) fn measure(
        &mut self,
        table: &mut Table<'_>,
        key: &'static str,
        measure: Measure,
        scope: Scope,
    ) {
        let Some(node) = table.optional(key) else {
            return;
        };
        self.narrowing.narrow(self.report, key, &node, scope);
        let numbers = match node.is_boolean() && measure.may_lack() {
            true => node.boolean(self.report).map(Numbers::there),
            false => self.numbers(&node, Quantity::of(measure)),
        };
        let condition = numbers.map(|numbers| Condition::Number(measure, numbers));
        self.conditions.extend(condition);
    }

    /// A number, `{ min = …, max = … }`, a text with a `!` or a dash in it, or a list of these.
    pub(super) fn numbers(&mut self, node: &Node<'_>, quantity: Quantity) -> Option<Numbers> {
        let mut list = List::default();
        let entries = node.list();
        if entries.is_empty() {
            let finding = self.report.error(node.span(), "the list is empty");
            finding.help("leave the condition out if anything goes");
            return None;
        }
        let mut are_fine = true;
        for entry in &entries {
            let read = match (entry.as_str(), entry.is_table()) {
                (Some(text), _) => self.number_text(entry, text, quantity, &mut list),
                (None, true) => {
                    let bounds = self.bounds(entry, quantity);
                    bounds.map(|bounds| list.push(false, bounds))
                }
                (None, false) => {
                    let number = entry.integer(self.report, 0..=quantity.most);
                    number.map(|number| list.push(false, Bounds::one(number)))
                }
            };
            are_fine &= read.is_some();
        }
        let numbers = Numbers::new(&list, quantity.most);
        if are_fine && numbers.is_empty() {
            let finding = self
                .report
                .error(node.span(), "the list excludes all that it names");
            finding.help("no message fits it: remove an entry or its `!`");
        }
        (are_fine && !numbers.is_empty()).then_some(numbers)
    }

    /// `"!5"`, `"10-20"`, `"@set"`.
    fn number_text(
        &mut self,
        entry: &Node<'_>,
        text: &str,
        quantity: Quantity,
        list: &mut List<Bounds>,
    ) -> Option<()> {
        let (negated, text) = negation(text);
        let Some(name) = text.strip_prefix('@') else {
            list.push(negated, range(self.report, entry.span(), text, quantity)?);
            return Some(());
        };
        let entries = self.names.set(self.report, entry.span(), name);
        for (text, span) in entries {
            list.push(negated, range(self.report, span, text, quantity)?);
        }
        (!entries.is_empty()).then_some(())
    }

    /// `{ min = …, max = … }`, at least one of them.
    fn bounds(&mut self, node: &Node<'_>, quantity: Quantity) -> Option<Bounds> {
        let Quantity {
            what,
            most,
            example,
        } = quantity;
        let mut table = node.table(self.report, what)?;
        let (least, largest) = (table.optional("min"), table.optional("max"));
        if least.is_none() && largest.is_none() && !table.has_unknown_keys() {
            let finding = self
                .report
                .error(node.span(), format!("the {what} has no bound"));
            finding.help(example.to_owned());
        }
        table.finish(self.report);
        if least.is_none() && largest.is_none() {
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
            self.report.error(node.span(), message);
            return None;
        }
        Some(Bounds { min, max })
    }
}

/// `5`, `0x87`, `10-20`.
fn range(report: &mut Report, span: &Span, text: &str, quantity: Quantity) -> Option<Bounds> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let Some((min, max)) = number(first).zip(number(last)) else {
        let message = format!("`{}` isn't a number", text.escape_debug());
        let finding = report.error(span, message);
        finding.help("write 5, \"!5\", \"10-20\", \"0x80-0xff\", or { min = 10, max = 20 }");
        return None;
    };
    if max > quantity.most {
        let message = format!("the number has to be between 0 and {}", quantity.most);
        report.error(span, message);
        return None;
    }
    if min > max {
        let message = format!("the range `{text}` ends before it begins");
        report.error(span, message);
        return None;
    }
    Some(Bounds { min, max })
}

/// Decimal, or hex with `0x`.
fn number(text: &str) -> Option<u64> {
    let text = text.trim();
    let (digits, radix) = match text.strip_prefix("0x") {
        Some(digits) => (digits, 16),
        None => (text, 10),
    };
    let are_digits = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = are_digits.then(|| u64::from_str_radix(digits, radix));
    number?.ok()
}
