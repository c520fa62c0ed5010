//! What is known of a reason or a shipped rule, as `weir explain` prints it and rules/REFERENCE.md holds it.

use std::fmt::Write as _;

use crate::shipped::{self, PACKS, ShippedRule};
use crate::{Action, Reason, Rule, Tune, duration};

/// How wide lines of text are.
const COLUMNS: usize = 100;

/// A reason, for a terminal.
#[must_use]
pub fn explain_reason(reason: Reason) -> String {
    let (code, note) = (reason.code(), reason.note());
    let tune = tuned(reason);
    let mut text = format!("{code}\n\n");
    wrap(&mut text, "  ", reason.summary());
    text.push('\n');
    for (key, value) in [
        ("on the wire", reason.on_wire()),
        ("stands on", reason.source()),
        ("without rule", unruled(reason)),
        ("may be", note.harmless),
        ("to tune", &tune),
    ] {
        entry(&mut text, key, value);
    }
    let rules = shipped::rules();
    let acts = |shipped: &&ShippedRule| {
        let limit = shipped.rule.limit.as_ref();
        shipped.reasons.contains(&reason) || limit.is_some_and(|limit| limit.reason() == reason)
    };
    let acting = rules.iter().filter(acts);
    for ShippedRule { pack, rule, .. } in acting {
        let value = format!("{} of {pack}: {}", rule.id, rule.action);
        entry(&mut text, "shipped rule", &value);
    }
    entry(
        &mut text,
        "metric",
        &format!("weir_reasons_total{{reason=\"{code}\"}}"),
    );
    if reason.is_of_limit() {
        text.push_str(
            "\n  To make an exception, put a rule before the one with the limit: with its conditions and the\n  \
             addresses it is about, without `limit`, and with `action = \"accept\"`.\n",
        );
        return text;
    }
    text.push_str("\n  To make an exception, put a rule before the one that acts on it:\n\n");
    for line in exception(reason) {
        _ = writeln!(text, "    {line}");
    }
    text
}

/// A shipped rule, for a terminal.
#[must_use]
pub fn explain_rule(shipped: &ShippedRule) -> String {
    let rule = &shipped.rule;
    let mut text = format!("{}\n\n", rule.id);
    wrap(&mut text, "  ", &rule.description);
    text.push('\n');
    entry(&mut text, "pack", shipped.pack);
    entry(&mut text, "severity", rule.severity.name());
    if let Some(one) = counted_as_one(rule) {
        entry(&mut text, "counts as one", &one);
    }
    entry(&mut text, "references", &rule.references.join(", "));
    entry(&mut text, "does", &deed(rule));
    for note in shipped.notes() {
        entry(&mut text, "may be", note.harmless);
        match note.tune {
            Tune::Turn(how) => entry(&mut text, "to tune", how),
            Tune::Stop(how) if !rule.action.stops() => entry(&mut text, "to stop it", how),
            // Of what is stopped, that is said below.
            Tune::Except | Tune::Stop(_) => {}
        }
    }
    entry(&mut text, "to except", &exempted(rule));
    for case in &shipped.cases {
        entry(&mut text, "shown by", case);
    }
    text.push_str("\n  As it is written:\n\n");
    for line in shipped.text.lines() {
        _ = writeln!(text, "    {line}");
    }
    text
}

/// What the rule does.
fn deed(rule: &Rule) -> String {
    let does = match rule.action {
        Action::Accept => "what it matches passes, and no later rule is asked",
        Action::Alert => "an event; what it matches passes unless a later rule stops it",
        Action::Drop => {
            "what it matches never arrives; a message over TCP ends its connection, a segment is just left out"
        }
        Action::Reset => {
            "what it matches never arrives; a TCP connection ends, a CON over UDP is answered by RST"
        }
        Action::Refuse => "what it matches never arrives, and is answered in its server's name",
        Action::Challenge => "whoever asks has to prove the address first",
    };
    let when = match rule.limit {
        Some(_) => ", beyond its limit",
        None => "",
    };
    let ban = rule.ban.map(|time| {
        let time = duration::show(time);
        format!("; who is to blame is banned for {time}")
    });
    let ban = ban.unwrap_or_default();
    let only = if rule.dry_run { "only tells of " } else { "" };
    format!("{only}{}{when}: {does}{ban}", rule.action)
}

/// How it is kept from doing so.
fn exempted(rule: &Rule) -> String {
    let before = match rule.action {
        Action::Accept => "",
        _ => "a rule before it with `action = \"accept\"`, for the devices it is about; or ",
    };
    format!(
        "{before}its id in `dry_run` of [policy], which only tells, or in `disabled`, which leaves it out"
    )
}

/// What to do about a reason, whatever becomes of it.
fn tuned(reason: Reason) -> String {
    let words = reason.note().tune.words();
    let stops =
        |shipped: &ShippedRule| shipped.reasons.contains(&reason) && shipped.rule.action.stops();
    match reason.note().tune {
        Tune::Stop(_) if shipped::rules().iter().any(stops) => {
            format!("{words}; or one before the rule that stops it, for the devices it is about")
        }
        _ => words.to_owned(),
    }
}

