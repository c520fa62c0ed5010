//! What a session holds at once, as rules with a `max` count it, and what it has subscribed to where a rule asks.

use policy::{Message, Per, Protocol, Reason, Subject};
use smallvec::SmallVec;
use wire::Direction;
use wire::mqtt::{ControlPacket, Subscribe, Version};

use super::delivery;
use super::inflight::Step;
use super::packet::Scene;
use super::session::{Session, Stage};
use crate::holdings::{Accepted, FilterKey, Held, Holder, HolderKeys, Place, Room, Slot};
use crate::{Instant, LimitKind, Sink};

impl<'c, S: Sink> Scene<'_, 'c, S> {
    /// The room for what a packet would open, where rules ask and it opens something.
    pub(super) fn room(
        &self,
        packet: &ControlPacket<'_>,
        subject: &Subject<'_>,
    ) -> Option<Room<'c>> {
        if self.cx.policy.held_per().is_empty() {
            return None;
        }
        let opens = self.opens(packet);
        let mut room = self.cx.room(self.arrival, opens?, None);
        // Until it is accepted, another may stand in its name.
        let is_new = self.session.stage == Stage::Connecting;
        if is_new || matches!(packet, ControlPacket::Connect(_)) {
            let holdings = self.cx.holdings;
            let name = holdings.name(self.cx.policy, subject, &room.flow);
            room.replaces = name.and_then(|name| holdings.named(name));
        }
        Some(room)
    }

    fn opens(&self, packet: &ControlPacket<'_>) -> Option<Held> {
        let (session, direction) = (&*self.session, self.arrival.direction);
        let (slot, number) = match (packet, direction) {
            (ControlPacket::Connect(_), Direction::ToServer) if session.stage == Stage::Opening => {
                (Slot::Sessions, 1)
            }
            (ControlPacket::Subscribe(subscribe), Direction::ToServer) => {
                (Slot::Subscriptions, self.count_new(subscribe))
            }
            (ControlPacket::Publish(publish), _) => {
                Step::of_publish(publish.qos)?;
                let id = publish.packet_id?;
                let known = session.in_flight.entry(direction, id);
                let is_repeated = known.is_some_and(|entry| entry.step.is_message());
                (Slot::in_flight(direction), u32::from(!is_repeated))
            }
            _ => return None,
        };
        Some(Held::default().with(slot, number))
    }

    /// How many filters a SUBSCRIBE adds to those the session has.
    fn count_new(&self, subscribe: &Subscribe<'_>) -> u32 {
        let holdings = self.cx.holdings;
        let holder = self.session.holder();
        let mut new: SmallVec<[FilterKey; 16]> = subscribe
            .subscriptions()
            .map(|subscription| holdings.filter_key(subscription.filter))
            .filter(|filter| !holder.is_some_and(|holder| holder.has(*filter)))
            .collect();
        new.sort_unstable();
        new.dedup();
        u32::try_from(new.len()).unwrap_or(u32::MAX)
    }

    /// Takes note of what a packet that was let through opens and closes.
    pub(super) fn note_held(&mut self, packet: &ControlPacket<'_>) {
        let policy = self.cx.policy;
        let is_followed = policy.follows_filters()
            && matches!(self.session.stage, Stage::Connecting | Stage::Open);
        if !is_followed {
            // A server that refuses it holds nothing for it.
            return self.session.let_go();
        }
        if policy.held_per().is_empty() && !concerns_filters(packet) {
            return;
        }
        let rare = self.session.rare.get_or_insert_default();
        let mut holder = match rare.holder.take() {
            Some(holder) => holder,
            None => self.new_holder(packet),
        };
        let is_connack = matches!(packet, ControlPacket::ConnAck(_));
        if is_connack || holder.generation() != self.cx.generation {
            self.enter_anew(&mut holder, packet);
        }
        holder.note(self.cx.now, packet);
        self.note_topic(&holder, packet);
        for direction in [Direction::ToServer, Direction::ToClient] {
            holder.set_in_flight(direction, self.session.in_flight(direction));
        }
        self.session.rare.get_or_insert_default().holder = Some(holder);
    }

    /// A session that begins, or began before rules asked, or was silent for so long that it was let go.
    fn new_holder(&self, packet: &ControlPacket<'_>) -> Holder {
        let (keys, name) = self.identify(packet);
        let mut holder = Holder::new(self.cx.holdings, self.cx.generation, keys);
        self.accept(&mut holder, name, true);
        holder
    }

    /// Its server has accepted it, or it is counted by something else from here on.
    fn enter_anew(&self, holder: &mut Holder, packet: &ControlPacket<'_>) {
        let (keys, name) = self.identify(packet);
        holder.move_to(self.cx.generation, keys, self.counts_topics());
        let is_resumed = match packet {
            // A server of 3.1 doesn't say.
            ControlPacket::ConnAck(connack) => {
                connack.session_present
                    && self.session.version != Version::V31
                    && !self.session.terms.starts_clean()
            }
            _ => true,
        };
        self.accept(holder, name, is_resumed);
    }

    fn accept(&self, holder: &mut Holder, name: Option<u128>, is_resumed: bool) {
        if self.session.stage == Stage::Open {
            let accepted = Accepted {
                name,
                is_resumed,
                lasts_s: self.session.membership.lasts_s(),
            };
            holder.take_name(self.cx.now, &accepted);
        }
    }

    fn counts_topics(&self) -> bool {
        self.cx.policy.held_per().contains(&Per::Topic.into())
    }

    /// Takes note of a message that is in flight now, or isn't any more, where rules count by topic.
    fn note_topic(&mut self, holder: &Holder, packet: &ControlPacket<'_>) {
        let direction = self.arrival.direction;
        let place = delivery::exchange_of(packet, direction).filter(|_| self.counts_topics());
        let Some(place) = place else {
            return;
        };
        if !self.session.is_in_flight(place) {
            holder.leave_topic(place);
        } else if matches!(packet, ControlPacket::Publish(_))
            && let Some(topic) = self.topic_key(packet)
            && !holder.enter_topic(place, topic)
        {
            self.cx.limit(LimitKind::Meters);
        }
    }

    fn topic_key(&self, packet: &ControlPacket<'_>) -> Option<u128> {
        let subject = Subject {
            message: Message::Mqtt(packet),
            session: self.session.known(Some(packet), self.arrival.direction),
            ..self.arrival.detection(Protocol::Mqtt, &[])
        };
        let ends = &self.arrival.endpoints;
        let (flow, _) = self.arrival.carrier.key(self.cx.port.link, ends);
        let holdings = self.cx.holdings;
        holdings.key(self.cx.policy, Per::Topic.into(), &subject, &flow)
    }

    /// The keys of the session as a holder, and that of its name.
    fn identify(&self, packet: &ControlPacket<'_>) -> (HolderKeys, Option<u128>) {
        let (holdings, policy) = (self.cx.holdings, self.cx.policy);
        let subject = Subject {
            session: self.session.known(Some(packet), self.arrival.direction),
            ..self.arrival.detection(Protocol::Mqtt, &[])
        };
        let ends = &self.arrival.endpoints;
        let (flow, _) = self.arrival.carrier.key(self.cx.port.link, ends);
        let keys = holdings.keys(policy, &subject, &flow);
        (keys, holdings.name(policy, &subject, &flow))
    }
}

