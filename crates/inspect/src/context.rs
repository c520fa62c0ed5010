//! What every protocol module is handed along with a frame, and how it asks the policy.

use std::ops::Range;
use std::sync::Arc;

use policy::{
    Action, Endpoints, Match, Message, Meters, Mode, Policy, Protocol, Reason, RuleIndex, Ruling,
    Service, Session, Subject,
};
use smallvec::SmallVec;
use wire::Direction;
use wire::coap::Code;
use wire::net::Layout;

use crate::flow::FlowKey;
use crate::holdings::{Held, Holdings, Room, SessionPart};
use crate::metering::{Metered, Metering};
use crate::outcome::verdict_of;
use crate::time::Wall;
use crate::{
    Count, Counted, Event, EventKind, Injected, Instant, LimitKind, Limits, MessageKind, Outcome,
    Port, Sink, Verdict,
};

/// The call under way: time, place, rules, and where to tell.
pub(crate) struct Context<'a, S> {
    pub(crate) now: Instant,
    /// Until when a TCP flow may have begun unseen.
    pub(crate) older_until: Instant,
    /// Where the frame came in.
    pub(crate) port: Port,
    pub(crate) policy: &'a Policy,
    /// Generation of `policy`.
    pub(crate) generation: u64,
    pub(crate) limits: &'a Limits,
    /// Makes flow ids out of keys.
    pub(crate) flow_id_key: &'a [u8; 16],
    /// What rules have counted.
    pub(crate) metering: &'a Metering,
    pub(crate) wall: &'a Wall,
    /// What clients hold at once.
    pub(crate) holdings: &'a Arc<Holdings>,
    pub(crate) sink: &'a mut S,
}

/// What dispatch found out about a frame of a service, before any protocol module saw it.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    pub(crate) service: Service,
    /// By which end has the service's port; for a TCP flow, by who opened it.
    pub(crate) direction: Direction,
    pub(crate) endpoints: Endpoints,
    pub(crate) carrier: Carrier,
    /// Where the layers of the frame begin.
    pub(crate) layout: Layout,
}

/// What tells frames between the same two ends of a VLAN apart: their transport.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Carrier {
    /// The transport protocol's number; 0 where it isn't known.
    pub(crate) protocol: u8,
}

impl Carrier {
    /// The key of what goes from one of `ends` to the other over `link`, and whether the source is
    /// the lower end of it.
    pub(crate) fn key(self, link: u16, ends: &Endpoints) -> (FlowKey, bool) {
        let source = (ends.source, ends.source_port);
        let destination = (ends.destination, ends.destination_port);
        FlowKey::new(source, destination, link, ends.vlan, self.protocol)
    }
}

impl Arrival {
    /// Where the TCP or UDP payload lies in the frame, padding excluded.
    pub(crate) fn payload(&self) -> Range<usize> {
        self.layout.payload..self.layout.end
    }

    /// A detection on this frame that needs no decoded message.
    pub(crate) fn detection<'a>(&self, protocol: Protocol, reasons: &'a [Reason]) -> Subject<'a> {
        Subject {
            protocol,
            service: self.service,
            direction: self.direction,
            endpoints: self.endpoints,
            message: Message::None,
            session: Session::default(),
            reasons,
            address_validated: false,
            unix_s: None,
            size: self.layout.payload_len(),
        }
    }
}

/// A ruling, with all that had to be told about it told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Judgement {
    /// What is to be done: `Accept` also where a stopping rule is a dry run or the gateway a
    /// monitor. Never `Alert`.
    pub(crate) action: Action,
    /// The frame's outcome if this message decides it. `forward` is true for `Accept` only;
    /// whoever cuts a frame corrects it.
    pub(crate) outcome: Outcome,
}

/// A judgement nobody has been told of, because what is to be told depends on what comes of it.
#[must_use = "somebody has to be told"]
pub(crate) struct Untold {
    pub(crate) judgement: Judgement,
    ruling: Ruling,
    noted: SmallVec<[Noted; 4]>,
    /// What the rule went by, if it counts bytes.
    pub(crate) counted: Option<Counted>,
}

/// An alert or dry run on the way to a ruling.
#[derive(Clone, Copy)]
struct Noted {
    rule: RuleIndex,
    reason: Option<Reason>,
    would: Option<Verdict>,
}

impl<'a, S: Sink> Context<'a, S> {
    /// Asks the policy about `subject`, accepting what no rule speaks of, and sees to events, counts
    /// and bans.
    pub(crate) fn judge(
        &mut self,
        arrival: &Arrival,
        subject: &Subject<'_>,
        meters: &mut dyn Meters,
    ) -> Judgement {
        self.judge_at(arrival.carrier, Action::Accept, subject, meters)
    }

