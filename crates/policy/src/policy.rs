//! The compiled policy.

mod compile;

use std::net::IpAddr;
use std::sync::Arc;

use crate::index::{Found, Index};
use crate::matching::{Asked, Matching, Networks, Scope, has_parts};
use crate::offender::offender;
use crate::{
    Action, Apart, Ban, Brokers, Case, Fragments, Limit, Match, Meters, Midstream, Mode, Protocol,
    Ratio, Reason, Rule, RuleIndex, Ruling, Services, Side, Subject,
};

/// All rules of a configuration and its packs, ready to decide; immutable, meant to be shared.
#[derive(Debug)]
pub struct Policy {
    rules: Vec<Rule>,
    /// By rule; see [`Policy::meter`].
    meters: Vec<u64>,
    looks_into_payloads: bool,
    asks_time: bool,
    ratios: Vec<Ratio>,
    held_per: Vec<Apart>,
    follows_filters: bool,
    matchings: Vec<Matching>,
    index: Index,
    cases: Vec<Case>,
    default: Action,
    mode: Mode,
    services: Services,
    brokers: Brokers,
    midstream: Midstream,
    fragments: Fragments,
    tls_required: TlsRequired,
    /// By name, where a rule counts by zone.
    zones: Vec<(String, Arc<Networks>)>,
}

/// `[tls] required_from`, ready to be asked.
#[derive(Debug, Default)]
struct TlsRequired {
    sides: Vec<Side>,
    zones: Vec<Arc<Networks>>,
}

impl Policy {
    /// The rules in order of evaluation; [`RuleIndex`] is their place.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Whether some rule has to see the payload of a PUBLISH, and not only what precedes it.
    #[inline]
    #[must_use]
    pub fn looks_into_payloads(&self) -> bool {
        self.looks_into_payloads
    }

    /// Whether some rule has to know what time it is ([`Subject::unix_s`]).
    #[inline]
    #[must_use]
    pub fn asks_time(&self) -> bool {
        self.asks_time
    }

    /// Whether some rule names this reason in its `reason`, by itself or by a glob.
    #[must_use]
    pub fn names(&self, reason: Reason) -> bool {
        let mut named = self
            .matchings
            .iter()
            .filter_map(|matching| matching.reasons);
        named.any(|reasons| reasons.contains(reason))
    }

    /// For each rule, in their order, the reasons it names.
    pub(crate) fn reasons_named(&self) -> impl Iterator<Item = Vec<Reason>> {
        let reasons = self.matchings.iter().map(|matching| matching.reasons);
        reasons.map(|named| named.iter().flat_map(|set| set.iter()).collect())
    }

    /// Whether every CoAP message with this reason, if nothing else is wrong with it, is stopped, as
    /// far as that is plain to see: without a look at the message, somebody else may stop it too.
    #[must_use]
    pub fn always_stops(&self, reason: Reason) -> bool {
        if self.mode != Mode::Enforce {
            return false;
        }
        let scope = Scope::reason(reason);
        for (rule, matching) in self.rules.iter().zip(&self.matchings) {
            let names = matching.reasons.map(|named| named.contains(reason));
            if rule.dry_run
                || !rule.action.is_final()
                || !matching.scope.meets(scope)
                || names == Some(false)
            {
                continue;
            }
            // What is malformed has to be named to be accepted.
            if rule.action == Action::Accept && (names.is_some() || !reason.is_malformed()) {
                return false;
            }
            let is_unconditional = matching.conditions.is_empty()
                && matching.exceptions.is_empty()
                && rule.limit.is_none()
                && scope.is_subset(matching.scope);
            if rule.action != Action::Accept && is_unconditional {
                return true;
            }
        }
        reason.is_malformed() || self.default != Action::Accept
    }

    /// The cases of all packs.
    #[must_use]
    pub fn cases(&self) -> &[Case] {
        &self.cases
    }

    /// Names the books of a rule's limit: the same number in every policy that has the same rule, by
    /// its id, conditions and limit. What an earlier policy counted for it still holds.
    #[must_use]
    pub fn meter(&self, rule: RuleIndex) -> u64 {
        self.meters.get(rule.as_usize()).copied().unwrap_or(0)
    }

    /// The ratios that rules set, each with its window once: what the books must be kept for.
    #[must_use]
    pub fn ratios(&self) -> &[Ratio] {
        &self.ratios
    }

