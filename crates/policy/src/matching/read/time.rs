//! What the clock says.

use super::MatchReader;
use crate::matching::condition::Condition;
use crate::matching::time::{self, Schedule};
use crate::read::{Node, Table};

impl MatchReader<'_> {
    /// `time`: one schedule, or several of which one has to hold.
    pub(super) fn time(&mut self, table: &mut Table<'_>) {
        let Some(node) = table.optional("time") else {
            return;
        };
        let entries = node.list();
        if entries.is_empty() {
            let finding = self.report.error(node.span(), "the list is empty");
            finding.help("leave the condition out if any time will do");
        }
        let read = entries.iter().filter_map(|entry| self.schedule(entry));
        let schedules: Vec<_> = read.collect();
        self.conditions.push(Condition::Time(schedules));
    }

    fn schedule(&mut self, node: &Node<'_>) -> Option<Schedule> {
        let mut table = node.table(self.report, "`time`")?;
        let days = table.optional("days").map(|node| self.days(&node));
        let minutes = ["from", "until"].map(|key| {
            let node = table.optional(key)?;
            let text = node.string(self.report);
            Some(text.and_then(|text| time::minute(self.report, node.span(), text)))
        });
        let zone = table.required(self.report, "zone");
        let zone = zone.and_then(|node| {
            let name = node.string(self.report)?;
            time::zone(self.report, node.span(), name)
        });
        let has_unknown_keys = table.has_unknown_keys();
        table.finish(self.report);
        let (from, until) = Schedule::WHOLE_DAY;
        let [first, last] = minutes;
        let (from, until) = (first.unwrap_or(Some(from))?, last.unwrap_or(Some(until))?);
        let is_whole_day = (from, until) == Schedule::WHOLE_DAY;
        if is_whole_day && days.is_none() {
            if !has_unknown_keys {
                let finding = self.report.error(node.span(), "any time will do");
                finding.help("write { days = \"mon-fri\", from = \"06:00\", until = \"22:00\", zone = \"Europe/Berlin\" }");
            }
            return None;
        }
        if from % Schedule::WHOLE_DAY.1 == until % Schedule::WHOLE_DAY.1 && !is_whole_day {
            let finding = self
                .report
                .error(node.span(), "the time ends when it begins");
            finding.help("leave `from` and `until` out for whole days");
            return None;
        }
        Some(Schedule {
            days: days.unwrap_or(Some(Schedule::EVERY_DAY))?,
            from,
            until,
            zone: zone?,
        })
    }

    fn days(&mut self, node: &Node<'_>) -> Option<u8> {
        let mut days = 0;
        for entry in node.list() {
            let text = entry.string(self.report)?;
            days |= time::days(self.report, entry.span(), text)?;
        }
        if days == 0 {
            self.report.error(node.span(), "the list is empty");
            return None;
        }
        Some(days)
    }
}
