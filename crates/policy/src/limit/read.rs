//! Reading a rule's `limit`, and what it can be combined with.

use std::time::Duration;

use wire::mqtt::PacketType;

use super::{
    Apart, CountLimit, Counted, DistinctLimit, Holding, Ipv6Prefix, Layer, Limit, MaxLimit, Per,
    RateLimit, Ratio,
};
use crate::matching::{CodeClass, Identity, Scope};
use crate::pack::DraftRule;
use crate::read::{Node, Table};
use crate::report::Report;
use crate::{Action, Protocol};

/// The key that says what is measured.
const KINDS: [&str; 5] = ["ratio", "count", "rate", "max", "distinct"];
const LEAST_WINDOW: Duration = Duration::from_secs(1);
const MAX_RATIO_WINDOW: Duration = Duration::from_secs(3600);
const MAX_COUNT_WINDOW: Duration = Duration::from_secs(30 * 86_400);
const MAX_COUNT: u64 = 1_000_000;
/// Of a ratio, and of messages a second.
const NUMBERS: (f64, f64) = (0.001, 1_000_000.0);
const EXAMPLES: &str = "write { count = 10, window = \"10m\", per = \"client\" }, \
    { rate = 5, burst = 20, per = \"client\" }, \
    { max = 5, of = \"sessions\", per = \"client\" }, \
    { distinct = 10, of = \"client_id\", window = \"10m\", per = \"client\" } or \
    { ratio = 3.0, per = \"client\", window = \"60s\" }";

/// Reads a limit; what is wrong with it is reported.
pub(crate) fn read(report: &mut Report, node: &Node<'_>) -> Option<Limit> {
    let mut table = node.table(report, "`limit`")?;
    let kinds = KINDS.map(|key| (key, table.optional(key)));
    let mut given = kinds
        .into_iter()
        .filter_map(|(key, node)| Some((key, node?)));
    let Some((key, measure)) = given.next() else {
        for key in ["of", "window", "per", "ipv6_prefix", "burst"] {
            table.optional(key);
        }
        if !table.has_unknown_keys() {
            let finding = report.error(node.span(), "the limit measures nothing");
            finding.help(EXAMPLES);
        }
        table.finish(report);
        return None;
    };
    if let Some((other, node)) = given.next() {
        let message = format!("a limit measures one thing: `{key}` or `{other}`");
        let finding = report.error(node.key_span(), message);
        finding
            .related(measure.key_span(), &format!("`{key}` is here"))
            .help("write a rule for each of them");
        return None;
    }
    let mut reader = LimitReader { report, table };
    let limit = match key {
        "ratio" => reader.ratio(&measure).map(Limit::Ratio),
        "count" => reader.count(&measure).map(Limit::Count),
        "max" => reader.max(&measure).map(Limit::Max),
        "distinct" => reader.distinct(&measure).map(Limit::Distinct),
        _ => reader.rate(&measure).map(Limit::Rate),
    };
    let LimitReader { report, table } = reader;
    let others = KINDS.map(|kind| if kind == key { "" } else { kind });
    table.finish_without(report, &others);
    limit
}

struct LimitReader<'r, 'a> {
    report: &'r mut Report,
    table: Table<'a>,
}

impl LimitReader<'_, '_> {
    fn ratio(&mut self, measure: &Node<'_>) -> Option<Ratio> {
        let ratio_milli = self.thousandths(measure, "ratio");
        let of = match self.table.optional("of") {
            Some(node) => {
                let names: Vec<_> = Layer::ALL.iter().map(|of| (of.name(), *of)).collect();
                node.choice(self.report, &names)
            }
            None => Some(Layer::default()),
        };
        let node = self.table.required(self.report, "per");
        let per = node.as_ref().and_then(|node| self.counted(node));
        if let Some(node) = node.filter(|_| per.is_some_and(|per| per != Per::Client)) {
            let finding = self
                .report
                .error(node.span(), "a `ratio` is counted by client");
            finding.help("what goes towards an address is paid for by what came from it");
        }
        if let Some(node) = self.table.optional("ipv6_prefix") {
            let message = "a `ratio` is counted by single addresses";
            let finding = self.report.error(node.key_span(), message);
            finding.help(
                "what goes towards an address isn't paid for by what came from its neighbours",
            );
        }
        let window = self.window(MAX_RATIO_WINDOW);
        Some(Ratio {
            ratio_milli: ratio_milli?,
            of: of?,
            per: per?,
            window: window?,
        })
    }

    fn count(&mut self, measure: &Node<'_>) -> Option<CountLimit> {
        let count = measure.integer(self.report, 1..=MAX_COUNT);
        let of = match self.table.optional("of") {
            Some(node) => {
                let names: Vec<_> = Counted::ALL.iter().map(|of| (of.name(), *of)).collect();
                node.choice(self.report, &names)
            }
            None => Some(Counted::default()),
        };
        let window = self.window(MAX_COUNT_WINDOW);
        let apart = self.apart();
        Some(CountLimit {
            count: u32::try_from(count?).ok()?,
            of: of?,
            window: window?,
            apart: apart?,
        })
    }

