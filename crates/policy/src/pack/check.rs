//! What the parts of a rule have to do with each other.

use wire::Direction;

use super::DraftRule;
use crate::matching::{Condition, ReasonSet, Scope};
use crate::offender;
use crate::read::{Node, Table};
use crate::report::Report;
use crate::source::configuration_keys;
use crate::{Action, Protocol, Reason};

/// A wider network of IPv6 is no attacker's, but a large part of all addresses.
const NARROWEST: u8 = 16;

/// Words by which other products switch a rule on or off.
const SWITCHES: [&str; 7] = [
    "enabled", "enable", "disabled", "disable", "active", "inactive", "off",
];

/// A rule has no switch of its own: the configuration has one for all packs.
pub(super) fn switch(report: &mut Report, table: &mut Table<'_>) {
    for word in SWITCHES {
        if let Some(node) = table.hidden(word) {
            let message = format!("a rule has no key `{word}`");
            report.error(node.key_span(), message).help(
                "it is in force without one; `disabled` in [policy] of the configuration leaves out the rules that it \
                 names, and `dry_run` there, or here, only tells what a rule would do",
            );
        }
    }
}

/// What stands in the configuration is no part of a pack.
pub(super) fn of_configuration(report: &mut Report, file: &mut Table<'_>) {
    for key in configuration_keys() {
        if let Some(node) = file.hidden(key) {
            let written = match () {
                () if node.is_table() => format!("[{key}]"),
                () if node.is_array() => format!("[[{key}]]"),
                () => format!("`{key}`"),
            };
            let message = format!("{written} doesn't stand in a pack");
            report.error(node.key_span(), message).help(
                "it belongs in the configuration, which names this file in `packs` of [policy]",
            );
        }
    }
}

/// An action has to be one that can be carried out on what the rule matches.
pub(super) fn action(report: &mut Report, draft: &DraftRule, node: &Node<'_>) {
    let scope = draft.matching.scope;
    let coap = Scope::protocol(Protocol::Coap);
    let refusing = [Protocol::Coap, Protocol::Mqtt, Protocol::Tls].map(Scope::protocol);
    let refusing = Scope::union(refusing);
    let (problem, advice) = match draft.rule.action {
        // Conditions that exclude each other were reported already.
        _ if scope.is_empty() => return,
        Action::Challenge if !scope.meets(coap) => (
            "`challenge` needs CoAP, and the rule never matches it",
            "the Echo option it asks for is RFC 9175's; use `refuse`, `reset` or `drop`",
        ),
        Action::Challenge if !scope.is_subset(coap) => (
            "`challenge` needs CoAP, and the rule matches more than that",
            "add protocol = \"coap\" to the rule's match",
        ),
        Action::Refuse if !scope.meets(refusing) => (
            "nothing that the rule matches has a refusal of its own",
            "only MQTT and CoAP can say no in their own words: use `reset` or `drop`",
        ),
        _ => return,
    };
    report.error(node.span(), problem).help(advice);
}

/// Who stops what overlaps a tree, but for a part of it, lets every wildcard through that reaches the part.
pub(super) fn exempting(report: &mut Report, draft: &DraftRule) {
    let exempting = draft.matching.conditions.iter().find_map(|condition| {
        let Condition::Filter(filter) = condition else {
            return None;
        };
        filter.excluded_part()
    });
    if let Some(part) = exempting.filter(|_| draft.rule.action.stops()) {
        let part = part.widened();
        report
            .warning(
                &draft.id_span,
                format!(
                    "`{}` passes by every wildcard that reaches `{part}`",
                    draft.rule.id
                ),
            )
            .help(format!(
                "write except = {{ filter = {{ within = \"{part}\" }} }} instead of the `!`"
            ));
    }
}

/// CoAP alone says by a code why it says no.
pub(super) fn refusal(report: &mut Report, draft: &DraftRule, node: &Node<'_>) {
    let scope = draft.matching.scope;
    if draft.rule.action != Action::Refuse {
        let message = "`refusal` belongs to `action = \"refuse\"`";
        report.error(node.span(), message);
    } else if !scope.is_empty() && !scope.meets(Scope::protocol(Protocol::Coap)) {
        let message = "`refusal` is a code of CoAP, and the rule never matches it";
        report.error(node.span(), message);
    }
}

