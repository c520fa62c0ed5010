//! What became of a line, and how it differs from what a case expects.

use std::fmt::{self, Write as _};

use inspect::{Outcome, Verdict};
use policy::{Case, Line, Place, Policy, Reason, RuleIndex};

use crate::network::Seen;

/// What became of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The verdict.
    pub verdict: Verdict,
    /// The detection behind it.
    pub reason: Option<Reason>,
    /// The rule that decided.
    pub rule: Option<RuleIndex>,
    /// What a rule on trial would have done.
    pub would: Option<Verdict>,
    /// Rules on trial that would have done it, up to here.
    pub tried: Vec<RuleIndex>,
    /// Rules that an event told of, up to here: those that decided, too.
    pub alerts: Vec<RuleIndex>,
    /// All rules that matched, up to here.
    pub matched: Vec<RuleIndex>,
}

impl Default for Told {
    fn default() -> Self {
        Self {
            verdict: Verdict::Accept,
            reason: None,
            rule: None,
            would: None,
            tried: Vec::new(),
            alerts: Vec::new(),
            matched: Vec::new(),
        }
    }
}

impl Told {
    pub(super) fn new(outcome: &Outcome, events: &[Seen]) -> Self {
        let alerts: Vec<_> = events.iter().filter_map(|event| event.rule).collect();
        let on_trial = events.iter().filter(|event| event.would.is_some());
        let of_it = on_trial.filter(|event| event.would == outcome.would);
        Self {
            matched: alerts.iter().copied().chain(outcome.rule).collect(),
            verdict: outcome.verdict,
            reason: outcome.reason,
            rule: outcome.rule,
            would: outcome.would,
            tried: of_it.filter_map(|event| event.rule).collect(),
            alerts,
        }
    }

    /// What IP can't carry arrives nowhere.
    pub(super) fn unsent() -> Self {
        Self {
            verdict: Verdict::Drop,
            ..Self::default()
        }
    }

    /// Whether the line went through, at once or in its turn.
    pub(super) fn is_accepted(&self) -> bool {
        matches!(self.verdict, Verdict::Accept | Verdict::Hold)
    }
}

/// A line that didn't go as its case expects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Where the line stands.
    pub place: Place,
    /// What was expected, and what became of it instead.
    pub message: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl Failure {
    /// A line before the last that wasn't accepted, or wasn't stopped.
    pub(super) fn early(policy: &Policy, line: &Line, told: &Told) -> Self {
        let expected = match line.is_stopped {
            true => "was to be stopped",
            false => "isn't the last line",
        };
        Self::at(line, format!("{expected}, but {}", describe(policy, told)))
    }

    fn at(line: &Line, message: String) -> Self {
        Self {
            place: line.place.clone(),
            message: format!("`{}` {message}", line.text),
        }
    }
}

/// Compares the fate of the last line with what the case expects.
pub(super) fn compare(policy: &Policy, case: &Case, told: &Told) -> Result<(), Failure> {
    let expected = &case.expect;
    let name = |rule: &RuleIndex| policy.rules()[rule.as_usize()].id.as_str();
    let mut wrong = String::new();
    if told.verdict != expected.verdict {
        _ = write!(wrong, "expected {}, ", expected.verdict);
    }
    let tried = told.tried.iter().filter(|_| expected.would.is_some());
    let mut rules = told.rule.iter().chain(tried).map(name);
    if let Some(rule) = &expected.rule
        && !rules.any(|name| name == rule)
    {
        _ = write!(wrong, "expected rule {rule}, ");
    }
    if let Some(reason) = expected.reason
        && told.reason != Some(reason)
    {
        _ = write!(wrong, "expected {reason}, ");
    }
    if expected.would.is_some() && told.would != expected.would {
        let would = expected.would.map_or("left alone", done);
        _ = write!(wrong, "expected it would have been {would}, ");
    }
    let alerts = expected.alerts.as_deref();
    // What stops a line tells of it, and is expected as `rule`.
    let only_told = |rule: &&RuleIndex| {
        let rule = &policy.rules()[rule.as_usize()];
        rule.dry_run || !rule.action.stops()
    };
    if let (Some([]), Some(rule)) = (alerts, told.alerts.iter().find(only_told)) {
        _ = write!(wrong, "expected no alert, not even of {}, ", name(rule));
    }
    for alert in alerts.unwrap_or_default() {
        if !told.alerts.iter().any(|rule| name(rule) == alert) {
            _ = write!(wrong, "expected an alert of {alert}, ");
        }
    }
    match (wrong.is_empty(), case.say.last()) {
        (true, _) => Ok(()),
        (false, Some(line)) => Err(Failure::at(
            line,
            format!("{wrong}but {}", describe(policy, told)),
        )),
        (false, None) => Err(Failure {
            place: case.place.clone(),
            message: "nothing is said".to_owned(),
        }),
    }
}

/// What became of a line, in words.
fn describe(policy: &Policy, told: &Told) -> String {
    let mut text = format!("it was {}", done(told.verdict));
    if let Some(rule) = told.rule {
        _ = write!(text, " by {}", policy.rules()[rule.as_usize()].id);
    }
    if let Some(reason) = told.reason {
        _ = write!(text, " for {reason}");
    }
    if let Some(would) = told.would {
        _ = write!(text, " (would have been {})", done(would));
    }
    text
}

/// What was done to a line.
fn done(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Accept => "accepted",
        Verdict::Hold => "held",
        Verdict::Drop => "dropped",
        Verdict::Reset => "reset",
        Verdict::Refuse => "refused",
        Verdict::Challenge => "challenged",
    }
}