    /// As [`Context::judge`]; `fallback` is done where no rule speaks of it.
    #[inline]
    pub(crate) fn judge_or(
        &mut self,
        fallback: Action,
        arrival: &Arrival,
        subject: &Subject<'_>,
        meters: &mut dyn Meters,
    ) -> Judgement {
        self.judge_at(arrival.carrier, fallback, subject, meters)
    }

    /// As [`Context::judge_or`], for a frame of which no more is known than where it belongs.
    #[inline]
    pub(crate) fn judge_at(
        &mut self,
        carrier: Carrier,
        fallback: Action,
        subject: &Subject<'_>,
        meters: &mut dyn Meters,
    ) -> Judgement {
        let untold = self.rule(carrier, fallback, subject, meters);
        let reply = usual_reply(subject, untold.judgement.outcome.verdict);
        self.tell(carrier, subject, &untold, reply);
        untold.judgement
    }

    /// Tells of a judgement, and of what was said in the place of the message.
    #[inline]
    pub(crate) fn tell(
        &mut self,
        carrier: Carrier,
        subject: &Subject<'_>,
        untold: &Untold,
        reply: Option<Injected>,
    ) {
        self.tell_part(carrier, subject, untold, reply);
        if let Some(kind) = message_kind(subject) {
            self.tell_message(carrier, kind, subject, &untold.judgement.outcome, reply);
        }
    }

    /// As [`Context::judge_at`], for a part of a message that is counted as a whole.
    pub(crate) fn judge_part(
        &mut self,
        carrier: Carrier,
        fallback: Action,
        subject: &Subject<'_>,
        meters: &mut dyn Meters,
    ) -> Judgement {
        let untold = self.rule(carrier, fallback, subject, meters);
        let reply = usual_reply(subject, untold.judgement.outcome.verdict);
        self.tell_part(carrier, subject, &untold, reply);
        untold.judgement
    }

    /// Asks the policy, and tells nobody yet.
    pub(crate) fn rule(
        &mut self,
        carrier: Carrier,
        fallback: Action,
        subject: &Subject<'_>,
        meters: &mut dyn Meters,
    ) -> Untold {
        self.rule_again(carrier, fallback, subject, meters, &|| false)
    }

    /// As [`Context::rule`], for a message that rules that count may have counted before, if `is_counted`: when it came
    /// first, say.
    pub(crate) fn rule_again(
        &mut self,
        carrier: Carrier,
        fallback: Action,
        subject: &Subject<'_>,
        meters: &mut dyn Meters,
        is_counted: &dyn Fn() -> bool,
    ) -> Untold {
        let policy = self.policy;
        let noted = SmallVec::new();
        self.rule_by(
            carrier,
            subject,
            (meters, is_counted),
            (noted, fallback),
            |asked, meters, report| policy.decide(asked, meters, report),
        )
    }

    /// As [`Context::rule_again`], by the rules behind the one that `before` has: for a message that this one stops, and that goes on
    /// in another way. What is within a budget or a bound isn't asked any more.
    pub(crate) fn rule_behind(
        &mut self,
        carrier: Carrier,
        subject: &Subject<'_>,
        before: &Untold,
        is_counted: &dyn Fn() -> bool,
    ) -> Option<Untold> {
        let (policy, rule) = (self.policy, before.ruling.rule?);
        let noted = before.noted.clone();
        Some(self.rule_by(
            carrier,
            subject,
            (&mut (), is_counted),
            (noted, Action::Accept),
            |asked, meters, report| policy.decide_behind(rule, asked, meters, report),
        ))
    }