    /// By what rules count sessions and other [holdings](crate::Holding) apart, each once: what the books must
    /// be kept for.
    #[inline]
    #[must_use]
    pub fn held_per(&self) -> &[Apart] {
        &self.held_per
    }

    /// Whether it has to be known what sessions have subscribed to: a rule counts what is held, or names
    /// [`Reason::MQTT_SESSION_STILL_SHARED`].
    #[inline]
    #[must_use]
    pub fn follows_filters(&self) -> bool {
        self.follows_filters
    }

    /// The books of the ratios that are enforced: of those in two policies that are the same, what was
    /// counted under the one holds under the other.
    pub fn ratios_enforced(&self) -> impl Iterator<Item = u64> {
        let rules = self.rules.iter().zip(&self.meters);
        let enforced = rules.filter(|(rule, _)| {
            let has_ratio = matches!(rule.limit, Some(Limit::Ratio(_)));
            has_ratio && rule.action.stops() && !rule.dry_run && self.mode == Mode::Enforce
        });
        enforced.map(|(_, meter)| *meter)
    }

    /// The zone by which a client at this address is counted, where a rule counts by zone.
    #[must_use]
    pub fn zone_of(&self, client: IpAddr) -> Option<&str> {
        let mut zones = self.zones.iter();
        let zone = zones.find(|(_, networks)| networks.contains(client));
        zone.map(|(name, _)| &**name)
    }

    /// The server ports of each service (`[services]`).
    #[must_use]
    pub fn services(&self) -> &Services {
        &self.services
    }

    /// Which servers are one broker (`[mqtt] brokers`).
    #[must_use]
    pub fn brokers(&self) -> &Brokers {
        &self.brokers
    }

    /// What becomes of TCP flows older than the gateway (`[tcp] midstream`).
    #[must_use]
    pub fn midstream(&self) -> Midstream {
        self.midstream
    }

    /// Whether rules are enforced, or what they would have done is told only.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// What becomes of IP fragments to or from a service (`[ip] fragments`).
    #[must_use]
    pub fn fragments(&self) -> Fragments {
        self.fragments
    }

    /// Whether plaintext MQTT and CoAP of this client has to raise `tls.required`
    /// (`[tls] required_from`).
    #[inline]
    #[must_use]
    pub fn requires_tls(&self, client: IpAddr, side: Side) -> bool {
        let required = &self.tls_required;
        if required.sides.is_empty() && required.zones.is_empty() {
            return false;
        }
        required.sides.contains(&side) || required.zones.iter().any(|zone| zone.contains(client))
    }

