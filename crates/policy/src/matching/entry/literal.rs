//! What stands for itself where its writer may have meant it to stand for something else.

use crate::report::{Finding, Report, Span};
use crate::suggest::one_of;

/// What stands for a value of the session's.
const PLACEHOLDERS: [&str; 3] = ["{client_id}", "{username}", "{source}"];

pub(super) fn no_placeholder<'r>(
    report: &'r mut Report,
    span: &Span,
    text: &str,
    at: usize,
) -> Finding<'r> {
    let found = text[at..].split_inclusive('}').next().unwrap_or_default();
    let message = format!("`{}` is no placeholder", found.escape_debug());
    let finding = report.error(span, message);
    finding.help(format!("it has to be {}", one_of(&PLACEHOLDERS)))
}

/// Reports a placeholder in a text that knows none.
pub(super) fn stands_for_nothing(
    report: &mut Report,
    span: &Span,
    text: &str,
    place: &str,
) -> bool {
    let Some(name) = placeholder(text) else {
        return false;
    };
    report
        .error(span, format!("`{name}` stands for nothing {place}"))
        .help("`topic`, `filter` (but its `text`), `client_id`, `username` and `password` know placeholders")
        .help(r"a brace itself is written `\{`");
    true
}

/// The first placeholder whose brace isn't escaped.
fn placeholder(text: &str) -> Option<&'static str> {
    let is_plain = |at: usize| !text[..at].ends_with('\\');
    let stands = |name: &&str| text.match_indices(*name).any(|(at, _)| is_plain(at));
    PLACEHOLDERS.into_iter().find(stands)
}

/// Bytes know neither placeholders nor escapes.
pub(super) fn warn_of_placeholder(report: &mut Report, span: &Span, text: &str) {
    let mut known = PLACEHOLDERS.iter();
    if let Some(name) = known.find(|name| text.contains(**name)) {
        report
            .warning(span, format!("`{name}` stands for itself in a payload"))
            .help("write it as \"hex:…\" if that is meant");
    }
}

/// What is legal in a topic, and is a wildcard or a placeholder elsewhere.
pub(super) fn warn_of_literals(report: &mut Report, span: &Span, text: &str) {
    let of_mosquitto = text.split('/').find_map(|level| match level {
        "%c" => Some("{client_id}"),
        "%u" => Some("{username}"),
        _ => None,
    });
    if text.contains('*') {
        report
            .warning(span, "a `*` in a topic filter stands for itself")
            .help("write `+` for a level of any name")
            .help("`topic_text`, and `text` of a `filter`, are globs over the whole of it");
    } else if text.contains("${") {
        report
            .warning(span, "the `$` before a placeholder stands for itself")
            .help("write the braces alone");
    } else if let Some(meant) = of_mosquitto {
        report
            .warning(span, "a `%` in a topic filter stands for itself")
            .help(format!("did you mean `{meant}`?"));
    }
}

/// A `?` is any character here, and no query.
pub(super) fn warn_of_query(report: &mut Report, span: &Span, text: &str) {
    let Some((_, query)) = text
        .split_once('?')
        .filter(|(_, query)| query.contains('='))
    else {
        return;
    };
    report
        .warning(span, "a `?` in a path stands for any one character")
        .help(format!(
            "write option = {{ uri_query = \"{}\" }} beside the path for the query",
            query.escape_debug()
        ));
}
