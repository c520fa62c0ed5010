//! The entries of lists in a `match`: names, codes, globs, patterns, addresses, reasons.

mod literal;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use ipnet::IpNet;
use wire::coap::Code;
use wire::mqtt::{PacketType, Version};

use self::literal::{
    no_placeholder, stands_for_nothing, warn_of_literals, warn_of_placeholder, warn_of_query,
};
use super::addresses::{Addresses, Networks};
use super::glob::{self, Glob};
use super::list::List;
use super::name::{NameError, NamePattern};
use super::path::{self, PathError, PathPattern};
use super::pattern::{self, Pattern, PatternError};
use super::payload::{self, Bytes, Expression, ExpressionError, Pointer, PointerError};
use super::prefix;
use super::reasons::ReasonSet;
use super::set::Codes;
use crate::address::{self, SIDES};
use crate::report::{Report, Span};
use crate::suggest::nearest_of;
use crate::{Protocol, Reason, Service, Side};

/// The zones by name.
pub(crate) type Zones = BTreeMap<String, Arc<Networks>>;

pub(crate) const VERSIONS: [(&str, Version); 4] = [
    ("3.1", Version::V31),
    ("3.1.1", Version::V311),
    ("5.0", Version::V5),
    ("5", Version::V5),
];

/// Request methods by their names (RFC 7252 §12.1.1, RFC 8132 §4).
pub(crate) fn methods() -> &'static [(&'static str, Code)] {
    static METHODS: LazyLock<Vec<(&str, Code)>> = LazyLock::new(|| {
        let registered = (1..=7).map(Code);
        registered
            .filter_map(|code| Some((code.method()?, code)))
            .collect()
    });
    &METHODS
}

pub(crate) fn protocol_names() -> Vec<(&'static str, Protocol)> {
    Protocol::ALL.iter().map(|p| (p.name(), *p)).collect()
}

pub(crate) fn service_names() -> &'static [(&'static str, Service)] {
    static NAMES: LazyLock<Vec<(&str, Service)>> =
        LazyLock::new(|| Service::ALL.iter().map(|s| (s.name(), *s)).collect());
    &NAMES
}

pub(crate) fn packet_names() -> &'static [(&'static str, PacketType)] {
    static NAMES: LazyLock<Vec<(&str, PacketType)>> =
        LazyLock::new(|| PacketType::ALL.iter().map(|p| (p.name(), *p)).collect());
    &NAMES
}

/// One of a closed set of names.
pub(crate) fn name<T: Copy>(
    report: &mut Report,
    span: &Span,
    text: &str,
    names: &[(&str, T)],
) -> Option<T> {
    if let Some((_, value)) = names.iter().find(|(name, _)| *name == text) {
        return Some(*value);
    }
    let known: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
    unknown(
        report,
        span,
        text,
        &known,
        format!("isn't one of {}", nearest_of(text, &known)),
    );
    None
}

/// `2.05`, or all of a class: `4.xx`.
pub(crate) fn code(report: &mut Report, span: &Span, text: &str) -> Option<Codes> {
    let parsed = parse_code(text);
    if parsed.is_none() {
        report
            .error(span, format!("`{}` isn't a CoAP code", text.escape_debug()))
            .help("write one like \"2.05\", or all of a class like \"4.xx\"");
    }
    parsed
}

fn parse_code(text: &str) -> Option<Codes> {
    if let Some(code) = code_number(text) {
        return Some(std::iter::once(code).collect());
    }
    let class = text.strip_suffix(".xx")?;
    let first = code_number(&format!("{class}.00"))?;
    Some(
        (0..32)
            .map(|detail| Code::new(first.class(), detail))
            .collect(),
    )
}

/// `2.05`: a digit for the class, two for the detail.
pub(crate) fn code_number(text: &str) -> Option<Code> {
    match *text.as_bytes() {
        [
            class @ b'0'..=b'7',
            b'.',
            tens @ b'0'..=b'3',
            ones @ b'0'..=b'9',
        ] => {
            let detail = (tens - b'0') * 10 + (ones - b'0');
            (detail < 32).then(|| Code::new(class - b'0', detail))
        }
        _ => None,
    }
}

/// A text, with `*` and `?`.
pub(crate) fn text_glob(report: &mut Report, span: &Span, text: &str) -> Option<Glob> {
    let is_filled = stands_for_nothing(report, span, text, "here");
    glob(report, span, text).filter(|_| !is_filled)
}

fn glob(report: &mut Report, span: &Span, text: &str) -> Option<Glob> {
    let glob = Glob::new(text);
    if glob.is_none() {
        too_long(report, span);
    }
    glob
}

/// A name of hosts or schemes, with `*` and `?`: in any case of letters, the root's dot behind it or not.
pub(crate) fn name_glob(report: &mut Report, span: &Span, text: &str) -> Option<Glob> {
    let name = text.strip_suffix('.').filter(|name| !name.is_empty());
    text_glob(report, span, &name.unwrap_or(text).to_ascii_lowercase())
}

