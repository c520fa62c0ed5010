//! From a TCP segment to its flow: looked up, opened, or taken up in the middle.

use wire::Direction;

use crate::context::{Arrival, Context};
use crate::flow::{Class, Flow, FlowKey, Tenant, Unknown};
use crate::source::{handle_martian, handle_wrong_side, is_martian};
use crate::tcp::{Connection, Segment, Standing, Work, handle_stray};
use crate::{Count, Frame, Inspector, Outcome, Sink, Verdict};

/// How a flow began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// By a SYN to a service's port, which is at hand.
    Client,
    /// By a SYN from a service's port to a port of none, which is at hand: it belongs to no service.
    Server,
    /// By a handshake that was forgotten.
    Forgotten,
    /// Unseen.
    Older,
    /// Seen, but it was forgotten to make room for others.
    Evicted,
    /// Nobody knows: the gateway should.
    Nowhere,
}

impl Inspector {
    /// A segment to or from a service, its checksum right.
    pub(crate) fn handle_tcp<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        arrival: &mut Arrival,
        segment: &Segment,
        frame: &mut Frame<'_>,
    ) -> Outcome {
        let (key, source_is_low) = arrival.carrier.key(cx.port.link, &arrival.endpoints);
        let Some(mut flow) = self.flows.lookup(&key) else {
            return self.open_flow(cx, arrival, (key, source_is_low), segment, frame, false);
        };
        let is_known =
            !self.has_lost_sight_since(flow.last_seen) || flow.state.lose_sight(&self.shared);
        let direction = flow.direction(source_is_low);
        if !is_known || flow.state.gives_way_to(segment, direction) {
            drop(flow);
            return self.open_flow(cx, arrival, (key, source_is_low), segment, frame, true);
        }
        arrival.service = flow.service;
        arrival.direction = direction;
        self.handle_in_flow(cx, arrival, segment, frame, flow)
    }

    /// A segment of a known flow.
    fn handle_in_flow<'a, S: Sink>(
        &'a self,
        cx: &mut Context<'_, S>,
        arrival: &Arrival,
        segment: &Segment,
        frame: &mut Frame<'_>,
        mut flow: Tenant<'a, Connection>,
    ) -> Outcome {
        let sender_side = match arrival.direction {
            Direction::ToServer => flow.client_side,
            Direction::ToClient => flow.client_side.opposite(),
        };
        if cx.port.side != sender_side {
            return handle_wrong_side(cx, arrival);
        }
        let mut has_room = true;
        if flow.class() == Class::HalfOpen && self.flows.is_full(cx.limits) {
            // Nobody takes a half-open flow out to make room for an established one; but its time may have come on
            // another worker just now.
            drop(flow);
            has_room = self.make_room(cx);
            let key = arrival.carrier.key(cx.port.link, &arrival.endpoints);
            match self.flows.lookup(&key.0) {
                Some(again) => flow = again,
                None => return self.open_flow(cx, arrival, key, segment, frame, false),
            }
        }
        let outcome = Work {
            cx,
            shared: &self.shared,
            arrival,
            segment,
            frame,
            connection: &mut flow.state,
            has_room,
            standing: Standing::Arrived,
        }
        .handle_segment();
        if outcome.forward || outcome.verdict == Verdict::Hold {
            flow.last_seen = cx.now;
        }
        self.settle(cx, flow, has_room);
        outcome
    }

    /// A segment of a flow that isn't known, or that takes the place of one that is over: which stays
    /// if this one isn't taken up, since the ends may not know that it is over.
    fn open_flow<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        arrival: &Arrival,
        key: (FlowKey, bool),
        segment: &Segment,
        frame: &mut Frame<'_>,
        replaces: bool,
    ) -> Outcome {
        let endpoints = &arrival.endpoints;
        let is_to_itself = endpoints.source == endpoints.destination
            && endpoints.source_port == endpoints.destination_port;
        if is_to_itself {
            return handle_wrong_side(cx, arrival);
        }
        if is_martian(endpoints.source, endpoints.destination) {
            return handle_martian(cx, arrival);
        }
        self.flows.older.note_newcomer(cx.now, cx.limits);
        let origin = self.origin(cx, arrival, &key.0, segment);
        if origin == Origin::Nowhere && arrival.layout.payload_len() == 0 {
            // It carries nothing, and its receiver knows best what to answer.
            return match segment.is_multipath {
                true => handle_stray(cx, arrival, frame),
                false => Outcome::ACCEPT,
            };
        }
        let (service, treatment) = (arrival.service, cx.policy.midstream());
        let mut connection = match origin {
            Origin::Client => Connection::opening(service, cx.now),
            Origin::Server => Connection::foreign(),
            Origin::Forgotten => Connection::answering(service, treatment, cx.now),
            Origin::Older | Origin::Nowhere => Connection::midstream(service, treatment),
            Origin::Evicted => Connection::evicted(service, treatment),
        };
        let has_room = !self.flows.is_full(cx.limits) || self.make_room(cx);
        let mut work = Work {
            cx,
            shared: &self.shared,
            arrival,
            segment,
            frame,
            connection: &mut connection,
            has_room,
            standing: Standing::Arrived,
        };
        let judged = match origin {
            Origin::Client | Origin::Server => Ok(work.handle_segment()),
            // The last word of a connection nobody knows: there is nothing to remember.
            _ if segment.is_rst() => return Outcome::ACCEPT,
            Origin::Forgotten | Origin::Older | Origin::Evicted => work.judge_midstream(treatment),
            Origin::Nowhere if !has_room => return work.no_room(),
            Origin::Nowhere => work.judge_unknown(),
        };
        let outcome = match judged {
            Ok(outcome) => outcome,
            Err(outcome) => return outcome,
        };
        if segment.is_opening() && !outcome.forward {
            return outcome;
        }
        if replaces {
            self.forget(&key.0, cx.sink);
        }
        self.enter(cx, arrival, key, connection, has_room);
        outcome
    }

    /// Where a flow comes from that isn't known, of which a segment is at hand.
    fn origin<S: Sink>(
        &self,
        cx: &Context<'_, S>,
        arrival: &Arrival,
        key: &FlowKey,
        segment: &Segment,
    ) -> Origin {
        if segment.is_opening() {
            return match arrival.direction {
                Direction::ToServer => Origin::Client,
                Direction::ToClient => Origin::Server,
            };
        }
        if self.is_after_handshake(cx, arrival, segment) {
            return Origin::Forgotten;
        }
        match self.flows.judge_unknown(key, cx.now) {
            Unknown::Older => Origin::Older,
            Unknown::Evicted => Origin::Evicted,
            Unknown::Nothing => Origin::Nowhere,
        }
    }

    /// Whether a segment of an unknown flow can only, or may well, follow a handshake: one that made
    /// room for others just now. Whoever could have his own forgotten by a flood of SYNs, and then be
    /// taken for older than the gateway, would go on unread.
    fn is_after_handshake<S: Sink>(
        &self,
        cx: &Context<'_, S>,
        arrival: &Arrival,
        segment: &Segment,
    ) -> bool {
        if segment.is_syn() {
            return true;
        }
        // No server speaks first: one that does has been spoken to.
        let is_answered =
            arrival.direction == Direction::ToClient && arrival.layout.payload_len() > 0;
        self.flows.forgot_handshakes(cx.now, cx.limits)
            && !self.has_lost_sight_since(cx.now - cx.limits.midstream_grace)
            && !is_answered
    }

    /// Puts a flow into the table.
    fn enter<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        arrival: &Arrival,
        (key, source_is_low): (FlowKey, bool),
        connection: Connection,
        has_room: bool,
    ) {
        let (client_is_low, client_side) = match arrival.direction {
            Direction::ToServer => (source_is_low, cx.port.side),
            Direction::ToClient => (!source_is_low, cx.port.side.opposite()),
        };
        let flow = Flow::new(
            arrival.service,
            client_is_low,
            client_side,
            cx.now,
            connection,
        );
        cx.sink.count(Count::FlowOpened(arrival.service));
        let sink = &mut *cx.sink;
        let tenant = self.flows.open(key, flow, cx.limits, &mut |departure| {
            self.depart(departure, sink);
        });
        self.settle(cx, tenant, has_room);
    }

    /// Moves a flow to the class its connection belongs to by now, and on to its next deadline.
    pub(crate) fn settle<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        mut flow: Tenant<'_, Connection>,
        has_room: bool,
    ) {
        let deadline = flow.state.deadline(cx.limits);
        self.flows.expect_by(&mut flow, deadline);
        let class = flow.state.class();
        if class == flow.class() {
            return;
        }
        flow.end = flow.state.end();
        if has_room {
            self.flows.reclass(&mut flow, class, cx.limits);
        } else {
            let key = *flow.key();
            drop(flow);
            self.forget(&key, cx.sink);
        }
    }

    fn make_room<S: Sink>(&self, cx: &mut Context<'_, S>) -> bool {
        let sink = &mut *cx.sink;
        self.flows.make_room(cx.now, cx.limits, &mut |departure| {
            self.depart(departure, sink);
        })
    }

    fn forget<S: Sink>(&self, key: &FlowKey, sink: &mut S) {
        if let Some(departure) = self.flows.remove(key) {
            self.depart(departure, sink);
        }
    }
}
