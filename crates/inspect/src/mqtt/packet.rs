//! One control packet under judgement.

use policy::{Action, Message, Meters, Protocol, Reason, Subject};
use smallvec::SmallVec;
use wire::mqtt::{ControlPacket, FixedHeader, Malformed, PacketType, Publish, QoS, Version, Will};
use wire::{Decoded, Direction};

use super::alias::Room;
use super::registry::Lease;
use super::session::Stage;
use super::{Session, refusal, resync};
use crate::app::Denial;
use crate::context::{Arrival, Context, Judgement};
use crate::framer::{Reading, Step};
use crate::shared::Shared;
use crate::tcp::exception;
use crate::{LimitKind, Outcome, Sink};

/// A session at work on some bytes.
pub(super) struct Scene<'a, 'c, S> {
    pub(super) session: &'a mut Session,
    pub(super) cx: &'a mut Context<'c, S>,
    pub(super) arrival: &'a Arrival,
    pub(super) shared: &'a Shared,
    /// What is to be said of the bytes so far.
    pub(super) outcome: Outcome,
    /// The hold on a name that the packet gives its session, if it is let through.
    pub(super) claim: Option<Lease>,
}

/// Detections on one control packet, the gravest first.
type Reasons = SmallVec<[Reason; 4]>;

impl<S: Sink> Scene<'_, '_, S> {
    /// Judges the control packet at the start of `bytes`, if enough of it is there.
    pub(super) fn handle_packet(&mut self, bytes: &[u8]) -> Step {
        let header = match FixedHeader::decode(bytes) {
            Ok(Decoded::Complete { message, .. }) => message,
            Ok(Decoded::Incomplete { need }) => return Step::Need(need),
            Err(malformed) => return self.unreadable(bytes, None, malformed),
        };
        if header.packet_len() > self.cx.limits.mqtt_packet_bytes {
            return self.too_large(&header);
        }
        if bytes.len() >= header.packet_len() {
            return self.handle_whole(&bytes[..header.packet_len()], &header);
        }
        if self.has_to_be_whole(&header) {
            return Step::Need(header.packet_len());
        }
        if header.packet_type != PacketType::Connect
            && !self.session.version_is_guess
            && let Err(malformed) = header.check(self.session.version)
        {
            return self.unreadable(bytes, Some(&header), malformed);
        }
        if header.packet_type == PacketType::Publish && self.session.stage != Stage::Opening {
            return self.handle_prefix(bytes, &header);
        }
        self.wait_for(header.packet_len(), &header)
    }

    fn handle_whole(&mut self, bytes: &[u8], header: &FixedHeader) -> Step {
        let direction = self.arrival.direction;
        self.guess_version(bytes, direction);
        let version = self.session.version;
        // What only the other end may send is read as if that had sent it: that it didn't is the
        // point, and not what stands inside.
        let sent_by = match header.packet_type.sent_by(direction, version) {
            true => direction,
            false => direction.reverse(),
        };
        match ControlPacket::decode_after(header, bytes, version, sent_by) {
            Ok(Decoded::Complete { message, len }) => self.judge_packet(&message, len, len),
            Ok(Decoded::Incomplete { need }) => Step::Need(need.max(bytes.len() + 1)),
            Err(malformed) => self.unreadable(bytes, Some(header), malformed),
        }
    }

    /// Whether a PUBLISH is waited for although what precedes its payload may be there.
    fn has_to_be_whole(&self, header: &FixedHeader) -> bool {
        header.packet_type == PacketType::Publish && self.has_to_be_read(header.packet_len())
    }

    /// Whether so many bytes of payload are waited for: a rule looks into payloads. One larger than that passes
    /// as before, and fits no such rule. What precedes it doesn't count, or it could be made to hide it.
    fn has_to_be_read(&self, payload_len: usize) -> bool {
        self.session.stage != Stage::Opening
            && payload_len <= self.cx.limits.partial_bytes
            && self.cx.policy.looks_into_payloads()
    }

    /// A PUBLISH of QoS 0 reads alike in all versions, a SUBSCRIBE doesn't: where nobody said which one
    /// is spoken, each packet may show it.
    fn guess_version(&mut self, packet: &[u8], direction: Direction) {
        if self.session.version_is_guess
            && let Some(version) = resync::version_of(packet, self.session.version, direction)
        {
            self.session.version = version;
        }
    }