fn too_long(report: &mut Report, span: &Span) {
    let message = format!("the pattern has more than {} characters", glob::MAX_CHARS);
    report.error(span, message);
}

/// Client ids, user names and passwords.
pub(crate) fn name_pattern(report: &mut Report, span: &Span, text: &str) -> Option<NamePattern> {
    if text.is_empty() {
        let finding = report.error(span, "what has no characters counts as missing");
        finding.help("write \"!*\" for what isn't there");
        return None;
    }
    let error = match NamePattern::new(text) {
        Ok(pattern) => return Some(pattern),
        Err(error) => error,
    };
    match error {
        NameError::TooLong => too_long(report, span),
        NameError::Placeholder(at) => {
            no_placeholder(report, span, text, at).help(r"a brace itself is written `\{`");
        }
        NameError::Mixed => {
            report
                .error(
                    span,
                    "a placeholder stands alone, or with plain text around it",
                )
                .help(r"a star itself is written `\*`");
        }
    }
    None
}

pub(crate) fn topic_pattern(report: &mut Report, span: &Span, text: &str) -> Option<Pattern> {
    let error = match Pattern::new(text) {
        Ok(pattern) => {
            warn_of_literals(report, span, text);
            return Some(pattern);
        }
        Err(error) => error,
    };
    match error {
        PatternError::TooLong => {
            let message = format!("the pattern has more than {} bytes", pattern::MAX_BYTES);
            report.error(span, message);
        }
        PatternError::Filter(clause) => {
            let message = format!("`{}` isn't a topic filter", text.escape_debug());
            report.error(span, message).help(clause.to_string());
        }
        PatternError::Placeholder(at) => {
            no_placeholder(report, span, text, at);
        }
        PatternError::Shared => {
            report
                .error(
                    span,
                    "a shared subscription's filter is compared without its `$share/GROUP/`",
                )
                .help("write what follows after the group");
        }
    }
    None
}

/// The pattern of a filter, which is compared without what stands before it.
pub(crate) fn filter_pattern(report: &mut Report, span: &Span, text: &str) -> Option<Pattern> {
    let listened = prefix::listened(text);
    if listened == text {
        return topic_pattern(report, span, text);
    }
    let (before, _) = text.split_at(text.len() - listened.len());
    let message = format!(
        "a filter is compared without its `{}`",
        before.escape_debug()
    );
    let finding = report.error(span, message);
    finding.help(format!("write \"{}\"", listened.escape_debug()));
    None
}

pub(crate) fn path_pattern(report: &mut Report, span: &Span, text: &str) -> Option<PathPattern> {
    if stands_for_nothing(report, span, text, "in a path") {
        return None;
    }
    let error = match PathPattern::new(text) {
        Ok(pattern) => {
            warn_of_query(report, span, text);
            return Some(pattern);
        }
        Err(error) => error,
    };
    match error {
        PathError::NoSlash => report
            .error(span, "a path begins with a slash")
            .help(format!("write \"/{}\"", text.escape_debug())),
        PathError::TooLong => report.error(
            span,
            format!(
                "a path has at most {} segments of at most {} characters",
                path::MAX_SEGMENTS,
                glob::MAX_CHARS
            ),
        ),
        PathError::Percent => report
            .error(
                span,
                "`%` isn't followed by two hex digits that make up UTF-8",
            )
            .help("write `%25` for the sign itself"),
        PathError::SecondAny => report.error(span, "`**` may stand in a path only once"),
    };
    None
}

/// Text, or `hex:` and pairs of digits.
pub(crate) fn bytes(report: &mut Report, span: &Span, text: &str) -> Option<Bytes> {
    let bytes = Bytes::new(text);
    if bytes.is_some() {
        warn_of_placeholder(report, span, text);
    } else {
        let message = format!(
            "`{}` isn't 1 to {} bytes",
            text.escape_debug(),
            payload::MAX_PATTERN_BYTES
        );
        let finding = report.error(span, message);
        finding.help("write text, or pairs of hex digits like \"hex:00ff\"");
    }
    bytes
}

pub(crate) fn expression(report: &mut Report, span: &Span, text: &str) -> Option<Expression> {
    match Expression::new(text) {
        Ok(expression) => {
            if expression.means_bytes() {
                report
                    .warning(
                        span,
                        "beyond `\\x7f` this is a character, which takes two bytes or more",
                    )
                    .help("for bytes write (?-u) before it, for characters \\u00e9");
            }
            return Some(expression);
        }
        Err(ExpressionError::TooLarge) => {
            report
                .error(span, "the regular expression is too large")
                .help("repeat less, or less of it: `\\w{1000}` stands for thousands of states");
        }
        Err(ExpressionError::Syntax(error)) => {
            report.error(span, format!("not a regular expression: {error}"));
        }
    }
    None
}