/// Whose addresses are told apart no further, where a rule counts by networks.
fn counted_as_one(rule: &Rule) -> Option<String> {
    let prefix = rule.limit?.apart().ipv6_prefix;
    let banned = match rule.ban {
        Some(_) => ", which a ban shuts out as a whole unless its server is in it",
        None => "",
    };
    let one = || format!("all IPv6 addresses of one /{}{banned}", prefix.bits());
    (!prefix.is_whole()).then(one)
}

/// The shipped rule of this name.
#[must_use]
pub fn rule(id: &str) -> Option<&'static ShippedRule> {
    let mut rules = shipped::rules().iter();
    rules.find(|shipped| shipped.rule.id.eq_ignore_ascii_case(id))
}

/// The shipped rules that belong to a `sid`, to a reference such as a CVE, or to a pack.
pub fn rules_of(name: &str) -> impl Iterator<Item = &'static ShippedRule> {
    shipped::rules().iter().filter(move |shipped| {
        let ShippedRule { pack, rule, .. } = shipped;
        let mut references = rule.references.iter();
        rule.sid.is_some_and(|sid| sid.to_string() == name)
            || references.any(|reference| reference.eq_ignore_ascii_case(name))
            || *pack == name
            || pack.strip_suffix(".toml") == Some(name)
    })
}

/// rules/REFERENCE.md.
#[must_use]
pub fn markdown() -> String {
    let rules = shipped::rules();
    let mut text = String::from(
        "# Reference\n\nMade from the sources by `make reference`: every shipped rule, and every reason code. \
         `weir explain NAME`\nsays the same of one of them. rules/README.md is the manual.\n\n## Shipped rules\n",
    );
    for pack in PACKS {
        _ = writeln!(text, "\n### {}\n", pack.name);
        text.push_str("| rule | sid | severity | action | what it is about | references |\n|---|---|---|---|---|---|\n");
        for shipped in rules.iter().filter(|shipped| shipped.pack == pack.name) {
            rule_row(&mut text, shipped);
        }
    }
    text.push_str("\n## Reasons\n");
    let mut family = "";
    for reason in Reason::ALL.iter().copied() {
        if reason.family() != family {
            family = reason.family();
            _ = writeln!(text, "\n### {family}\n");
            text.push_str("| code | what it is | on the wire | stands on | may be | to tune | shipped rules |\n|---|---|---|---|---|---|---|\n");
        }
        reason_row(&mut text, reason, rules);
    }
    text
}

fn rule_row(text: &mut String, shipped: &ShippedRule) {
    let rule = &shipped.rule;
    let sid = rule.sid.map(|sid| sid.to_string()).unwrap_or_default();
    row(
        text,
        &[
            &format!("`{}`", rule.id),
            &sid,
            rule.severity.name(),
            rule.action.name(),
            &rule.description,
            &rule.references.join(", "),
        ],
    );
}

fn reason_row(text: &mut String, reason: Reason, rules: &[ShippedRule]) {
    let acting = rules
        .iter()
        .filter(|shipped| shipped.reasons.contains(&reason));
    let acting: Vec<String> = acting
        .map(|shipped| format!("`{}`", shipped.rule.id))
        .collect();
    row(
        text,
        &[
            &format!("`{}`", reason.code()),
            reason.summary(),
            reason.on_wire(),
            reason.source(),
            reason.note().harmless,
            &tuned(reason),
            &acting.join(", "),
        ],
    );
}

fn row(text: &mut String, cells: &[&str]) {
    for cell in cells {
        _ = write!(text, "| {} ", cell.replace('|', "\\|"));
    }
    text.push_str("|\n");
}

fn unruled(reason: Reason) -> &'static str {
    if reason.is_malformed() {
        "dropped: what can't be parsed is forwarded only if a rule names this code and accepts it"
    } else if reason.is_of_limit() {
        "never raised: only a rule with a `limit` does"
    } else {
        "an event and a count; only a rule does something about it"
    }
}

fn exception(reason: Reason) -> [String; 5] {
    let code = reason.code();
    [
        "[[rule]]".to_owned(),
        format!("id          = \"accept-{}\"", code.replace('.', "-")),
        "description = \"why this is all right here\"".to_owned(),
        format!("match       = {{ reason = \"{code}\", source = \"a-zone\" }}"),
        "action      = \"accept\"".to_owned(),
    ]
}

fn entry(text: &mut String, key: &str, value: &str) {
    let (margin, start) = (" ".repeat(16), text.len());
    wrap(text, &margin, value);
    text.replace_range(start..start + margin.len(), &format!("  {key:<14}"));
}

/// Writes words in lines, each behind `margin`.
fn wrap(text: &mut String, margin: &str, words: &str) {
    let mut column = 0;
    for word in words.split_whitespace() {
        let len = word.chars().count();
        if column == 0 || column + 1 + len > COLUMNS {
            if column > 0 {
                text.push('\n');
            }
            text.push_str(margin);
            column = margin.len();
        } else {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += len;
    }
    text.push('\n');
}