    fn rate(&mut self, measure: &Node<'_>) -> Option<RateLimit> {
        let rate_milli = self.thousandths(measure, "rate");
        let burst = self.table.required(self.report, "burst");
        let burst = burst.and_then(|node| node.integer(self.report, 1..=MAX_COUNT));
        let apart = self.apart();
        Some(RateLimit {
            rate_milli: rate_milli?,
            burst: u32::try_from(burst?).ok()?,
            apart: apart?,
        })
    }

    fn max(&mut self, measure: &Node<'_>) -> Option<MaxLimit> {
        let max = measure.integer(self.report, 1..=MAX_COUNT);
        let of = self.table.required(self.report, "of");
        let names: Vec<_> = Holding::ALL.iter().map(|of| (of.name(), *of)).collect();
        let of = of.and_then(|node| node.choice(self.report, &names));
        let apart = self.apart();
        Some(MaxLimit {
            max: u32::try_from(max?).ok()?,
            of: of?,
            apart: apart?,
        })
    }

    fn distinct(&mut self, measure: &Node<'_>) -> Option<DistinctLimit> {
        let most = u64::from(DistinctLimit::MOST);
        let distinct = measure.integer(self.report, 1..=most);
        let of = self.table.required(self.report, "of");
        let of = of.and_then(|node| self.counted(&node));
        let window = self.window(MAX_COUNT_WINDOW);
        let apart = self.apart();
        Some(DistinctLimit {
            distinct: u32::try_from(distinct?).ok()?,
            of: of?,
            window: window?,
            apart: apart?,
        })
    }

    fn thousandths(&mut self, node: &Node<'_>, what: &str) -> Option<u32> {
        let number = node.number(self.report)?;
        let (least, most) = NUMBERS;
        if !(least..=most).contains(&number) {
            let message = format!("the {what} has to be between {least} and {most}");
            self.report.error(node.span(), message);
            return None;
        }
        // At most 10^9 thousandths: nothing is cut off.
        Some((number * 1000.0).round() as u32)
    }

    fn window(&mut self, most: Duration) -> Option<Duration> {
        let window = self.table.required(self.report, "window")?;
        window.duration(self.report, LEAST_WINDOW..=most)
    }

    /// What is counted apart.
    fn apart(&mut self) -> Option<Apart> {
        let per = self.table.required(self.report, "per");
        let per = per.and_then(|per| self.counted(&per));
        let Some(node) = self.table.optional("ipv6_prefix") else {
            return per.map(Apart::from);
        };
        let bits = node.integer(self.report, 1..=u64::from(Ipv6Prefix::MOST));
        let per = per?;
        if !matches!(per, Per::Client | Per::Source | Per::Destination) {
            let message = format!(
                "`ipv6_prefix` is about addresses, and a {} is none",
                per.name()
            );
            let finding = self.report.error(node.key_span(), message);
            finding.help("`ipv6_prefix` goes with per = \"client\", \"source\" or \"destination\"");
        }
        let ipv6_prefix = Ipv6Prefix::new(u8::try_from(bits?).ok()?)?;
        Some(Apart { per, ipv6_prefix })
    }

    /// What messages are told apart by.
    fn counted(&mut self, node: &Node<'_>) -> Option<Per> {
        let names: Vec<_> = Per::ALL.iter().map(|per| (per.name(), *per)).collect();
        node.choice(self.report, &names)
    }
}

/// What is measured has to exist for all that the rule matches, and being too much is no merit.
pub(crate) fn check(report: &mut Report, draft: &DraftRule, node: &Node<'_>) {
    let Some(limit) = &draft.rule.limit else {
        return;
    };
    let scope = draft.matching.scope;
    // Conditions that exclude each other were reported already.
    if scope.is_empty() {
        return;
    }
    if let Limit::Ratio(ratio) = limit
        && !scope.is_subset(Scope::over_udp())
    {
        let of = ratio.of.name();
        let message = format!("`{of}` aren't counted for all that the rule matches");
        report
            .error(node.span(), message)
            .help("add protocol = \"coap\" to the rule's match");
    }
    if let Limit::Max(max) = limit {
        check_holding(report, scope, max, node);
        check_in_flight(report, draft, max, node);
        check_named(report, draft, node);
        return check_merit(report, draft, node);
    }
    check_counted(report, scope, limit.per(), node);
    if let Limit::Count(CountLimit {
        of: Counted::Filters,
        ..
    }) = limit
    {
        check_filters(report, scope, node);
    }
    if let Limit::Distinct(limit) = limit {
        check_counted(report, scope, limit.of, node);
        if Apart::from(limit.of) == limit.apart {
            let message = format!("there is one {0} per {0}", limit.of.name());
            report.error(node.span(), message);
        }
    }
    check_named(report, draft, node);
    check_merit(report, draft, node);
}

