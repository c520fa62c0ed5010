//! What became of a frame.

use policy::{Action, Reason, RuleIndex, Verdict};

/// What [`Inspector::handle_frame`](crate::Inspector::handle_frame) decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "the frame's fate is in it"]
pub struct Outcome {
    /// What became of the frame.
    pub verdict: Verdict,
    /// Whether what is left in the [`Frame`](crate::Frame) goes out of the opposite port. Not the
    /// same as `Accept`: of a segment that is reset, what precedes the offending control packet
    /// still goes on.
    pub forward: bool,
    /// The detection behind the verdict, or the gravest one seen on an accepted frame.
    pub reason: Option<Reason>,
    /// The rule that decided.
    pub rule: Option<RuleIndex>,
    /// What would have become of it, had the rule not been a dry run or the gateway a monitor.
    pub would: Option<Verdict>,
}

impl Outcome {
    /// Goes on, nothing to say.
    pub const ACCEPT: Self = Self {
        verdict: Verdict::Accept,
        forward: true,
        reason: None,
        rule: None,
        would: None,
    };

    /// Copied, injected later.
    pub const HOLD: Self = Self {
        verdict: Verdict::Hold,
        forward: false,
        ..Self::ACCEPT
    };

    /// Part of the proof of an address: it was answered, or taken in.
    pub(crate) const CHALLENGED: Self = Self {
        verdict: Verdict::Challenge,
        forward: false,
        reason: Some(Reason::COAP_AMPLIFICATION_RATIO),
        ..Self::ACCEPT
    };

    /// Takes in what is to be said of a further message of the same frame: the first that isn't
    /// accepted decides, else the first of which there is anything to say.
    pub(crate) fn add(&mut self, other: &Self) {
        let decides = self.verdict == Verdict::Accept && other.verdict != Verdict::Accept;
        let is_silent = self.reason.is_none() && self.rule.is_none() && self.would.is_none();
        if decides || (is_silent && self.verdict == Verdict::Accept) {
            *self = *other;
        }
    }

    /// Goes nowhere, whatever else `ruled` would have done to its connection.
    pub(crate) const fn dropped_by(ruled: &Self) -> Self {
        Self {
            verdict: Verdict::Drop,
            forward: false,
            ..*ruled
        }
    }

    /// Goes nowhere, for a reason no rule spoke of.
    pub const fn dropped(reason: Reason) -> Self {
        Self {
            verdict: Verdict::Drop,
            forward: false,
            reason: Some(reason),
            rule: None,
            would: None,
        }
    }
}

/// The verdict on a frame that an action on its message makes: an alert is an acceptance that was
/// written down.
pub(crate) fn verdict_of(action: Action) -> Verdict {
    match action {
        Action::Accept | Action::Alert => Verdict::Accept,
        Action::Drop => Verdict::Drop,
        Action::Reset => Verdict::Reset,
        Action::Refuse => Verdict::Refuse,
        Action::Challenge => Verdict::Challenge,
    }
}
