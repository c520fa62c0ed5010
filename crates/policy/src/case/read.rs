//! Reading a `[[case]]`.

use std::net::IpAddr;

use super::{Case, Expect, Line, Speech, line};
use crate::matching;
use crate::read::{Node, Table};
use crate::report::{Report, Span};
use crate::{Reason, Service, Side, Verdict};

/// More lines than this are no case any more.
const MAX_LINES: usize = 1000;

/// A case and the rules it names, which may not exist.
pub(crate) struct DraftCase {
    pub(crate) case: Case,
    pub(crate) expected: Vec<(String, Span)>,
}

/// Reads one case; what is wrong with it is reported.
pub(crate) fn read(report: &mut Report, mut table: Table<'_>) -> Option<DraftCase> {
    let span = table.span().clone();
    let name = table
        .required(report, "name")
        .and_then(|node| node.string(report));
    let from = table
        .optional("from")
        .map(|node| (address(report, &node), node));
    let to = table
        .optional("to")
        .map(|node| (address(report, &node), node));
    let side = table.optional("side").and_then(|node| {
        let sides: Vec<_> = Side::ALL.iter().map(|s| (s.name(), *s)).collect();
        node.choice(report, &sides)
    });
    let service = table.optional("service").and_then(|node| {
        let chosen = node.choice(report, &matching::service_names());
        chosen.map(|service| (service, node))
    });
    let say = table.required(report, "say");
    let lines = say.as_ref().and_then(|node| lines(report, node));
    let mut expected = Vec::new();
    let expect = table.required(report, "expect");
    let expect = expect.and_then(|node| expectation(report, &node, &mut expected));
    table.finish(report);

    let (from, to) = endpoints(report, from, to)?;
    let (say_node, lines) = (say?, lines?);
    let service = agreed_service(report, service, &say_node, &lines)?;
    let case = Case {
        name: name?.to_owned(),
        from,
        to,
        side: side.unwrap_or(Side::Inside),
        service,
        say: lines,
        expect: expect?,
        place: report.place(&span),
    };
    Some(DraftCase { case, expected })
}

fn address(report: &mut Report, node: &Node<'_>) -> Option<IpAddr> {
    let text = node.string(report)?;
    let address = text.parse().ok();
    if address.is_none() {
        report.error(
            node.span(),
            format!("`{}` isn't an address", text.escape_debug()),
        );
    }
    address
}

type GivenAddress<'a> = Option<(Option<IpAddr>, Node<'a>)>;

/// Both ends: documentation addresses (RFC 5737, RFC 3849) where none is given.
fn endpoints(
    report: &mut Report,
    from: GivenAddress<'_>,
    to: GivenAddress<'_>,
) -> Option<(IpAddr, IpAddr)> {
    let given = |end: &GivenAddress<'_>| end.as_ref().map(|(address, _)| *address);
    let (from_address, to_address) = (given(&from), given(&to));
    let (from_address, to_address) = match (from_address, to_address) {
        (Some(from), Some(to)) => (from?, to?),
        (Some(from), None) => (from?, documentation(from?.is_ipv6(), true)),
        (None, Some(to)) => (documentation(to?.is_ipv6(), false), to?),
        (None, None) => (documentation(false, false), documentation(false, true)),
    };
    if from_address.is_ipv4() == to_address.is_ipv4() {
        return Some((from_address, to_address));
    }
    if let (Some((_, from)), Some((_, to))) = (from, to) {
        report
            .error(to.span(), "both ends have to be of one address family")
            .related(from.span(), "the other end");
    }
    None
}

fn documentation(v6: bool, server: bool) -> IpAddr {
    let last = if server { 200 } else { 7 };
    match v6 {
        true => IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, last]),
        false => IpAddr::from([192, 0, 2, last as u8]),
    }
}

fn lines(report: &mut Report, node: &Node<'_>) -> Option<Vec<Line>> {
    let entries = node.array(report);
    if entries.is_empty() || entries.len() > MAX_LINES {
        report.error(node.span(), format!("a case says 1 to {MAX_LINES} lines"));
        return None;
    }
    // All of them are read, so that all that is wrong is reported.
    let lines: Vec<Option<Line>> = entries
        .iter()
        .map(|entry| line::line(report, entry))
        .collect();
    lines.into_iter().collect()
}

/// The service named, or that of the first line that belongs to one; all lines have to fit it.
fn agreed_service(
    report: &mut Report,
    named: Option<(Service, Node<'_>)>,
    say: &Node<'_>,
    lines: &[Line],
) -> Option<Service> {
    let spoken = lines.iter().find_map(|line| line.speech.service());
    let service = match (named, spoken) {
        (Some((service, _)), _) => service,
        (None, Some(service)) => service,
        (None, None) => {
            report
                .error(
                    say.span(),
                    "the case doesn't show which service it speaks to",
                )
                .help("add `service`: mqtt, mqtts, coap, coaps or coap-tcp");
            return None;
        }
    };
    let entries = say.list();
    for (line, entry) in lines.iter().zip(&entries) {
        if !line.speech.fits(service) {
            let message = format!("that isn't spoken to the service `{}`", service.name());
            report.error(entry.span(), message);
            return None;
        }
    }
    Some(service)
}

impl Speech {
    /// The plaintext service this belongs to, if it belongs to one.
    fn service(&self) -> Option<Service> {
        match self {
            Self::Mqtt { .. } | Self::Tcp { .. } => Some(Service::Mqtt),
            Self::Coap { .. } => Some(Service::Coap),
            Self::Hex(_) | Self::ClientHello { .. } | Self::Fragment { .. } | Self::Wait(_) => None,
        }
    }

    /// Whether it can be spoken to `service`. CoAP goes over TCP too.
    fn fits(&self, service: Service) -> bool {
        match (self, service) {
            (Self::Coap { .. }, Service::CoapTcp) => true,
            _ => self
                .service()
                .is_none_or(|spoken| spoken.is_udp() == service.is_udp()),
        }
    }
}

fn expectation(
    report: &mut Report,
    node: &Node<'_>,
    expected: &mut Vec<(String, Span)>,
) -> Option<Expect> {
    let verdicts: Vec<_> = Verdict::ALL.iter().map(|v| (v.name(), *v)).collect();
    let mut table = node.table(report, "`expect`")?;
    let verdict = table.required(report, "verdict");
    let verdict = verdict.and_then(|node| node.choice(report, &verdicts));
    let would = table
        .optional("would")
        .and_then(|node| node.choice(report, &verdicts));
    let mut rule_id = |report: &mut Report, node: &Node<'_>| {
        let id = node.string(report)?.to_owned();
        expected.push((id.clone(), node.span().clone()));
        Some(id)
    };
    let rule = table
        .optional("rule")
        .and_then(|node| rule_id(report, &node));
    let alerts = match table.optional("alerts") {
        Some(node) => {
            let entries = node.list().into_iter();
            entries
                .filter_map(|entry| rule_id(report, &entry))
                .collect()
        }
        None => Vec::new(),
    };
    let reason = table.optional("reason").and_then(|node| {
        let code = node.string(report)?;
        let all: Vec<(&str, Reason)> = Reason::ALL.iter().map(|r| (r.code(), *r)).collect();
        matching::name(report, node.span(), code, &all)
    });
    table.finish(report);
    Some(Expect {
        verdict: verdict?,
        rule,
        reason,
        would,
        alerts,
    })
}
