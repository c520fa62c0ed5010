//! SUBSCRIBE and UNSUBSCRIBE (MQTT 5.0 §3.8, §3.10; 3.1.1 §3.8, §3.10).

use super::property::Place;
use super::reader::Reader;
use super::{Anomalies, Anomaly, Malformed, Properties, QoS, Version, topic};
use crate::Direction;

/// The option bit that keeps own messages from coming back (5.0).
const NO_LOCAL: u8 = 0b100;

/// A SUBSCRIBE: topic filters with what is asked for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Subscribe<'a> {
    /// The packet identifier.
    pub packet_id: u16,
    /// The properties.
    pub properties: Properties<'a>,
    entries: &'a [u8],
    /// What is odd about the packet.
    pub anomalies: Anomalies,
}

/// One topic filter of a SUBSCRIBE with its options.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Subscription<'a> {
    /// The filter as sent, `$share/GROUP/` included.
    pub filter: &'a str,
    /// The largest QoS asked for.
    pub qos: QoS,
    /// No Local (5.0): own messages are not wanted back.
    pub no_local: bool,
    /// Retain As Published (5.0).
    pub retain_as_published: bool,
    /// Retain Handling (5.0): 0 to 2.
    pub retain_handling: u8,
}

impl<'a> Subscribe<'a> {
    pub(crate) fn decode(
        reader: &mut Reader<'a>,
        version: Version,
        direction: Direction,
    ) -> Result<Self, Malformed> {
        let packet_id = super::packet_id(reader, version)?;
        let properties = super::properties(reader, version, Place::Subscribe, direction)?;
        if reader.is_empty() {
            return Err(Malformed::SubscribeEmpty);
        }
        let mut entries = *reader;
        let packet = Self {
            packet_id,
            properties,
            entries: reader.take_rest(),
            anomalies: reader.anomalies,
        };
        while !entries.is_empty() {
            Subscription::check(&mut entries, version)?;
        }
        Ok(Self {
            anomalies: entries.anomalies,
            ..packet
        })
    }

    /// The subscriptions in their order; at least one.
    pub fn subscriptions(&self) -> impl Iterator<Item = Subscription<'a>> + use<'a> {
        let mut reader = Reader::new(self.entries, Anomalies::EMPTY);
        std::iter::from_fn(move || {
            (!reader.is_empty())
                .then(|| Subscription::known(&mut reader).expect("checked by decode"))
        })
    }
}

impl<'a> Subscription<'a> {
    /// A filter and its options byte (§3.8.3).
    fn check(reader: &mut Reader<'_>, version: Version) -> Result<(), Malformed> {
        let filter = checked_filter(reader, version)?;
        let options = reader.u8()?;
        let reserved = if version == Version::V5 { 0xc0 } else { 0xfc };
        if options & reserved != 0 {
            return Err(Malformed::SubscriptionReserved);
        }
        Self::of("", options)?;
        if options & NO_LOCAL != 0 && topic::is_shared(filter) {
            return Err(Malformed::NoLocalShared);
        }
        Ok(())
    }

    /// One that was checked before.
    fn known(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let filter = reader.known_string()?;
        Self::of(filter, reader.u8()?)
    }

    fn of(filter: &'a str, options: u8) -> Result<Self, Malformed> {
        let qos = QoS::from_bits(options).ok_or(Malformed::SubscriptionQos)?;
        let retain_handling = (options >> 4) & 0b11;
        if retain_handling == 3 {
            return Err(Malformed::RetainHandling);
        }
        Ok(Self {
            filter,
            qos,
            no_local: options & NO_LOCAL != 0,
            retain_as_published: options & 0b1000 != 0,
            retain_handling,
        })
    }

    /// The filter without `$share/GROUP/`.
    #[must_use]
    pub fn topic_filter(&self) -> &'a str {
        topic::strip_share(self.filter)
    }
}

/// An UNSUBSCRIBE: topic filters to forget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unsubscribe<'a> {
    /// The packet identifier.
    pub packet_id: u16,
    /// The properties.
    pub properties: Properties<'a>,
    entries: &'a [u8],
    /// What is odd about the packet.
    pub anomalies: Anomalies,
}

impl<'a> Unsubscribe<'a> {
    pub(crate) fn decode(
        reader: &mut Reader<'a>,
        version: Version,
        direction: Direction,
    ) -> Result<Self, Malformed> {
        let packet_id = super::packet_id(reader, version)?;
        let properties = super::properties(reader, version, Place::Unsubscribe, direction)?;
        if reader.is_empty() {
            return Err(Malformed::UnsubscribeEmpty);
        }
        let mut entries = *reader;
        let packet = Self {
            packet_id,
            properties,
            entries: reader.take_rest(),
            anomalies: reader.anomalies,
        };
        while !entries.is_empty() {
            checked_filter(&mut entries, version)?;
        }
        Ok(Self {
            anomalies: entries.anomalies,
            ..packet
        })
    }

    /// The filters in their order; at least one.
    pub fn filters(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let mut reader = Reader::new(self.entries, Anomalies::EMPTY);
        std::iter::from_fn(move || {
            (!reader.is_empty()).then(|| reader.known_string().expect("checked by decode"))
        })
    }
}

/// A filter that is one.
fn checked_filter<'a>(reader: &mut Reader<'a>, version: Version) -> Result<&'a [u8], Malformed> {
    let (filter, has_wildcard) = reader.checked()?;
    topic::check_filter_bytes(filter, has_wildcard, version)?;
    if topic::is_deep(filter) {
        reader.anomalies.insert(Anomaly::TopicDepth);
    }
    Ok(filter)
}
