//! TCP in the packet path: nothing is terminated, everything is put in order (DESIGN section 4).
//!
//! Per direction a [`Half`](half::Half) keeps the next sequence number to inspect, the bytes forwarded
//! and not yet acknowledged, and the segments that came too early. What belongs to the stream goes to
//! the [`App`] in order; what doesn't is dropped, and what the app denies is cut off and both ends
//! are reset.
//!
//! What a receiver may not have got, and an inline gateway can't know it (a hop limit that ends behind the
//! gateway, an option its stack rejects, plain loss), counts as forwarded: the same numbers may only come
//! again with the same bytes.
//!
//! RFC 9293 (TCP), RFC 7323 (window scaling, timestamps), RFC 5961 (blind attacks), RFC 6093 (urgent data).

mod answer;
mod blocks;
mod clock;
mod control;
mod duplicate;
mod expiry;
#[cfg(test)]
mod fixture;
mod foreign;
mod half;
mod handshake;
mod held;
mod midstream;
mod multipath;
mod segment;
mod seq;
mod stream;
mod teardown;
mod unacked;
mod window;

use policy::{Action, Protocol, Reason, RuleIndex, Service};
use wire::Direction;
use wire::net::TcpFlags;

use crate::app::{App, Denial};
use crate::context::{Arrival, Context, Judgement};
use crate::flow::Class;
use crate::shared::Shared;
use crate::{Count, Exception, FlowEnd, Frame, Instant, LimitKind, Outcome, Sink, Verdict};

use expiry::Stations;
use half::{Half, Place};
use multipath::Multipath;
use seq::Seq;

pub(crate) use answer::REFUSAL_BYTES;
pub(crate) use held::HeldTotal;
pub(crate) use multipath::handle_stray;
pub(crate) use segment::Segment;
pub(crate) use unacked::UnackedTotal;

/// RSTs that each end of a connection draws at most once it was torn down.
const ANSWERS: u8 = 16;

/// One connection.
#[derive(Debug)]
pub(crate) struct Connection {
    phase: Phase,
    /// By [`Direction`] of travel.
    halves: [Half; 2],
    app: App,
    /// RSTs that the sender of each direction may still draw once it was torn down.
    answers_left: [u8; 2],
    multipath: Multipath,
    /// It may go unread until the beginning of a message is found, for as long as others may.
    may_seek: bool,
    /// When a challenge ACK was last sent.
    challenged: Instant,
    /// Which way the RST went that ended it.
    broken_off: Option<Direction>,
    /// Where its ends are on the link, once both were heard.
    stations: Option<Stations>,
}

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// A SYN was seen. Its receiver may still have an older connection, and acknowledge that instead.
    Handshake { disowned: Option<Seq> },
    /// A connection older than the gateway, of which one end was heard.
    Midstream,
    /// Both ends hear each other.
    Established,
    /// Both ends have said FIN, or one an acceptable RST.
    Finished,
    /// Weir has torn it down.
    Denied(Grounds),
    /// It belongs to no service.
    Foreign { is_over: bool },
}

impl Phase {
    const HANDSHAKE: Self = Self::Handshake { disowned: None };
}

/// What of one end's segments is answered with a RST once their connection was torn down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answers {
    /// Every segment, as at a closed port (RFC 9293 §3.10.7.1): the first RST may have been lost.
    All,
    /// Those that carry something: the end was refused in its own protocol, and may read that first.
    Data,
    /// Those that carry something, with an acknowledgement: the end closes as it likes, unheard.
    Taken,
}

/// Why a connection was torn down, for those who go on sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Grounds {
    reason: Option<Reason>,
    rule: Option<RuleIndex>,
    /// What the sender of each direction hears who goes on.
    answers: [Answers; 2],
}

impl Connection {
    fn new(phase: Phase, app: App) -> Self {
        Self {
            phase,
            halves: [Half::default(), Half::default()],
            app,
            answers_left: [ANSWERS; 2],
            multipath: Multipath::Unheard,
            may_seek: true,
            challenged: Instant::ZERO,
            broken_off: None,
            stations: None,
        }
    }

    /// A connection whose SYN is at hand.
    pub(crate) fn opening(service: Service, now: Instant) -> Self {
        Self::new(Phase::HANDSHAKE, App::new(service, now))
    }

