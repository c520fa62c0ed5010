//! Properties of MQTT 5.0 (§2.2.2): which packet they belong in, how often, and their values.

mod form;
mod value;

use super::reader::Reader;
use super::{Anomaly, Malformed, PacketType, QoS};
use crate::Direction;
use form::Formed;
use value::{check, read};

pub use form::{PropertyForm, PropertyValue};

/// Where properties stand: the packet type, or the will inside a CONNECT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub(crate) enum Place {
    Connect = 1,
    Will = 1 << 1,
    ConnAck = 1 << 2,
    Publish = 1 << 3,
    /// PUBACK, PUBREC, PUBREL and PUBCOMP.
    Ack = 1 << 4,
    Subscribe = 1 << 5,
    /// SUBACK and UNSUBACK.
    FilterAck = 1 << 6,
    Unsubscribe = 1 << 7,
    Disconnect = 1 << 8,
    Auth = 1 << 9,
}

macro_rules! properties {
    ($( #[doc = $doc:literal] $name:ident($kind:ty) = $id:literal, $read:ident, $($place:ident)|+; )+) => {
        /// One property with its value.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Property<'a> {
            $( #[doc = $doc] $name($kind), )+
        }

        impl<'a> Property<'a> {
            /// The property's identifier.
            #[must_use]
            pub const fn id(&self) -> u8 {
                match self { $( Self::$name(..) => $id, )+ }
            }

            /// What a value is in the property with this identifier.
            #[must_use]
            pub const fn form(id: u8) -> Option<PropertyForm> {
                Some(match id {
                    $( $id => <$kind as Formed<'a>>::FORM, )+
                    _ => return None,
                })
            }

            /// What it says.
            #[must_use]
            pub fn value(&self) -> PropertyValue<'a> {
                match *self { $( Self::$name(value) => value.formed(), )+ }
            }

            /// Reads one that was checked before.
            fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
                Ok(match reader.varint()? {
                    $( $id => Self::$name(read::$read(reader)?), )+
                    _ => return Err(Malformed::PropertyUnknown),
                })
            }
        }

        /// The packets a property belongs in, by its identifier; none that has no identifier here.
        const PLACES: [u16; IDS] = {
            let mut places = [0; IDS];
            $( places[$id] = $( Place::$place as u16 )|+; )+
            places
        };

        /// Checks the value of the property with this identifier.
        #[inline]
        fn check_value(id: usize, reader: &mut Reader<'_>) -> Result<(), Malformed> {
            match id {
                $( $id => check::$read(reader), )+
                _ => Err(Malformed::PropertyUnknown),
            }
        }
    };
}

impl Place {
    /// Where those of a packet stand, beside those of a will.
    const fn of(packet: PacketType) -> Option<Self> {
        Some(match packet {
            PacketType::Connect => Self::Connect,
            PacketType::ConnAck => Self::ConnAck,
            PacketType::Publish => Self::Publish,
            PacketType::PubAck | PacketType::PubRec | PacketType::PubRel | PacketType::PubComp => {
                Self::Ack
            }
            PacketType::Subscribe => Self::Subscribe,
            PacketType::SubAck | PacketType::UnsubAck => Self::FilterAck,
            PacketType::Unsubscribe => Self::Unsubscribe,
            PacketType::Disconnect => Self::Disconnect,
            PacketType::Auth => Self::Auth,
            PacketType::PingReq | PacketType::PingResp => return None,
        })
    }
}

impl Property<'_> {
    /// Whether a packet may have the property with this identifier, a CONNECT in its will perhaps.
    #[must_use]
    pub fn belongs_in(id: u8, packet: PacketType) -> bool {
        let mut places = Place::of(packet).map_or(0, |place| place as u16);
        if packet == PacketType::Connect {
            places |= Place::Will as u16;
        }
        PLACES
            .get(usize::from(id))
            .is_some_and(|known| known & places != 0)
    }
}

/// Identifiers are below this, so that a set of them fits one word.
const IDS: usize = 64;

