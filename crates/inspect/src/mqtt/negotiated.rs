//! What the ends of a connection have told each other they take (MQTT 5.0 §3.1.2.11, §3.2.2.3).
//!
//! A client may speak before it has read the CONNACK, and not know yet. The server that told it ends
//! the connection over it all the same (§4.13), so that nothing is lost by doing so here.

use policy::Reason;
use wire::Direction;
use wire::mqtt::{
    ConnAck, Connect, ControlPacket, PacketType, Properties, Property, Publish, QoS, Subscribe,
    Subscription, Version, topic,
};

use super::Session;
use super::session::Stage;

/// The retain handling that asks for nothing out of store ([MQTT-3.3.1-11]).
const NO_RETAINED: u8 = 2;

/// The terms of one connection; before 5.0 there are none, and these are as good as none.
#[derive(Debug)]
pub(super) struct Terms {
    /// What the receiver of each direction takes at once.
    receive_maximum: [u16; 2],
    /// The largest packet the receiver of each direction takes.
    packet_bytes: [u32; 2],
    /// The largest topic alias the receiver of each direction takes.
    alias_maximum: [u16; 2],
    flags: Flags,
}

/// What an end takes, wants or has said, a bit each: every session has one of these.
#[derive(Debug, Clone, Copy)]
struct Flags(u32);

impl Flags {
    /// What the server takes.
    const RETAIN: u32 = 1;
    const WILDCARDS: u32 = 1 << 1;
    const SHARED: u32 = 1 << 2;
    const SUBSCRIPTION_IDS: u32 = 1 << 3;
    /// What the client wants to be told.
    const RESPONSE_INFORMATION: u32 = 1 << 4;
    const PROBLEM_INFORMATION: u32 = 1 << 5;
    /// The session outlives the connection.
    const EXPIRES: u32 = 1 << 6;
    /// The client asked for a session of no past.
    const CLEAN_START: u32 = 1 << 7;
    /// The client has named itself.
    const NAMED: u32 = 1 << 8;
    /// By the direction: its sender had more in flight than its receiver takes.
    const HURRIED: [u32; 2] = [1 << 9, 1 << 10];
    /// The client's will has QoS 1 at least, and QoS 2.
    const WILL_QOS: [u32; 2] = [1 << 11, 1 << 12];
    const WILL_RETAIN: u32 = 1 << 13;
    const WILL: u32 = Self::WILL_QOS[0] | Self::WILL_QOS[1] | Self::WILL_RETAIN;
    /// A filter was asked for with QoS 1 at least, and with QoS 2.
    const ASKED_QOS: [u32; 2] = [1 << 14, 1 << 15];
    /// A filter was asked for so that messages may come with RETAIN.
    const ASKED_RETAINED: u32 = 1 << 16;
    /// The server has granted a filter QoS 1 at least, and QoS 2.
    const GRANTED_QOS: [u32; 2] = [1 << 17, 1 << 18];
    /// The server takes QoS 1 at least, and QoS 2.
    const MAXIMUM_QOS: [u32; 2] = [1 << 19, 1 << 20];
    /// What a client asks for and is granted in time.
    const SUBSCRIBED: u32 = Self::ASKED_RETAINED
        | Self::ASKED_QOS[0]
        | Self::ASKED_QOS[1]
        | Self::GRANTED_QOS[0]
        | Self::GRANTED_QOS[1];

    fn set(&mut self, flag: u32, is_set: bool) {
        self.0 = match is_set {
            true => self.0 | flag,
            false => self.0 & !flag,
        };
    }

    /// Raises a QoS to another, unless it is as large.
    fn raise(&mut self, [one, two]: [u32; 2], qos: QoS) {
        match qos {
            QoS::AtMostOnce => {}
            QoS::AtLeastOnce => self.set(one, true),
            QoS::ExactlyOnce => self.set(one | two, true),
        }
    }

    /// Sets a QoS to another, also to a smaller one.
    fn lower(&mut self, [one, two]: [u32; 2], qos: QoS) {
        self.set(one | two, false);
        self.raise([one, two], qos);
    }