/// A ban has to fall on somebody who sent what isn't let through, and who really is who they say.
pub(super) fn ban(report: &mut Report, draft: &DraftRule, node: &Node<'_>) {
    let rule = &draft.rule;
    match rule.action {
        Action::Accept | Action::Alert => {
            report
                .error(
                    node.span(),
                    format!("`{}` lets through what the ban would keep out", rule.action),
                )
                .help("a ban goes with `drop`, `reset` or `refuse`");
            return;
        }
        Action::Challenge => {
            report
                .error(node.span(), "who is challenged has to be able to answer")
                .help("a ban goes with `drop`, `reset` or `refuse`");
            return;
        }
        Action::Drop | Action::Reset | Action::Refuse => {}
    }
    if let Some(limit) = &draft.rule.limit
        && limit.apart().ipv6_prefix.bits() < NARROWEST
    {
        let message = "such a network is a large part of all addresses";
        report.error(node.span(), message).help(format!(
            "a ban goes with an `ipv6_prefix` of {NARROWEST} or more"
        ));
        return;
    }
    let matching = &draft.matching;
    let mut reasons = matching.reasons.iter().flat_map(ReasonSet::iter);
    if reasons.any(is_forgeable) {
        let message =
            "whoever forges a frame that it is raised on gets the owner of its address banned";
        report.warning(node.span(), message).help(
            "leave `ban` out, or what begins with `ethernet.`, `ip.`, `tcp.` and `udp.` out of `reason`",
        );
    } else if matching.scope.meets(Scope::over_udp()) && !matching.asks_validated() {
        let message = "whoever forges a source address over UDP gets its owner banned";
        let is_of_mqtt = matching.scope.meets(Scope::protocol(Protocol::Mqtt));
        report.warning(node.span(), message).help(match is_of_mqtt {
            true => "add protocol = \"mqtt\" or address_validated = true to the rule's match",
            false => "add address_validated = true to the rule's match",
        });
    } else if blames_server(draft, Scope::of_both_ends())
        && says_client(draft, Scope::of_both_ends())
    {
        let message = "a server that passes such a message on gets banned for it, too";
        report
            .warning(node.span(), message)
            .help("add direction = \"to_server\" to the rule's match");
    } else if blames_server(draft, Scope::of_servers()) {
        let message = "a server that sends such a message gets banned for it";
        report
            .warning(node.span(), message)
            .help("a limit per = \"client\" or per = \"destination\" blames the client");
    }
}

/// Whether somebody off the path can have it raised in another's name.
fn is_forgeable(reason: Reason) -> bool {
    matches!(reason.family(), "ethernet" | "ip" | "tcp" | "udp")
}

/// Whether a ban falls on a server that says one of those things. A detection knows who is to blame, and so does a limit
/// that counts clients.
fn blames_server(draft: &DraftRule, things: Scope) -> bool {
    let matching = &draft.matching;
    let limit = draft.rule.limit.as_ref();
    matching
        .scope
        .meets(things.and(Scope::direction(Direction::ToClient)))
        && matching.reasons.is_none()
        && !matching.names_source()
        && !limit.is_some_and(|limit| offender::blames_client(limit, Direction::ToClient))
}

/// Whether the rule is about one of those things said by a client.
fn says_client(draft: &DraftRule, things: Scope) -> bool {
    let by_clients = things.and(Scope::direction(Direction::ToServer));
    draft.matching.scope.meets(by_clients)
}

/// There has to be an event, and in it what is asked for.
pub(super) fn log(report: &mut Report, draft: &DraftRule, node: &Node<'_>) {
    if draft.rule.action == Action::Accept && !draft.rule.dry_run {
        let finding = report.error(
            node.span(),
            "a rule that accepts tells nobody, so that nothing is logged",
        );
        finding.help("`log` goes with `alert`, or with an action that stops");
        return;
    }
    draft.rule.log.check(report, draft.matching.scope, node);
}