    /// Asks the policy by `decide`; what was `noted` before comes first.
    fn rule_by(
        &mut self,
        carrier: Carrier,
        subject: &Subject<'_>,
        (meters, is_counted): (&mut dyn Meters, &dyn Fn() -> bool),
        (mut noted, fallback): (SmallVec<[Noted; 4]>, Action),
        decide: impl FnOnce(&Subject<'_>, &mut dyn Meters, &mut dyn FnMut(Match<'_>)) -> Ruling,
    ) -> Untold {
        let timed = self.timed(subject);
        let asked = timed.as_ref().unwrap_or(subject);
        let mut metered = Metered {
            metering: self.metering,
            policy: self.policy,
            now: self.now,
            link: self.port.link,
            carrier,
            others: meters,
            is_counted,
            evicted: false,
        };
        let mut ruling = decide(asked, &mut metered, &mut |matched: Match<'_>| {
            noted.push(Noted {
                rule: matched.index,
                reason: matched.reason,
                would: matched.dry_run.then(|| verdict_of(matched.rule.action)),
            });
        });
        if metered.evicted {
            self.limit(LimitKind::Meters);
        }
        if ruling.rule.is_none() && !ruling.action.stops() {
            ruling.action = fallback;
        }
        Untold {
            judgement: judgement(&ruling, subject, &noted),
            ruling,
            noted,
            counted: None,
        }
    }

    /// Tells that `ruling`, made elsewhere, takes the place of what was ruled about `subject`, and what was
    /// said in the place of the message.
    pub(crate) fn overrule(
        &mut self,
        arrival: &Arrival,
        subject: &Subject<'_>,
        ruling: Ruling,
        counted: Option<Counted>,
        reply: Option<Injected>,
    ) -> Outcome {
        let untold = Untold {
            judgement: judgement(&ruling, subject, &[]),
            ruling,
            noted: SmallVec::new(),
            counted,
        };
        self.tell_all(arrival.carrier, subject, &untold, reply);
        untold.judgement.outcome
    }

    /// The code by which a rule refuses CoAP, if it names one.
    pub(crate) fn refusal(&self, rule: Option<RuleIndex>) -> Option<Code> {
        self.policy.rules().get(rule?.as_usize())?.refusal
    }

    /// The room for what a message `opens`, and for a session that takes the place of another.
    pub(crate) fn room<'r>(
        &self,
        arrival: &Arrival,
        opens: Held,
        replaces: Option<SessionPart>,
    ) -> Room<'r>
    where
        'a: 'r,
    {
        let (flow, _) = arrival.carrier.key(self.port.link, &arrival.endpoints);
        Room {
            holdings: self.holdings,
            policy: self.policy,
            flow,
            opens,
            replaces,
        }
    }

    /// The subject with the time on the wall, where a rule asks for that.
    pub(crate) fn timed<'s>(&self, subject: &Subject<'s>) -> Option<Subject<'s>> {
        self.policy.asks_time().then(|| Subject {
            unix_s: self.wall.at(self.now),
            ..*subject
        })
    }

    /// Whether the gateway is a monitor: what comes in goes out as it came.
    pub(crate) fn is_monitor(&self) -> bool {
        self.policy.mode() == Mode::Monitor
    }

    /// A bound was hit.
    pub(crate) fn limit(&mut self, kind: LimitKind) {
        self.sink.count(Count::Limit(kind));
    }

    #[inline]
    fn tell_part(
        &mut self,
        carrier: Carrier,
        subject: &Subject<'_>,
        untold: &Untold,
        reply: Option<Injected>,
    ) {
        let is_silent = untold.noted.is_empty() && untold.ruling.rule.is_none();
        if !(is_silent && subject.reasons.is_empty()) {
            self.tell_all(carrier, subject, untold, reply);
        }
    }

    #[cold]
    fn tell_all(
        &mut self,
        carrier: Carrier,
        subject: &Subject<'_>,
        untold: &Untold,
        reply: Option<Injected>,
    ) {
        let (ruling, outcome) = (&untold.ruling, &untold.judgement.outcome);
        // What a limit raises (a ratio of bytes) is known only once the rules have been asked.
        let by_limit = ruling
            .reason
            .filter(|reason| !subject.reasons.contains(reason));
        for reason in subject.reasons.iter().copied().chain(by_limit) {
            self.sink.count(Count::Reason(reason));
        }
        let event = self.event_on(carrier, subject, outcome, reply);
        for note in &untold.noted {
            let (rule, enforced) = (note.rule, note.would.is_none());
            self.sink.count(Count::Rule { rule, enforced });
            self.sink.event(&Event {
                rule: Some(rule),
                reason: note.reason,
                would: note.would,
                ..event
            });
        }
        match ruling.rule {
            Some(rule) => {
                let enforced = ruling.enforced;
                self.sink.count(Count::Rule { rule, enforced });
                let ban = ruling.ban.filter(|ban| !ban.source.addr().is_unspecified());
                // A rule that accepts is an exception the operator made: nothing to report.
                if ruling.action.stops() {
                    self.sink.event(&Event {
                        rule: Some(rule),
                        reason: ruling.reason,
                        would: outcome.would,
                        counted: untold.counted,
                        ban,
                        ..event
                    });
                }
                if let Some(ban) = ban {
                    self.sink.ban(ban, rule, self.generation);
                }
            }
            None if !subject.reasons.is_empty() => self.sink.event(&Event {
                kind: EventKind::Anomaly,
                reason: ruling.reason.or(subject.reasons.first().copied()),
                would: outcome.would,
                ..event
            }),
            None => {}
        }
    }

    /// A message was judged.
    fn tell_message(
        &mut self,
        carrier: Carrier,
        kind: MessageKind,
        subject: &Subject<'_>,
        outcome: &Outcome,
        reply: Option<Injected>,
    ) {
        if S::TAKES_MESSAGES {
            self.sink.event(&Event {
                kind: EventKind::Message,
                reason: outcome.reason,
                rule: outcome.rule,
                would: outcome.would,
                ..self.event_on(carrier, subject, outcome, reply)
            });
        }
        let direction = subject.direction;
        self.sink.count(Count::Message {
            kind,
            direction,
            verdict: outcome.verdict,
        });
    }

    /// What all events on `subject` have in common.
    fn event_on<'e>(
        &self,
        carrier: Carrier,
        subject: &'e Subject<'e>,
        outcome: &Outcome,
        reply: Option<Injected>,
    ) -> Event<'e> {
        let (key, _) = carrier.key(self.port.link, &subject.endpoints);
        Event {
            at: self.now,
            kind: EventKind::Alert,
            flow_id: key.id(self.flow_id_key),
            port: self.port,
            subject,
            reason: None,
            rule: None,
            verdict: outcome.verdict,
            would: None,
            reply,
            counted: None,
            ban: None,
            generation: self.generation,
        }
    }
}