    fn qos(self, [one, two]: [u32; 2]) -> QoS {
        match (self.0 & one != 0, self.0 & two != 0) {
            (false, _) => QoS::AtMostOnce,
            (true, false) => QoS::AtLeastOnce,
            (true, true) => QoS::ExactlyOnce,
        }
    }
}

impl Terms {
    /// Anything goes: a connection of which neither end's terms are known.
    pub(super) const UNKNOWN: Self = Self {
        receive_maximum: [u16::MAX; 2],
        packet_bytes: [u32::MAX; 2],
        alias_maximum: [u16::MAX; 2],
        flags: Flags(
            !(Flags::CLEAN_START
                | Flags::NAMED
                | Flags::HURRIED[0]
                | Flags::HURRIED[1]
                | Flags::WILL),
        ),
    };

    /// What a client says with its CONNECT, and a server that hasn't answered yet takes.
    pub(super) fn of_connect(connect: &Connect<'_>) -> Self {
        let mut terms = Self {
            alias_maximum: [0; 2],
            ..Self::UNKNOWN
        };
        terms.flags.set(Flags::RESPONSE_INFORMATION, false);
        terms.flags.set(Flags::EXPIRES, false);
        terms.flags.set(Flags::CLEAN_START, connect.clean_start);
        terms.flags.set(Flags::NAMED, !connect.client_id.is_empty());
        terms.flags.set(Flags::SUBSCRIBED, false);
        if let Some(will) = &connect.will {
            terms.flags.raise(Flags::WILL_QOS, will.qos);
            terms.flags.set(Flags::WILL_RETAIN, will.retain);
        }
        for property in connect.properties.iter() {
            match property {
                Property::RequestResponseInformation(wanted) => {
                    terms.flags.set(Flags::RESPONSE_INFORMATION, wanted);
                }
                Property::RequestProblemInformation(wanted) => {
                    terms.flags.set(Flags::PROBLEM_INFORMATION, wanted);
                }
                Property::SessionExpiryInterval(seconds) => {
                    terms.flags.set(Flags::EXPIRES, seconds > 0)
                }
                other => terms.note_receiver(Direction::ToClient, &other),
            }
        }
        terms
    }

    /// Takes note of what a server says with its CONNACK.
    pub(super) fn note_connack(&mut self, connack: &ConnAck<'_>) {
        for property in connack.properties.iter() {
            match property {
                Property::MaximumQoS(qos) => self.flags.lower(Flags::MAXIMUM_QOS, qos),
                Property::RetainAvailable(taken) => self.flags.set(Flags::RETAIN, taken),
                Property::WildcardSubscriptionAvailable(taken) => {
                    self.flags.set(Flags::WILDCARDS, taken)
                }
                Property::SharedSubscriptionAvailable(taken) => {
                    self.flags.set(Flags::SHARED, taken)
                }
                Property::SubscriptionIdentifierAvailable(taken) => {
                    self.flags.set(Flags::SUBSCRIPTION_IDS, taken);
                }
                other => self.note_receiver(Direction::ToServer, &other),
            }
        }
    }

    /// Takes note of what the receiver of a direction takes.
    fn note_receiver(&mut self, direction: Direction, property: &Property<'_>) {
        let at = direction as usize;
        match *property {
            Property::ReceiveMaximum(most) => self.receive_maximum[at] = most,
            Property::MaximumPacketSize(most) => self.packet_bytes[at] = most,
            Property::TopicAliasMaximum(most) => self.alias_maximum[at] = most,
            _ => {}
        }
    }

    fn has(&self, flag: u32) -> bool {
        self.flags.0 & flag != 0
    }

    /// Whether the client asked for a session of no past.
    pub(super) fn starts_clean(&self) -> bool {
        self.has(Flags::CLEAN_START)
    }

    pub(super) fn receive_maximum(&self, direction: Direction) -> u16 {
        self.receive_maximum[direction as usize]
    }

