//! Reading a `[[case]]`.

use jiff::Timestamp;

use super::ends::{clients, endpoints, host};
use super::{Case, Expect, Line, Speech, line};
use crate::matching;
use crate::read::{Node, Table};
use crate::report::{Report, Span};
use crate::{Reason, Service, Side, Verdict};

/// Noon of a Thursday, 2026-01-01, in UTC: for cases that don't say when.
const USUAL_MOMENT: i64 = 1_767_268_800;
/// More lines than this are no case any more.
const MAX_LINES: usize = 10_000;

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
        .map(|node| (clients(report, &node), node));
    let to = table.optional("to").map(|node| (host(report, &node), node));
    let side = table.optional("side").and_then(|node| {
        let sides: Vec<_> = Side::ALL.iter().map(|s| (s.name(), *s)).collect();
        node.choice(report, &sides)
    });
    let service = table.optional("service").and_then(|node| {
        let chosen = node.choice(report, matching::service_names());
        chosen.map(|service| (service, node))
    });
    let vlan = table.optional("vlan");
    let vlan = vlan.map(|node| node.integer(report, 1..=4094));
    let at = table.optional("at").map(|node| moment(report, &node));
    let say = table.required(report, "say");
    let lines = say.as_ref().and_then(|node| lines(report, node));
    let mut expected = Vec::new();
    let expect = table.required(report, "expect");
    let expect = expect.and_then(|node| expectation(report, &node, &mut expected));
    table.finish(report);

    let said = lines.iter().flatten();
    let most = said.map(|(line, _)| line.client).max().unwrap_or(1);
    let from = from.map(|(clients, node)| {
        let addresses = clients.and_then(|clients| clients.addresses(report, &node, most));
        (addresses, node)
    });
    let (from, to) = endpoints(report, from, to)?;
    let (say_node, lines) = (say?, lines?);
    let service = agreed_service(report, service, &say_node, &lines)?;
    let lines = lines.into_iter().map(|(line, _)| line).collect();
    let case = Case {
        name: name?.to_owned(),
        from,
        to,
        side: side.unwrap_or(Side::Inside),
        vlan: match vlan {
            Some(vlan) => Some(u16::try_from(vlan?).ok()?),
            None => None,
        },
        unix_s: at.unwrap_or(Some(USUAL_MOMENT))?,
        service,
        say: lines,
        expect: expect?,
        alone: false,
        place: report.place(&span),
    };
    Some(DraftCase { case, expected })
}

/// A date with its time and what sets it apart from UTC.
fn moment(report: &mut Report, node: &Node<'_>) -> Option<i64> {
    let text = node.string(report)?;
    let moment = text.parse::<Timestamp>().ok();
    if moment.is_none() {
        let message = format!("`{}` isn't a moment", text.escape_debug());
        report
            .error(node.span(), message)
            .help("write a date, a time and its distance from UTC: \"2026-03-29T06:30:00+02:00\"");
    }
    moment.map(Timestamp::as_second)
}

/// The lines with their places; `{ times = 3, say = […] }` stands for its lines, that often.
fn lines(report: &mut Report, node: &Node<'_>) -> Option<Vec<(Line, Span)>> {
    // All of them are read, so that all that is wrong is reported.
    let (mut lines, mut fine) = (Vec::new(), true);
    for entry in node.array(report) {
        let said = match entry.is_table() {
            true => repeated(report, &entry),
            false => line::line(report, &entry).map(|line| vec![(line, entry.span().clone())]),
        };
        match said {
            Some(said) if lines.len() + said.len() <= MAX_LINES => lines.extend(said),
            Some(_) => return too_many_lines(report, node),
            None => fine = false,
        }
    }
    if lines.is_empty() && fine {
        return too_many_lines(report, node);
    }
    if let Some((line, span)) = lines.last()
        && line.is_stopped
    {
        let finding = report.error(span, "what becomes of the last line stands in `expect`");
        finding.help("leave out its `!`");
        return None;
    }
    fine.then_some(lines)
}

fn repeated(report: &mut Report, node: &Node<'_>) -> Option<Vec<(Line, Span)>> {
    let mut table = node.table(report, "a repetition")?;
    let times = table.required(report, "times");
    let times = times.and_then(|node| node.integer(report, 1..=MAX_LINES as u64));
    let say = table.required(report, "say");
    let entries = say.as_ref().map(|node| node.array(report));
    table.finish(report);
    let entries = entries?;
    // What is wrong with a line is told once, all lines having been read once.
    let first = round(report, &entries, 1)?;
    let times = usize::try_from(times?).ok()?;
    if first.is_empty() || first.len() * times > MAX_LINES {
        return too_many_lines(report, &say?);
    }
    let mut lines = first;
    for n in 2..=times {
        lines.extend(round(report, &entries, n)?);
    }
    Some(lines)
}

/// The lines of a repetition, said for the `n`th time.
fn round(report: &mut Report, entries: &[Node<'_>], n: usize) -> Option<Vec<(Line, Span)>> {
    let lines: Vec<_> = entries
        .iter()
        .map(|entry| Some((line::nth(report, entry, n)?, entry.span().clone())))
        .collect();
    lines.into_iter().collect()
}

fn too_many_lines<T>(report: &mut Report, node: &Node<'_>) -> Option<T> {
    report.error(node.span(), format!("a case says 1 to {MAX_LINES} lines"));
    None
}

/// The service named, or that of the first line that belongs to one; all lines have to fit it.
fn agreed_service(
    report: &mut Report,
    named: Option<(Service, Node<'_>)>,
    say: &Node<'_>,
    lines: &[(Line, Span)],
) -> Option<Service> {
    let spoken = lines.iter().find_map(|(line, _)| line.speech.service());
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
    for (line, span) in lines {
        if !line.speech.fits(service) {
            let message = format!("that isn't spoken to the service `{}`", service.name());
            report.error(span, message);
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
            Self::Hex(_)
            | Self::ClientHello { .. }
            | Self::Fragment { .. }
            | Self::Wait(_)
            | Self::Reconnect => None,
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
    let alerts = table.optional("alerts").map(|node| {
        let entries = node.list().into_iter();
        entries
            .filter_map(|entry| rule_id(report, &entry))
            .collect()
    });
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