    /// Judges a PUBLISH by what precedes its payload.
    fn handle_prefix(&mut self, bytes: &[u8], header: &FixedHeader) -> Step {
        let (version, direction) = (self.session.version, self.arrival.direction);
        match Publish::decode_prefix(bytes, version, direction) {
            Ok(Decoded::Complete { message, .. })
                if bytes.len() < header.packet_len()
                    && self.has_to_be_read(message.payload_len) =>
            {
                self.wait_for(header.packet_len(), header)
            }
            Ok(Decoded::Complete { message, len }) => {
                self.judge_packet(&ControlPacket::Publish(message), header.packet_len(), len)
            }
            Ok(Decoded::Incomplete { need }) => self.wait_for(need, header),
            Err(_) if self.session.version_is_guess && version != Version::V5 => {
                self.session.version = Version::V5;
                self.handle_prefix(bytes, header)
            }
            Err(malformed) => self.unreadable(bytes, Some(header), malformed),
        }
    }

    /// Asks for more of a packet, unless that is more than is ever kept of one.
    fn wait_for(&mut self, need: usize, header: &FixedHeader) -> Step {
        if need <= self.shared.partial.largest() {
            return Step::Need(need);
        }
        self.cx.limit(LimitKind::Partial);
        self.too_large(header)
    }

    /// A packet whose beginning is kept, when there is no room for more of it.
    pub(super) fn handle_unkept(&mut self) -> Option<Step> {
        let framer = self.session.framers.at(self.arrival.direction);
        let Ok(Decoded::Complete { message, .. }) = FixedHeader::decode(framer.kept()) else {
            return None;
        };
        self.cx.limit(LimitKind::Partial);
        Some(self.too_large(&message))
    }

    /// Judges a packet of `size` bytes, of which `len` are at hand.
    fn judge_packet(&mut self, packet: &ControlPacket<'_>, size: usize, len: usize) -> Step {
        let reasons = self.reasons_against(packet, size);
        let fallback = match reasons.contains(&Reason::LIMITS_TOPIC_ALIASES) {
            true => exception(self.cx.limits.exception),
            false => Action::Accept,
        };
        let judgement = self.ask(Some(packet), &reasons, size, fallback);
        if judgement.action.stops() {
            self.give_up_claim();
            let refusal = self.refusal(judgement.action, Some(packet));
            let is_leave = judgement.action == Action::Drop && self.session.client_has_left();
            return Step::Denied(Denial { refusal, is_leave });
        }
        let direction = self.arrival.direction;
        if let ControlPacket::Connect(connect) = packet
            && let Some(will) = &connect.will
        {
            let judgement = self.judge_will(packet, will);
            if judgement.action.stops() {
                let refusal = self.refusal(judgement.action, Some(packet));
                return Step::Denied(Denial::saying(refusal));
            }
        }
        self.note_heard();
        self.note_memories(packet);
        self.session
            .note(packet, direction, self.shared, self.cx.sink);
        self.note_across(packet);
        self.note_held(packet);
        self.pass(len, size - len)
    }

    /// A control packet has come, whole or as far as it takes to judge it. A client that wasn't let in yet has to
    /// wait for its server's word, and has its time from there.
    fn note_heard(&mut self) {
        let is_client_s = self.arrival.direction == Direction::ToServer;
        if is_client_s || self.session.stage == Stage::Connecting {
            self.session.heard = self.cx.now;
        }
    }

    /// Judges the will of a CONNECT as the PUBLISH it is to become: what a client may not say itself,
    /// its server doesn't say for it.
    fn judge_will(&mut self, connect: &ControlPacket<'_>, will: &Will<'_>) -> Judgement {
        let publish = ControlPacket::Publish(will.as_publish());
        let subject = Subject {
            message: Message::Mqtt(&publish),
            session: self.session.known(Some(connect), self.arrival.direction),
            size: will_size(will),
            ..self.arrival.detection(Protocol::Mqtt, &[])
        };
        let carrier = self.arrival.carrier;
        let judgement = self
            .cx
            .judge_part(carrier, Action::Accept, &subject, &mut ());
        self.outcome.add(&judgement.outcome);
        judgement
    }