    /// Judges one message or detection. `report` gets every alert and dry-run match on the way.
    ///
    /// The first rule with a final action that matches decides. What can't be parsed is accepted
    /// only by a rule whose `reason` names all that is wrong with it; no rule deciding, it is
    /// dropped, and reset where it runs over TCP. Of a message of several parts each is decided by
    /// itself, and the message goes on if all do.
    #[must_use]
    pub fn decide(
        &self,
        subject: &Subject<'_>,
        meters: &mut dyn Meters,
        report: &mut dyn FnMut(Match<'_>),
    ) -> Ruling {
        self.decide_among(|_| true, subject, meters, report)
    }

    /// The same by the rules behind `rule` alone, and by the default: for a message that `rule` has decided about, and that
    /// is to go on in another way.
    #[must_use]
    pub fn decide_behind(
        &self,
        rule: RuleIndex,
        subject: &Subject<'_>,
        meters: &mut dyn Meters,
        report: &mut dyn FnMut(Match<'_>),
    ) -> Ruling {
        self.decide_among(|at| at > rule.0, subject, meters, report)
    }

    /// Decides by the rules that are asked.
    #[inline(always)]
    fn decide_among(
        &self,
        is_asked: impl Fn(u32) -> bool,
        subject: &Subject<'_>,
        meters: &mut dyn Meters,
        report: &mut dyn FnMut(Match<'_>),
    ) -> Ruling {
        let detected = !subject.reasons.is_empty();
        let mut found = Found::new();
        let candidates = self.index.candidates(subject, detected, &mut found);
        let candidates = candidates.filter(|at| is_asked(*at));
        if has_parts(subject) {
            return self.decide_parts(subject, candidates, meters, report);
        }
        for at in candidates {
            let matching = &self.matchings[at as usize];
            if let Some(reason) = matching.holds(subject)
                && !matching.is_excepted(subject)
                && let Some(ruling) = self.apply(RuleIndex(at), reason, subject, meters, report)
            {
                return ruling;
            }
        }
        self.ruling_without_rule(subject)
    }

    pub(crate) fn matching(&self, rule: u32) -> &Matching {
        &self.matchings[rule as usize]
    }

    /// What a rule does whose conditions hold; none if it leaves the decision to those after it. Apart from
    /// the asking: most rules that are asked say no.
    #[inline(never)]
    pub(crate) fn apply(
        &self,
        index: RuleIndex,
        reason: Option<Reason>,
        subject: &Subject<'_>,
        meters: &mut dyn Meters,
        report: &mut dyn FnMut(Match<'_>),
    ) -> Option<Ruling> {
        let at = index.as_usize();
        let (matching, rule) = (&self.matchings[at], &self.rules[at]);
        if rule.action == Action::Accept && !matching.may_accept(subject) {
            return None;
        }
        if let Some(limit) = &rule.limit
            && !meters.exceeds(index, limit, subject)
        {
            return None;
        }
        let reason = reason.or_else(|| rule.limit.map(|limit| limit.reason()));
        if rule.dry_run || !rule.action.is_final() {
            report(Match {
                index,
                rule,
                reason,
                dry_run: rule.dry_run,
            });
            return None;
        }
        let ban = rule.ban.map(|duration| Ban {
            source: offender(subject, reason, rule.limit.as_ref()),
            duration,
        });
        Some(self.ruling(rule.action, Some(index), reason, ban))
    }

    pub(crate) fn ruling_without_rule(&self, subject: &Subject<'_>) -> Ruling {
        let malformed = subject.reasons.iter().copied().find(|r| r.is_malformed());
        match (malformed, subject.protocol) {
            (None, _) => self.ruling(self.default, None, None, None),
            (Some(_), Protocol::Mqtt | Protocol::Tls) => {
                self.ruling(Action::Reset, None, malformed, None)
            }
            (Some(_), _) => self.ruling(Action::Drop, None, malformed, None),
        }
    }

    fn ruling(
        &self,
        action: Action,
        rule: Option<RuleIndex>,
        reason: Option<Reason>,
        ban: Option<Ban>,
    ) -> Ruling {
        let enforced = self.mode == Mode::Enforce;
        Ruling {
            action,
            rule,
            reason,
            ban: ban.filter(|_| enforced),
            enforced,
        }
    }
}

impl Matching {
    /// Whether all conditions hold, and if so the detection that was asked for.
    #[inline]
    fn holds(&self, subject: &Subject<'_>) -> Option<Option<Reason>> {
        let reason = self.detected(subject)?;
        let asked = Asked {
            subject,
            part: None,
            effect: self.effect,
        };
        let mut conditions = self.conditions.iter();
        conditions
            .all(|condition| condition.holds(&asked))
            .then_some(reason)
    }

    /// The detection that is asked for, if one is; nothing where it wasn't raised.
    #[inline]
    pub(crate) fn detected(&self, subject: &Subject<'_>) -> Option<Option<Reason>> {
        match &self.reasons {
            None => Some(None),
            Some(wanted) => {
                let mut raised = subject.reasons.iter().copied();
                raised.find(|reason| wanted.contains(*reason)).map(Some)
            }
        }
    }

    /// Whether the rule passes it by, although all it asks holds.
    #[inline(never)]
    fn is_excepted(&self, subject: &Subject<'_>) -> bool {
        let mut exceptions = self.exceptions.iter();
        exceptions
            .any(|exception| exception.is_about(subject) && exception.holds(subject).is_some())
    }

    pub(crate) fn is_about(&self, subject: &Subject<'_>) -> bool {
        self.scope.contains(Scope::bucket(subject))
    }

    /// Whether an `accept` covers the message: everything malformed about it has to be named.
    fn may_accept(&self, subject: &Subject<'_>) -> bool {
        let mut malformed = subject
            .reasons
            .iter()
            .filter(|reason| reason.is_malformed());
        malformed.all(|reason| self.reasons.is_some_and(|named| named.contains(*reason)))
    }
}