    /// The class of the flow table it belongs to.
    pub(crate) fn class(&self) -> Class {
        match self.phase {
            Phase::Handshake { .. } | Phase::Midstream => Class::HalfOpen,
            Phase::Established => Class::Established,
            Phase::Foreign { is_over: false } if self.halves.iter().any(|half| !half.heard) => {
                Class::HalfOpen
            }
            Phase::Foreign { is_over: false } => Class::Established,
            Phase::Finished if self.broken_off.is_some() => Class::Severed,
            Phase::Finished | Phase::Foreign { is_over: true } => Class::Lingering,
            Phase::Denied(_) => Class::Severed,
        }
    }

    /// How its flow ends if it ends now.
    pub(crate) fn end(&self) -> FlowEnd {
        match self.phase {
            Phase::Handshake { .. }
            | Phase::Midstream
            | Phase::Established
            | Phase::Foreign { is_over: false } => FlowEnd::Idle,
            Phase::Finished | Phase::Foreign { is_over: true } => FlowEnd::Finished,
            Phase::Denied(_) => FlowEnd::Denied,
        }
    }

    /// Whether a SYN starts a new connection in its place.
    pub(crate) fn gives_way_to(&self, segment: &Segment, direction: Direction) -> bool {
        segment.is_opening()
            && match self.phase {
                // Of one that is read, a server opens none: see [`Connection::foreign`].
                Phase::Finished | Phase::Denied(_) => direction == Direction::ToServer,
                Phase::Foreign { .. } => true,
                Phase::Handshake { .. } | Phase::Midstream | Phase::Established => false,
            }
    }

    /// Gives up all memory beyond its own.
    pub(crate) fn close<S: Sink>(&mut self, now: Instant, shared: &Shared, sink: &mut S) {
        for half in &mut self.halves {
            half.clear(shared);
        }
        let closing = self.app.close(now, shared);
        if closing.was_open {
            sink.count(Count::Session { opened: false });
        }
        if closing.evicted {
            sink.count(Count::Limit(LimitKind::Clients));
        }
    }

    /// The half a segment travels in, and the other.
    fn split(&mut self, direction: Direction) -> (&mut Half, &mut Half) {
        let [to_server, to_client] = &mut self.halves;
        match direction {
            Direction::ToServer => (to_server, to_client),
            Direction::ToClient => (to_client, to_server),
        }
    }
}

/// A connection at work on one segment.
pub(crate) struct Work<'a, 'b, 'c, S> {
    pub(crate) cx: &'a mut Context<'c, S>,
    pub(crate) shared: &'a Shared,
    pub(crate) arrival: &'a Arrival,
    pub(crate) segment: &'a Segment,
    pub(crate) frame: &'a mut Frame<'b>,
    pub(crate) connection: &'a mut Connection,
    /// Whether the table has room for one more established flow.
    pub(crate) has_room: bool,
    pub(crate) standing: Standing,
}

/// Where the frame at hand stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It has just come in, and its caller sends it on, if anyone does.
    Arrived,
    /// It was held: it isn't the caller's any more, and leaves by injection.
    Held,
    /// It has gone on long since, past a monitor: what is at hand was kept of it to be read in its turn.
    Gone,
}