/// The key of a value in JSON.
pub(crate) fn pointer(report: &mut Report, span: &Span, text: &str) -> Option<Pointer> {
    match Pointer::new(text) {
        Ok(pointer) => return Some(pointer),
        Err(PointerError::NoSlash) => report
            .error(span, "a JSON pointer begins with a slash")
            .help(format!("write \"/{}\"", text.escape_debug())),
        Err(PointerError::TooLong) => report.error(span, "the JSON pointer is too long"),
        Err(PointerError::Escape) => report
            .error(span, "`~` isn't followed by 0 or 1")
            .help("write `~0` for the sign itself, `~1` for a slash"),
    };
    None
}

/// A side, a zone, a network or an address.
pub(crate) fn addresses(
    report: &mut Report,
    span: &Span,
    text: &str,
    zones: &Zones,
) -> Option<Entry> {
    if let Some(side) = Side::ALL.iter().find(|side| side.name() == text) {
        return Some(Entry::Shared(Addresses::Side(*side)));
    }
    if let Some(networks) = zones.get(text) {
        return Some(Entry::Shared(Addresses::Zone(networks.clone())));
    }
    if !address::is_zone_name(text) {
        return address::network(report, span, text).map(Entry::Network);
    }
    let known: Vec<&str> = SIDES
        .into_iter()
        .chain(zones.keys().map(String::as_str))
        .collect();
    let message = "isn't a zone of [zones], nor an address".to_owned();
    unknown(report, span, text, &known, message);
    None
}

/// An entry of an address condition, before networks are gathered into one set.
pub(crate) enum Entry {
    Shared(Addresses),
    Network(IpNet),
}

/// Gathers the networks a rule lists itself.
pub(crate) fn merge(list: List<Entry>) -> List<Addresses> {
    let gather = |entries: Vec<Entry>| {
        let (mut addresses, mut own) = (Vec::new(), Vec::new());
        for entry in entries {
            match entry {
                Entry::Shared(shared) => addresses.push(shared),
                Entry::Network(network) => own.push(network),
            }
        }
        if !own.is_empty() {
            addresses.push(Addresses::Own(Networks::new(&own)));
        }
        addresses
    };
    List {
        any_of: gather(list.any_of),
        none_of: gather(list.none_of),
    }
}

/// The reasons a glob names.
pub(crate) fn reasons(report: &mut Report, span: &Span, text: &str) -> Option<ReasonSet> {
    if let Some(reason) = Reason::from_code(text) {
        return Some(std::iter::once(reason).collect());
    }
    let glob = glob(report, span, text)?;
    let named: Vec<Reason> = Reason::ALL
        .iter()
        .copied()
        .filter(|r| glob.matches(r.code()))
        .collect();
    if !named.is_empty() {
        return Some(named.into_iter().collect());
    }
    let known = reason_globs();
    report
        .error(span, format!("`{}` names no reason", text.escape_debug()))
        .did_you_mean(text, known.iter().map(String::as_str), || {
            let mut begun = known.iter().filter(|glob| glob.starts_with(text));
            if let Some(glob) = begun.next().filter(|_| !text.is_empty()) {
                return Some(format!("did you mean `{glob}`?"));
            }
            let forms =
                "a reason is a code like `mqtt.spoofed.server-packet` or a glob like `mqtt.*`";
            let near = nearest_family(text, &known);
            let near = near.map(|glob| format!("; `weir explain '{glob}'` lists those near by"));
            Some(format!("{forms}{}", near.unwrap_or_default()))
        });
    None
}

/// The innermost family whose codes begin as a text does: `mqtt.ack.*` of `mqtt.ack.what`.
fn nearest_family<'g>(text: &str, globs: &'g BTreeSet<String>) -> Option<&'g String> {
    let dots = text.match_indices('.').map(|(dot, _)| dot).rev();
    let mut families = dots.map(|dot| format!("{}.*", &text[..dot]));
    families.find_map(|family| globs.get(&family))
}

/// What a reason may have been meant to be: every code, and every family of codes.
fn reason_globs() -> BTreeSet<String> {
    let families = Reason::ALL.iter().flat_map(|reason| {
        let code = reason.code();
        code.match_indices('.')
            .map(|(dot, _)| format!("{}.*", &code[..dot]))
    });
    let codes = Reason::ALL.iter().map(|reason| reason.code().to_owned());
    families.chain(codes).collect()
}

/// Reports a name nobody knows, and the nearest that is known.
fn unknown(report: &mut Report, span: &Span, text: &str, known: &[&str], message: String) {
    report
        .error(span, format!("`{}` {message}", text.escape_debug()))
        .did_you_mean(text, known.iter().copied(), || None);
}