    /// Whether it is known that the sender of a direction keeps to no receive maximum.
    pub(super) fn has_hurried(&self, direction: Direction) -> bool {
        self.has(Flags::HURRIED[direction as usize])
    }

    /// Takes note of what a filter was asked for with.
    pub(super) fn note_asked(&mut self, asked: &Subscription<'_>) {
        self.flags.raise(Flags::ASKED_QOS, asked.qos);
        if asked.retain_as_published || asked.retain_handling != NO_RETAINED {
            self.flags.set(Flags::ASKED_RETAINED, true);
        }
    }

    /// Whether any filter was asked for so that messages may come with RETAIN.
    pub(super) fn asks_for_retained(&self) -> bool {
        self.has(Flags::ASKED_RETAINED)
    }

    /// The largest QoS that any filter was asked for with.
    pub(super) fn asked_qos(&self) -> QoS {
        self.flags.qos(Flags::ASKED_QOS)
    }

    /// Takes note of a QoS that a filter was granted.
    pub(super) fn note_granted(&mut self, qos: QoS) {
        self.flags.raise(Flags::GRANTED_QOS, qos);
    }

    /// The largest QoS that any filter was granted.
    pub(super) fn granted_qos(&self) -> QoS {
        self.flags.qos(Flags::GRANTED_QOS)
    }

    /// Whether a server's answer takes less than the will that came with the CONNECT.
    fn exceeds(&self, property: &Property<'_>) -> bool {
        match *property {
            Property::MaximumQoS(most) => self.flags.qos(Flags::WILL_QOS) > most,
            Property::RetainAvailable(taken) => self.has(Flags::WILL_RETAIN) && !taken,
            _ => false,
        }
    }

    pub(super) fn note_hurry(&mut self, direction: Direction) {
        self.flags.set(Flags::HURRIED[direction as usize], true);
    }
}

impl Session {
    /// What of a packet of `size` bytes goes beyond what was agreed on.
    #[inline]
    pub(super) fn check_terms(
        &self,
        packet: &ControlPacket<'_>,
        direction: Direction,
        size: usize,
    ) -> Option<Reason> {
        let is_five = self.version == Version::V5 && self.stage != Stage::Opening;
        match packet {
            ControlPacket::ConnAck(connack) if connack.is_accepted() => self
                .check_connack(connack)
                .or_else(|| self.check_size(direction, size)),
            _ if is_five => self.check_terms_of_five(packet, direction, size),
            _ => None,
        }
    }

    fn check_terms_of_five(
        &self,
        packet: &ControlPacket<'_>,
        direction: Direction,
        size: usize,
    ) -> Option<Reason> {
        match packet {
            _ if size > self.terms.packet_bytes[direction as usize] as usize => {
                self.check_size(direction, size)
            }
            ControlPacket::Publish(publish) => self.check_publish(publish, direction),
            ControlPacket::Subscribe(subscribe) => self.check_subscribe(subscribe),
            ControlPacket::Disconnect(disconnect) => {
                let prolongs = disconnect.properties.session_expiry_s().unwrap_or(0) > 0;
                (prolongs && !self.terms.has(Flags::EXPIRES))
                    .then_some(Reason::MQTT_NEGOTIATED_SESSION_EXPIRY)
            }
            _ => self.check_talk(packet, direction),
        }
    }

    fn check_size(&self, direction: Direction, size: usize) -> Option<Reason> {
        let most = self.terms.packet_bytes[direction as usize] as usize;
        (size > most).then_some(Reason::MQTT_NEGOTIATED_PACKET_SIZE)
    }