properties! {
    /// Whether the payload is UTF-8 text
    PayloadFormatIndicator(bool) = 0x01, boolean, Publish | Will;
    /// Lifetime of the message in seconds
    MessageExpiryInterval(u32) = 0x02, u32, Publish | Will;
    /// What the payload is
    ContentType(&'a str) = 0x03, string, Publish | Will;
    /// Topic for a response
    ResponseTopic(&'a str) = 0x08, response_topic, Publish | Will;
    /// Identifies the request a response belongs to
    CorrelationData(&'a [u8]) = 0x09, binary, Publish | Will;
    /// Names a subscription; never zero
    SubscriptionIdentifier(u32) = 0x0b, subscription_id, Publish | Subscribe;
    /// How long the session outlives the connection, in seconds
    SessionExpiryInterval(u32) = 0x11, u32, Connect | ConnAck | Disconnect;
    /// The client identifier the server chose
    AssignedClientIdentifier(&'a str) = 0x12, string, ConnAck;
    /// Keep alive the server demands, in seconds
    ServerKeepAlive(u16) = 0x13, u16, ConnAck;
    /// Name of the authentication method
    AuthenticationMethod(&'a str) = 0x15, string, Connect | ConnAck | Auth;
    /// Data of the authentication method
    AuthenticationData(&'a [u8]) = 0x16, binary, Connect | ConnAck | Auth;
    /// Whether reason strings are welcome
    RequestProblemInformation(bool) = 0x17, boolean, Connect;
    /// Delay before the will is published, in seconds
    WillDelayInterval(u32) = 0x18, u32, Will;
    /// Whether response information is welcome
    RequestResponseInformation(bool) = 0x19, boolean, Connect;
    /// Basis for response topics
    ResponseInformation(&'a str) = 0x1a, string, ConnAck;
    /// Another server to use
    ServerReference(&'a str) = 0x1c, string, ConnAck | Disconnect;
    /// Diagnosis for people
    ReasonString(&'a str) = 0x1f, string, ConnAck | Ack | FilterAck | Disconnect | Auth;
    /// Unacknowledged messages the sender takes at once; never zero
    ReceiveMaximum(u16) = 0x21, receive_maximum, Connect | ConnAck;
    /// Largest topic alias the sender takes
    TopicAliasMaximum(u16) = 0x22, u16, Connect | ConnAck;
    /// Stands for a topic name; never zero
    TopicAlias(u16) = 0x23, topic_alias, Publish;
    /// Largest QoS the server takes
    MaximumQoS(QoS) = 0x24, maximum_qos, ConnAck;
    /// Whether the server takes retained messages
    RetainAvailable(bool) = 0x25, boolean, ConnAck;
    /// Name and value of the application's own
    UserProperty((&'a str, &'a str)) = 0x26, pair, Connect | Will | ConnAck | Publish | Ack | Subscribe | FilterAck | Unsubscribe | Disconnect | Auth;
    /// Largest packet the sender takes, in bytes; never zero
    MaximumPacketSize(u32) = 0x27, maximum_packet_size, Connect | ConnAck;
    /// Whether the server takes wildcards
    WildcardSubscriptionAvailable(bool) = 0x28, boolean, ConnAck;
    /// Whether the server takes subscription identifiers
    SubscriptionIdentifierAvailable(bool) = 0x29, boolean, ConnAck;
    /// Whether the server takes shared subscriptions
    SharedSubscriptionAvailable(bool) = 0x2a, boolean, ConnAck;
}

/// Identifiers that something hangs on.
mod id {
    pub(super) const PAYLOAD_FORMAT_INDICATOR: usize = 0x01;
    pub(super) const SUBSCRIPTION_IDENTIFIER: usize = 0x0b;
    pub(super) const SESSION_EXPIRY_INTERVAL: usize = 0x11;
    pub(super) const AUTHENTICATION_METHOD: usize = 0x15;
    pub(super) const AUTHENTICATION_DATA: usize = 0x16;
    pub(super) const SERVER_REFERENCE: usize = 0x1c;
    pub(super) const TOPIC_ALIAS: usize = 0x23;
    pub(super) const USER_PROPERTY: usize = 0x26;
}

/// Whether a property may stand more than once in `place`.
fn repeats(id: usize, place: Place) -> bool {
    match id {
        id::USER_PROPERTY => true,
        id::SUBSCRIPTION_IDENTIFIER => place == Place::Publish,
        _ => false,
    }
}

/// Whether this end may send a property in `place`.
#[inline]
fn is_sender_s(id: usize, place: Place, direction: Direction) -> bool {
    match (place, id) {
        (Place::Publish, id::SUBSCRIPTION_IDENTIFIER)
        | (Place::Disconnect, id::SERVER_REFERENCE) => direction == Direction::ToClient,
        (Place::Disconnect, id::SESSION_EXPIRY_INTERVAL) => direction == Direction::ToServer,
        _ => true,
    }
}

/// As many user properties as a packet may have before they are odd.
const USER_PROPERTIES: usize = 64;

/// The properties of one packet, checked; empty before 5.0.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Properties<'a> {
    raw: &'a [u8],
    /// Those that occur, a bit for each identifier.
    seen: u64,
}

impl<'a> Properties<'a> {
    /// Reads the property length and walks the properties.
    #[inline]
    pub(crate) fn decode(
        reader: &mut Reader<'a>,
        place: Place,
        direction: Direction,
    ) -> Result<Self, Malformed> {
        let len = reader.varint()?;
        let raw = reader.bytes(len as usize, Malformed::PropertyLength)?;
        let mut seen = 0;
        if !raw.is_empty() {
            let mut inner = Reader::new(raw, reader.anomalies);
            seen = check_all(&mut inner, place, direction)?;
            reader.anomalies = inner.anomalies;
        }
        Ok(Self { raw, seen })
    }

    /// The properties in their order.
    pub fn iter(self) -> impl Iterator<Item = Property<'a>> {
        let mut reader = Reader::new(self.raw, Default::default());
        std::iter::from_fn(move || {
            (!reader.is_empty()).then(|| Property::read(&mut reader).expect("checked by decode"))
        })
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.raw.is_empty()
    }

    /// Bytes they take on the wire, without the property length.
    #[must_use]
    pub fn len(self) -> usize {
        self.raw.len()
    }

    /// The first value `pick` accepts.
    pub fn find<T>(self, pick: impl FnMut(Property<'a>) -> Option<T>) -> Option<T> {
        self.iter().find_map(pick)
    }

    /// The first value `pick` accepts of those with this identifier, which are few.
    #[inline]
    fn find_by<T>(self, id: usize, pick: impl FnMut(Property<'a>) -> Option<T>) -> Option<T> {
        match self.seen & (1 << id) {
            0 => None,
            _ => self.find(pick),
        }
    }

    /// Whether they announce a payload as text that isn't (§3.3.2.3.2).
    #[inline]
    pub(crate) fn belie(self, payload: &[u8]) -> bool {
        let is_text = self.find_by(id::PAYLOAD_FORMAT_INDICATOR, |property| match property {
            Property::PayloadFormatIndicator(is_text) => Some(is_text),
            _ => None,
        });
        is_text == Some(true) && std::str::from_utf8(payload).is_err()
    }

    /// The topic alias (PUBLISH).
    #[inline]
    #[must_use]
    pub fn topic_alias(self) -> Option<u16> {
        self.find_by(id::TOPIC_ALIAS, |property| match property {
            Property::TopicAlias(alias) => Some(alias),
            _ => None,
        })
    }

    /// The session expiry interval in seconds (CONNECT, CONNACK, DISCONNECT).
    #[must_use]
    pub fn session_expiry_s(self) -> Option<u32> {
        self.find_by(id::SESSION_EXPIRY_INTERVAL, |property| match property {
            Property::SessionExpiryInterval(seconds) => Some(seconds),
            _ => None,
        })
    }

    /// The authentication method (CONNECT, CONNACK, AUTH).
    #[must_use]
    pub fn authentication_method(self) -> Option<&'a str> {
        self.find_by(id::AUTHENTICATION_METHOD, |property| match property {
            Property::AuthenticationMethod(method) => Some(method),
            _ => None,
        })
    }
}

impl std::fmt::Debug for Properties<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Walks the properties: which of them occur.
fn check_all(
    reader: &mut Reader<'_>,
    place: Place,
    direction: Direction,
) -> Result<u64, Malformed> {
    let mut seen = 0_u64;
    let mut user_properties = 0;
    while !reader.is_empty() {
        let id = check_one(reader).map_err(|error| match error {
            // Inside properties it is the property length that is too small, not the packet.
            Malformed::Truncated | Malformed::FieldLength => Malformed::PropertyTruncated,
            other => other,
        })?;
        if PLACES[id] & place as u16 == 0 {
            return Err(Malformed::PropertyMisplaced);
        }
        if !is_sender_s(id, place, direction) {
            return Err(Malformed::PropertySender);
        }
        if seen & (1 << id) != 0 && !repeats(id, place) {
            return Err(Malformed::PropertyRepeated);
        }
        seen |= 1 << id;
        user_properties += usize::from(id == id::USER_PROPERTY);
    }
    let has = |id: usize| seen & (1 << id) != 0;
    if has(id::AUTHENTICATION_DATA) && !has(id::AUTHENTICATION_METHOD) {
        return Err(Malformed::AuthDataAlone);
    }
    if has(id::SERVER_REFERENCE) {
        reader.anomalies.insert(Anomaly::ServerReference);
    }
    if user_properties > USER_PROPERTIES {
        reader.anomalies.insert(Anomaly::UserProperties);
    }
    Ok(seen)
}

/// Checks the next property by itself, and tells its identifier.
#[inline]
fn check_one(reader: &mut Reader<'_>) -> Result<usize, Malformed> {
    let id = reader.varint()? as usize;
    if id >= IDS {
        return Err(Malformed::PropertyUnknown);
    }
    check_value(id, reader)?;
    Ok(id)
}
