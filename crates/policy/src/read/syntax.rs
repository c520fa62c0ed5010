//! What isn't TOML: the errors themselves, without what the parser makes of the lines behind them.

use toml::de::Error;

use crate::report::{Report, Span};

/// Of more syntax errors than this only the number is told.
const MAX_ERRORS: usize = 100;
/// What the parser says of a statement inside of a value that nobody closed.
const INSIDE_OF_A_VALUE: [&str; 4] = [
    "missing comma between key-value pairs",
    "missing key for inline table element",
    "missing comma between array elements",
    "unexpected `=` in array",
];

/// Reports the syntax errors of the file that `file` spans.
pub(super) fn report(report: &mut Report, file: &Span, errors: &[Error]) {
    let mut is_open = false;
    let (mut headers, mut lopsided) = (Vec::new(), Vec::new());
    for error in errors.iter().take(MAX_ERRORS) {
        let at = file.at(error.span().unwrap_or(0..0));
        let line = report.line(&at).trim();
        let is_inside = is_statement(line) && is_said_inside(error.message());
        if is_inside && std::mem::replace(&mut is_open, true) {
            report.keep_quiet_about(&at);
            continue;
        }
        let is_header = line.starts_with('[') && !is_inside;
        // A table that should have been one of several makes the others its doubles.
        if is_header && error.message() == "duplicate key" && lopsided.contains(&name(line)) {
            report.keep_quiet_about(&at);
            continue;
        }
        // The parser takes an empty value for a string without its quotes.
        let is_missing =
            report.text(&at).is_empty() && error.message().starts_with("string values");
        let problem = match is_missing {
            true => "a value is missing",
            false => error.message(),
        };
        let header = line.split('#').next().unwrap_or_default().trim_end();
        let (begins, ends) = (header.starts_with("[["), header.ends_with("]]"));
        let lacks_bracket = is_header && begins != ends;
        lopsided.extend(lacks_bracket.then(|| name(line)));
        let finding = report.syntax_error(&at, format!("not TOML: {problem}"));
        finding.help_with(|| match problem {
            _ if is_inside => Some("is a `{` or a `[` before it without its other end?".to_owned()),
            _ if lacks_bracket => {
                Some("there are as many brackets at one end as at the other: `[[rule]]`".to_owned())
            }
            _ if problem.starts_with("string values") => Some("write \"…\" around it".to_owned()),
            _ => None,
        });
        headers.extend(is_header.then_some(at));
    }
    // All errors are told by now: what stands below such a header was read as part of another table.
    for header in &headers {
        report.keep_quiet_below(header);
    }
    report.leave_out(errors.len().saturating_sub(MAX_ERRORS));
}

/// The name in a header's brackets, however many.
fn name(header: &str) -> String {
    let inside = header.trim_start_matches('[').split(']').next();
    inside.unwrap_or_default().trim().to_owned()
}

fn is_said_inside(message: &str) -> bool {
    let mut told = INSIDE_OF_A_VALUE.iter();
    told.any(|told| message.starts_with(told))
}

/// Whether a line is a header, or begins as a key with its value does.
fn is_statement(line: &str) -> bool {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || "_-.\"' ".contains(c);
    let key = line.split_once('=').map(|(key, _)| key);
    line.starts_with('[') || key.is_some_and(|key| !key.is_empty() && key.chars().all(is_bare))
}