    /// A CONNACK that lets the client in.
    fn check_connack(&self, connack: &ConnAck<'_>) -> Option<Reason> {
        // What a CONNACK of 3.1 calls present is a reserved bit.
        let knows_sessions = self.version != Version::V31 && self.stage == Stage::Connecting;
        if connack.session_present && self.terms.starts_clean() && knows_sessions {
            return Some(Reason::MQTT_SESSION_PRESENT);
        }
        if self.version != Version::V5 || self.stage != Stage::Connecting {
            return None;
        }
        let has = |wanted: fn(&Property<'_>) -> bool| connack.properties.iter().any(|p| wanted(&p));
        let is_told = has(|property| matches!(property, Property::ResponseInformation(_)));
        if is_told && !self.terms.has(Flags::RESPONSE_INFORMATION) {
            return Some(Reason::MQTT_NEGOTIATED_RESPONSE_INFORMATION);
        }
        if connack.properties.iter().any(|p| self.terms.exceeds(&p)) {
            return Some(Reason::MQTT_SESSION_WILL_NOT_TAKEN);
        }
        let is_assigned = has(
            |property| matches!(property, Property::AssignedClientIdentifier(id) if !id.is_empty()),
        );
        match (self.terms.has(Flags::NAMED), is_assigned) {
            (true, true) => Some(Reason::MQTT_SESSION_CLIENT_ID_ASSIGNED),
            (false, false) => Some(Reason::MQTT_SESSION_CLIENT_ID_MISSING),
            _ => None,
        }
    }

    fn check_publish(&self, publish: &Publish<'_>, direction: Direction) -> Option<Reason> {
        let terms = &self.terms;
        if direction == Direction::ToServer {
            if publish.qos > terms.flags.qos(Flags::MAXIMUM_QOS) {
                return Some(Reason::MQTT_NEGOTIATED_QOS);
            }
            if publish.retain && !terms.has(Flags::RETAIN) {
                return Some(Reason::MQTT_NEGOTIATED_RETAIN);
            }
        }
        let alias = publish.topic_alias()?;
        if alias > terms.alias_maximum[direction as usize] {
            return Some(Reason::MQTT_NEGOTIATED_TOPIC_ALIAS);
        }
        let is_unresolved =
            publish.topic.is_empty() && self.aliased_topic(publish, direction).is_none();
        match self.alias_room_is_short(direction) {
            _ if !is_unresolved => None,
            true => Some(Reason::LIMITS_TOPIC_ALIASES),
            false if self.is_blind => None,
            false => Some(Reason::MQTT_ALIAS_UNKNOWN),
        }
    }

    fn check_subscribe(&self, subscribe: &Subscribe<'_>) -> Option<Reason> {
        let terms = &self.terms;
        let identifies = || {
            let mut properties = subscribe.properties.iter();
            properties.any(|property| matches!(property, Property::SubscriptionIdentifier(_)))
        };
        let mut filters = subscribe
            .subscriptions()
            .map(|subscription| subscription.filter);
        if !terms.has(Flags::SUBSCRIPTION_IDS) && identifies() {
            Some(Reason::MQTT_NEGOTIATED_SUBSCRIPTION_ID)
        } else if !terms.has(Flags::SHARED) && filters.any(|filter| topic::share(filter).is_some())
        {
            Some(Reason::MQTT_NEGOTIATED_SHARED)
        } else if !terms.has(Flags::WILDCARDS)
            && subscribe
                .subscriptions()
                .any(|s| s.filter.contains(['+', '#']))
        {
            Some(Reason::MQTT_NEGOTIATED_WILDCARD)
        } else {
            None
        }
    }

    /// A server's words to a client that wants none.
    fn check_talk(&self, packet: &ControlPacket<'_>, direction: Direction) -> Option<Reason> {
        let is_restrained =
            direction == Direction::ToClient && !self.terms.has(Flags::PROBLEM_INFORMATION);
        if !is_restrained || packet.packet_type() == PacketType::ConnAck {
            return None;
        }
        talks(packet.properties()).then_some(Reason::MQTT_NEGOTIATED_PROBLEM_INFORMATION)
    }
}

fn talks(properties: Properties<'_>) -> bool {
    properties.iter().any(|property| {
        matches!(
            property,
            Property::ReasonString(_) | Property::UserProperty(_)
        )
    })
}