    /// Takes note of what a packet asks to be remembered, and counts what there is no room for.
    fn note_memories(&mut self, packet: &ControlPacket<'_>) {
        let direction = self.arrival.direction;
        if !packet
            .packet_type()
            .sent_by(direction, self.session.version)
        {
            return;
        }
        if let ControlPacket::SubAck(suback) = packet {
            self.session.note_granted(suback);
        }
        let most = self.cx.limits.in_flight;
        if !self
            .session
            .note_delivery(packet, direction, most, &self.shared.windows)
        {
            self.cx.limit(LimitKind::InFlight);
        }
        match packet {
            ControlPacket::Publish(publish) => {
                if let Some(alias) = publish.topic_alias() {
                    self.note_alias(publish, alias);
                }
            }
            ControlPacket::Subscribe(subscribe) => {
                let most = self.cx.limits.subscription_bytes;
                if !self.session.note_subscriptions(subscribe, most) {
                    self.cx.limit(LimitKind::Subscriptions);
                }
            }
            _ => {}
        }
    }

    fn note_alias(&mut self, publish: &Publish<'_>, alias: u16) {
        if publish.topic.is_empty() {
            return;
        }
        let room = Room {
            own: self.cx.limits.topic_alias_bytes,
            common: self.cx.limits.topic_alias_common_bytes,
            total: &self.shared.alias_total,
        };
        let topic = publish.topic.as_str();
        let direction = self.arrival.direction;
        if !self.session.note_alias(alias, topic, direction, room) {
            self.cx.limit(LimitKind::TopicAliases);
        }
    }

    /// What the session has against a packet that reads well by itself.
    fn reasons_against(&mut self, packet: &ControlPacket<'_>, size: usize) -> Reasons {
        let mut reasons = Reasons::new();
        let direction = self.arrival.direction;
        let session = &*self.session;
        let is_sender_s = packet.packet_type().sent_by(direction, session.version);
        if is_sender_s {
            // One that comes at the wrong time isn't looked at any further.
            let gravest = session
                .check_order(packet, direction)
                .or_else(|| session.check_authentication(packet, direction));
            match gravest {
                Some(reason) => reasons.push(reason),
                None => {
                    note(&mut reasons, session.check_terms(packet, direction, size));
                    note(&mut reasons, session.check_delivery(packet, direction));
                    let most = self.cx.limits.in_flight;
                    note(&mut reasons, session.check_room(packet, direction, most));
                    note(&mut reasons, session.check_subscribed(packet, direction));
                    note(&mut reasons, session.check_shared(packet));
                    note(&mut reasons, session.check_ping(packet));
                }
            }
        } else {
            reasons.push(match direction {
                Direction::ToServer => Reason::MQTT_SPOOFED_SERVER_PACKET,
                Direction::ToClient => Reason::MQTT_SPOOFED_CLIENT_PACKET,
            });
        }
        let is_connect = matches!(packet, ControlPacket::Connect(_));
        if is_connect && direction == Direction::ToServer && self.needs_tls() {
            reasons.push(Reason::TLS_REQUIRED);
        }
        note(&mut reasons, self.reason_across(packet));
        if !packet.anomalies().is_empty() {
            reasons.extend(packet.anomalies().iter().map(Reason::from));
        }
        reasons
    }

    fn needs_tls(&self) -> bool {
        let endpoints = &self.arrival.endpoints;
        self.cx
            .policy
            .requires_tls(endpoints.source, endpoints.from)
    }

    /// A packet larger than may be.
    fn too_large(&mut self, header: &FixedHeader) -> Step {
        self.unread(&[Reason::MQTT_TOO_LARGE], Some(header), header.packet_len())
    }

    /// A packet that breaks a clause, or isn't one at all.
    fn unreadable(
        &mut self,
        bytes: &[u8],
        header: Option<&FixedHeader>,
        malformed: Malformed,
    ) -> Step {
        let size = header.map_or(bytes.len(), FixedHeader::packet_len);
        match self.judge_unread(&[Reason::from(malformed)], size) {
            Ok(()) => self
                .read_as_31(bytes, header)
                .unwrap_or_else(|| self.skip(header)),
            Err(denial) => Step::Denied(denial),
        }
    }