impl<S: Sink> Work<'_, '_, '_, S> {
    /// Judges the segment, whose checksum and flags are known to be possible.
    pub(crate) fn handle_segment(&mut self) -> Outcome {
        let is_foreign = matches!(self.connection.phase, Phase::Foreign { .. });
        if !self.segment.is_multipath || is_foreign {
            return self.handle_in_phase();
        }
        let mut outcome = self.handle_multipath();
        if outcome.forward {
            outcome.add(&self.handle_in_phase());
        }
        outcome
    }

    fn handle_in_phase(&mut self) -> Outcome {
        match self.connection.phase {
            Phase::Finished => self.handle_finished(),
            Phase::Denied(grounds) => self.handle_denied(grounds),
            Phase::Foreign { .. } => self.handle_foreign(),
            _ if self.segment.has(TcpFlags::SYN) => self.handle_syn(),
            _ if self.segment.is_rst() => self.handle_rst(),
            Phase::Handshake { .. } | Phase::Midstream if !self.has_room => self.no_room(),
            Phase::Handshake { .. } => {
                if self.connection.halves.iter().all(|half| half.heard) {
                    self.handle_stream()
                } else {
                    self.handle_unopened()
                }
            }
            Phase::Midstream => self.handle_midstream(),
            Phase::Established => self.handle_stream(),
        }
    }

    /// A segment within a connection: its acknowledgement, then its bytes.
    fn handle_stream(&mut self) -> Outcome {
        let segment = self.segment;
        let (ours, theirs) = self.connection.split(self.arrival.direction);
        if !theirs.accepts_ack(segment.ack) {
            return self.violation(Reason::TCP_OUT_OF_WINDOW);
        }
        let place = ours.place(segment);
        if place == Place::Outside {
            return self.violation(Reason::TCP_OUT_OF_WINDOW);
        }
        let brings_bytes = matches!(place, Place::InOrder | Place::Early) && segment.len() > 0;
        if brings_bytes && ours.is_outdated(segment, theirs, self.cx.now) {
            return self.violation(Reason::TCP_OLD_TIMESTAMP);
        }
        if segment.says_sack {
            (ours.takes_sack, theirs.takes_sack) = (true, true);
        }
        let window = self.bound_window();
        let (_, theirs) = self.connection.split(self.arrival.direction);
        theirs.note_ack(segment.ack, window, self.shared);
        let outcome = if segment.has(TcpFlags::URG) {
            self.handle_urgent(place)
        } else if segment.len() == 0 {
            Outcome::ACCEPT
        } else {
            self.handle_bytes(place)
        };
        if matches!(outcome.verdict, Verdict::Accept | Verdict::Hold) {
            let (ours, _) = self.connection.split(self.arrival.direction);
            ours.note_clock(segment, self.cx.now);
        }
        if outcome.forward {
            self.tell_what_was_held();
        }
        self.note_progress();
        outcome
    }

    /// Urgent data: receivers disagree on which bytes belong to the stream (RFC 6093 §3.1).
    fn handle_urgent(&mut self, place: Place) -> Outcome {
        let judgement = self.judge_tcp(Reason::TCP_URGENT, Action::Drop);
        if judgement.action.stops() {
            return self.carry_out(judgement);
        }
        let mut outcome = judgement.outcome;
        outcome.add(&self.handle_bytes(place));
        outcome
    }

    /// Moves on once both ends have acknowledged each other's SYN, or FIN.
    fn note_progress(&mut self) {
        let halves = &self.connection.halves;
        match self.connection.phase {
            Phase::Handshake { .. } if halves.iter().all(Half::syn_acknowledged) => {
                self.note_established();
            }
            Phase::Established if halves.iter().all(Half::fin_acknowledged) => self.finish(),
            _ => {}
        }
    }

    fn note_established(&mut self) {
        self.connection.phase = Phase::Established;
        self.connection.stations = Stations::of(self.frame.as_slice(), self.arrival.direction);
    }

    fn finish(&mut self) {
        self.connection.phase = Phase::Finished;
        self.connection
            .close(self.cx.now, self.shared, self.cx.sink);
    }

    /// The table is full of flows that must not be evicted.
    pub(crate) fn no_room(&mut self) -> Outcome {
        self.cx.limit(LimitKind::Flows);
        let fallback = exception(self.cx.limits.exception);
        self.judge_tcp(Reason::LIMITS_FLOW_TABLE, fallback).outcome
    }

    /// A segment that doesn't belong: dropped, unless a rule or monitor mode lets it pass unread. It
    /// may be anybody's, so that the connection doesn't suffer for it.
    fn violation(&mut self, reason: Reason) -> Outcome {
        let judgement = self.judge_tcp(reason, Action::Drop);
        match judgement.action.stops() {
            true => Outcome::dropped_by(&judgement.outcome),
            false => judgement.outcome,
        }
    }

    /// Carries out a ruling on a segment that is its sender's own.
    fn carry_out(&mut self, judgement: Judgement) -> Outcome {
        match judgement.action {
            Action::Reset | Action::Refuse => self.deny(judgement.outcome, &Denial::default(), 0),
            _ => judgement.outcome,
        }
    }

    fn judge_tcp(&mut self, reason: Reason, fallback: Action) -> Judgement {
        let reasons = [reason];
        let subject = self.arrival.detection(Protocol::Tcp, &reasons);
        self.cx.judge_or(fallback, self.arrival, &subject, &mut ())
    }
}

/// What is done with traffic that a bound leaves no room for.
pub(crate) fn exception(exception: Exception) -> Action {
    match exception {
        Exception::Drop => Action::Drop,
        Exception::Bypass => Action::Accept,
    }
}