/// Whether a packet changes what a session has subscribed to, or whose that is.
fn concerns_filters(packet: &ControlPacket<'_>) -> bool {
    matches!(
        packet,
        ControlPacket::Connect(_)
            | ControlPacket::ConnAck(_)
            | ControlPacket::Subscribe(_)
            | ControlPacket::SubAck(_)
            | ControlPacket::Unsubscribe(_)
            | ControlPacket::Disconnect(_)
    )
}

impl Session {
    /// Whether the client unsubscribes from a filter that it goes on with in a shared subscription, which brokers took
    /// for the one that it leaves (CVE-2024-8376). Known where a rule asks.
    #[inline]
    pub(super) fn check_shared(&self, packet: &ControlPacket<'_>) -> Option<Reason> {
        let ControlPacket::Unsubscribe(unsubscribe) = packet else {
            return None;
        };
        let leaves_shared = self.holder()?.leaves_shared(unsubscribe);
        leaves_shared.then_some(Reason::MQTT_SESSION_STILL_SHARED)
    }

    fn holder(&self) -> Option<&Holder> {
        self.rare.as_ref()?.holder.as_ref()
    }

    /// Gives back what it holds; it is counted again when its client is heard.
    pub(super) fn let_go(&mut self) {
        if let Some(rare) = &mut self.rare {
            rare.holder = None;
        }
    }

    /// The same when its client has vanished: it may come back to the session. False if what that has couldn't be
    /// remembered, or another's had to be forgotten for it.
    pub(crate) fn fall_asleep(&mut self, now: Instant) -> bool {
        let holder = self.rare.as_mut().and_then(|rare| rare.holder.take());
        holder.is_none_or(|holder| holder.fall_asleep(now))
    }

    /// How many messages that travel this way are in flight, as far as is known.
    fn in_flight(&self, direction: Direction) -> u32 {
        self.in_flight.messages(direction).into()
    }

    fn is_in_flight(&self, (direction, packet_id): Place) -> bool {
        let entry = self.in_flight.entry(direction, packet_id);
        entry.is_some_and(|entry| entry.step.is_message())
    }
}