    /// A packet that nobody reads.
    fn unread(&mut self, reasons: &[Reason], header: Option<&FixedHeader>, size: usize) -> Step {
        match self.judge_unread(reasons, size) {
            Ok(()) => self.skip(header),
            Err(denial) => Step::Denied(denial),
        }
    }

    fn judge_unread(&mut self, reasons: &[Reason], size: usize) -> Result<(), Denial> {
        let judgement = self.ask(None, reasons, size, Action::Drop);
        if judgement.action.stops() {
            let refusal = self.refusal(judgement.action, None);
            return Err(Denial::saying(refusal));
        }
        Ok(())
    }

    /// What a rule lets through although 3.1.1 forbids it, read as 3.1 reads it: it has the same form
    /// there, packet identifier 0 and DUP included, and the other rules get to see it.
    fn read_as_31(&mut self, bytes: &[u8], header: Option<&FixedHeader>) -> Option<Step> {
        let header = header.filter(|header| header.packet_type != PacketType::Connect)?;
        if self.session.version != Version::V311 {
            return None;
        }
        let (size, direction) = (header.packet_len(), self.arrival.direction);
        if bytes.len() < size {
            let is_publish = header.packet_type == PacketType::Publish;
            return match is_publish
                .then(|| Publish::decode_prefix(bytes, Version::V31, direction))?
            {
                Ok(Decoded::Complete { message, len }) => {
                    Some(self.judge_packet(&ControlPacket::Publish(message), size, len))
                }
                _ => None,
            };
        }
        match ControlPacket::decode(&bytes[..size], Version::V31, direction) {
            Ok(Decoded::Complete { message, len }) => Some(self.judge_packet(&message, len, len)),
            _ => None,
        }
    }

    /// Lets a packet through unread. If it is known where it ends, reading goes on after it.
    fn skip(&mut self, header: Option<&FixedHeader>) -> Step {
        let skipped = header.filter(|header| header.packet_type != PacketType::Connect);
        match skipped {
            Some(header) => {
                self.note_heard();
                self.session.lose_track();
                self.pass(0, header.packet_len())
            }
            // Without its CONNECT, or out of step, a connection can't be read.
            None => {
                self.session.lose(Direction::ToServer);
                self.session.lose(Direction::ToClient);
                Step::Passed(0)
            }
        }
    }

    fn ask(
        &mut self,
        packet: Option<&ControlPacket<'_>>,
        reasons: &[Reason],
        size: usize,
        fallback: Action,
    ) -> Judgement {
        let subject = Subject {
            message: packet.map_or(Message::None, Message::Mqtt),
            session: self.session.known(packet, self.arrival.direction),
            size,
            ..self.arrival.detection(Protocol::Mqtt, reasons)
        };
        let mut room = packet.and_then(|packet| self.room(packet, &subject));
        let meters: &mut dyn Meters = match &mut room {
            Some(room) => room,
            None => &mut (),
        };
        let judgement = self.cx.judge_or(fallback, self.arrival, &subject, meters);
        self.outcome.add(&judgement.outcome);
        judgement
    }

    fn refusal(&self, action: Action, packet: Option<&ControlPacket<'_>>) -> Vec<u8> {
        let between_packets =
            self.session.framers.at(Direction::ToClient).reading == Reading::Boundary;
        if action != Action::Refuse || !between_packets {
            return Vec::new();
        }
        refusal::of(packet, self.arrival.direction, self.session)
    }

    /// Lets `len` bytes through, and after them `remaining` bytes of the same packet.
    fn pass(&mut self, len: usize, remaining: usize) -> Step {
        let framer = self.session.framers.at_mut(self.arrival.direction);
        framer.pass(remaining);
        Step::Passed(len)
    }
}

/// Puts down a detection, if there is one: mostly there is none, and that costs next to nothing.
fn note(reasons: &mut Reasons, found: Option<Reason>) {
    if let Some(reason) = found {
        reasons.push(reason);
    }
}

/// Bytes of the PUBLISH a will becomes, as the server would send it with the shortest length.
fn will_size(will: &Will<'_>) -> usize {
    let id = if will.qos == QoS::AtMostOnce { 0 } else { 2 };
    let body = 2 + will.topic.len() + id + will.properties.len() + will.payload.len();
    let length = 1 + [127, 16_383, 2_097_151]
        .iter()
        .filter(|most| body > **most)
        .count();
    1 + length + body
}