/// What is said in the place of a message stopped so: over TCP always the same. In datagrams only CoAP
/// says something, and tells what.
fn usual_reply(subject: &Subject<'_>, verdict: Verdict) -> Option<Injected> {
    match verdict {
        _ if subject.service.is_udp() => None,
        Verdict::Reset => Some(Injected::Reset),
        Verdict::Refuse => Some(Injected::Refusal),
        Verdict::Drop if is_of_stream(subject) => Some(Injected::Reset),
        Verdict::Accept | Verdict::Hold | Verdict::Drop | Verdict::Challenge => None,
    }
}

/// Whether its connection ends with what is dropped: a stream goes on for want of no part of it. Segments
/// that don't belong to one are dropped alone, and who has taken leave sees a FIN.
fn is_of_stream(subject: &Subject<'_>) -> bool {
    let is_below = matches!(
        subject.protocol,
        Protocol::Ip | Protocol::Tcp | Protocol::Udp
    );
    let has_left = subject
        .reasons
        .contains(&policy::Reason::MQTT_SESSION_AFTER_DISCONNECT);
    !is_below && !has_left
}

/// Protocol and type of the message that `subject` is about; none if it is about a frame.
#[inline]
fn message_kind(subject: &Subject<'_>) -> Option<MessageKind> {
    let is_malformed = || subject.reasons.iter().any(|reason| reason.is_malformed());
    Some(match subject.message {
        Message::Mqtt(packet) => MessageKind::Mqtt(packet.packet_type()),
        Message::Coap(_) | Message::CoapTcp(_) => {
            let code = subject.message.coap().map_or(Code::EMPTY, |m| m.code());
            match code {
                Code::EMPTY => MessageKind::CoapEmpty,
                _ => MessageKind::Coap {
                    class: code.class(),
                },
            }
        }
        Message::Hello(_) => MessageKind::Tls,
        Message::None => match subject.protocol {
            Protocol::Mqtt | Protocol::Coap if is_malformed() => MessageKind::Malformed,
            Protocol::Tls | Protocol::Dtls => MessageKind::Tls,
            _ => return None,
        },
    })
}

/// A rule that asked for no detection has nothing to do with those that there are.
fn judgement(ruling: &Ruling, subject: &Subject<'_>, noted: &[Noted]) -> Judgement {
    let raised = match ruling.rule {
        Some(_) => None,
        None => subject.reasons.first().copied(),
    };
    let ruled = verdict_of(ruling.action);
    let tried = noted.iter().find_map(|note| note.would);
    let (action, would) = match ruling.enforced {
        true => (ruling.action, tried),
        false => (
            Action::Accept,
            ruling.action.stops().then_some(ruled).or(tried),
        ),
    };
    let verdict = verdict_of(action);
    Judgement {
        action,
        outcome: Outcome {
            verdict,
            forward: verdict == Verdict::Accept,
            reason: ruling.reason.or(raised),
            rule: ruling.rule,
            would,
        },
    }
}