/// What messages are told apart by has to be there in all that the rule matches.
fn check_counted(report: &mut Report, scope: Scope, by: Per, node: &Node<'_>) {
    let is_of_session = matches!(by, Per::ClientId | Per::Username);
    if is_of_session && !scope.is_subset(Scope::protocol(Protocol::Mqtt)) {
        let message = format!("not all that the rule matches has a `{}`", by.name());
        let finding = report.error(node.span(), message);
        finding.help(match scope.meets(Scope::protocol(Protocol::Mqtt)) {
            true => "add protocol = \"mqtt\" to the rule's match",
            false => "count it per = \"client\" or per = \"flow\"",
        });
    }
    if by == Per::Topic && !scope.is_subset(Scope::packet(PacketType::Publish)) {
        let finding = report.error(node.span(), "not all that the rule matches has a topic");
        finding.help("add packet = \"PUBLISH\" to the rule's match");
    }
}

/// All that the rule matches has to have filters, or to answer some.
fn check_filters(report: &mut Report, scope: Scope, node: &Node<'_>) {
    let packets = [
        PacketType::Subscribe,
        PacketType::SubAck,
        PacketType::Unsubscribe,
        PacketType::UnsubAck,
    ];
    if !scope.is_subset(Scope::union(packets.map(Scope::packet))) {
        let finding = report.error(node.span(), "not all that the rule matches has filters");
        finding.help("add packet = \"SUBSCRIBE\" to the rule's match");
    }
}

/// All that the rule matches has to open what is counted, and whom it is counted by has to hold it.
fn check_holding(report: &mut Report, scope: Scope, limit: &MaxLimit, node: &Node<'_>) {
    let (opening, what, advice) = match limit.of {
        Holding::Sessions => (
            Scope::packet(PacketType::Connect).or(Scope::code_class(CodeClass::Other)),
            "a session",
            "add packet = \"CONNECT\" to the rule's match, or code = \"7.01\" for CoAP over TCP",
        ),
        Holding::Subscriptions => (
            Scope::packet(PacketType::Subscribe),
            "a subscription",
            "add packet = \"SUBSCRIBE\" to the rule's match",
        ),
        Holding::InFlight => (
            Scope::packet(PacketType::Publish),
            "a message in flight",
            "add packet = \"PUBLISH\" to the rule's match",
        ),
        Holding::Observers | Holding::Exchanges => (
            // An empty message opens nothing.
            Scope::code_class(CodeClass::Request).or(Scope::code_class(CodeClass::Empty)),
            match limit.of {
                Holding::Observers => "an observation",
                _ => "an exchange",
            },
            "add code = \"0.xx\" to the rule's match: the requests of CoAP",
        ),
    };
    if !scope.is_subset(opening) {
        let message = format!("not all that the rule matches opens {what}");
        report.error(node.span(), message).help(advice);
    }
    let name = limit.apart.per.name();
    match limit.apart.per {
        Per::Topic => {
            if let Some(why) = why_not_by_topic(limit.of) {
                let message = format!("`{}` aren't counted by topic", limit.of.name());
                report.error(node.span(), message).help(why);
            }
        }
        Per::ClientId | Per::Username if !scope.is_subset(Scope::protocol(Protocol::Mqtt)) => {
            let message = format!("who holds `{}` has no `{name}`", limit.of.name());
            let finding = report.error(node.span(), message);
            finding.help("count them by client, destination, flow or zone");
        }
        _ => {}
    }
}

/// A message in flight has one.
const fn why_not_by_topic(of: Holding) -> Option<&'static str> {
    match of {
        Holding::Sessions => Some(
            "a session has no topic: count it by client, client_id, username, \
            destination, flow or zone",
        ),
        Holding::Subscriptions => Some(
            "a subscription has a filter, which may be of many topics: count it \
            by client, client_id, username, destination, flow or zone",
        ),
        Holding::InFlight => None,
        Holding::Observers | Holding::Exchanges => Some(
            "CoAP has no topics: count them by client, \
            destination, flow or zone",
        ),
    }
}

/// A PUBLISH of QoS 0 isn't in flight.
fn check_in_flight(report: &mut Report, draft: &DraftRule, limit: &MaxLimit, node: &Node<'_>) {
    if limit.of == Holding::InFlight && draft.matching.is_of_qos_0() {
        let finding = report.error(node.span(), "nothing that the rule matches is in flight");
        finding.help("it can never match, because a PUBLISH of QoS 0 is acknowledged by nobody");
    }
}

/// Who has no name isn't counted by it.
fn check_named(report: &mut Report, draft: &DraftRule, node: &Node<'_>) {
    let Some(limit) = &draft.rule.limit else {
        return;
    };
    let (name, per) = match limit.per() {
        per @ Per::ClientId => (Identity::ClientId, per),
        per @ Per::Username => (Identity::Username, per),
        _ => return,
    };
    if draft.matching.is_of_nameless(name) {
        let message = format!(
            "what the rule matches has no `{}` to be counted by",
            per.name()
        );
        let finding = report.error(node.span(), message);
        finding.help("it can never match, because who has no name isn't counted");
    }
}

/// Being too much is no merit.
fn check_merit(report: &mut Report, draft: &DraftRule, node: &Node<'_>) {
    if draft.rule.action == Action::Accept {
        report
            .error(
                node.span(),
                "`accept` would let through just what exceeds the limit",
            )
            .help("a limit goes with `alert`, `drop`, `reset`, `refuse` or `challenge`");
    }
}
