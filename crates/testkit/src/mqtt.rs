//! MQTT control packets for tests, as bytes: the encoders of `wire` without their buffers.

use wire::mqtt::{PacketType, Property, QoS, ReasonCode, Version, encode};

pub use wire::mqtt::encode::{Connect, Publish, Will};

/// What `write` appends to an empty buffer.
#[must_use]
pub fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}

/// A plain CONNECT with a clean session.
#[must_use]
pub fn connect(version: Version, client_id: &str) -> Vec<u8> {
    connect_with(&Connect {
        version,
        client_id,
        ..Connect::default()
    })
}

/// A CONNECT that says all of `spec`.
#[must_use]
pub fn connect_with(spec: &Connect<'_>) -> Vec<u8> {
    written(|out| encode::connect(out, spec))
}

/// A CONNACK without a session.
#[must_use]
pub fn connack(version: Version, reason_code: u8) -> Vec<u8> {
    written(|out| encode::connack(out, version, false, ReasonCode(reason_code), &[]))
}

/// A PUBLISH with QoS 0.
#[must_use]
pub fn publish(version: Version, topic: &str, payload: &[u8]) -> Vec<u8> {
    publish_with(
        version,
        &Publish {
            topic,
            payload,
            ..Publish::default()
        },
    )
}

/// A PUBLISH with QoS 1 or 2.
#[must_use]
pub fn publish_qos(
    version: Version,
    qos: QoS,
    packet_id: u16,
    topic: &str,
    payload: &[u8],
) -> Vec<u8> {
    publish_with(
        version,
        &Publish {
            qos,
            packet_id,
            topic,
            payload,
            ..Publish::default()
        },
    )
}

/// A PUBLISH that says all of `spec`.
#[must_use]
pub fn publish_with(version: Version, spec: &Publish<'_>) -> Vec<u8> {
    written(|out| encode::publish(out, version, spec))
}

/// A successful PUBACK, PUBREC, PUBREL or PUBCOMP.
#[must_use]
pub fn ack(version: Version, packet_type: PacketType, packet_id: u16) -> Vec<u8> {
    written(|out| {
        encode::ack(
            out,
            version,
            packet_type,
            packet_id,
            ReasonCode::SUCCESS,
            &[],
        )
    })
}

/// A SUBSCRIBE with QoS 2 for each filter.
#[must_use]
pub fn subscribe(version: Version, packet_id: u16, filters: &[&str]) -> Vec<u8> {
    let entries: Vec<_> = filters.iter().map(|filter| (*filter, 2)).collect();
    subscribe_with(version, packet_id, &entries)
}

/// A SUBSCRIBE for filters with these options.
#[must_use]
pub fn subscribe_with(version: Version, packet_id: u16, entries: &[(&str, u8)]) -> Vec<u8> {
    written(|out| encode::subscribe(out, version, packet_id, &[], entries))
}

/// A SUBACK with these codes.
#[must_use]
pub fn suback(version: Version, packet_id: u16, codes: &[u8]) -> Vec<u8> {
    let codes = codes.iter().copied().map(ReasonCode);
    written(|out| encode::suback(out, version, packet_id, &[], codes))
}

/// An UNSUBSCRIBE.
#[must_use]
pub fn unsubscribe(version: Version, packet_id: u16, filters: &[&str]) -> Vec<u8> {
    written(|out| encode::unsubscribe(out, version, packet_id, &[], filters))
}

/// An UNSUBACK for `filters` filters, all found.
#[must_use]
pub fn unsuback(version: Version, packet_id: u16, filters: usize) -> Vec<u8> {
    let filters = if version == Version::V5 { filters } else { 0 };
    let codes = std::iter::repeat_n(ReasonCode::SUCCESS, filters);
    written(|out| encode::unsuback(out, version, packet_id, &[], codes))
}

/// A PINGREQ.
#[must_use]
pub fn pingreq() -> Vec<u8> {
    written(encode::pingreq)
}

/// A PINGRESP.
#[must_use]
pub fn pingresp() -> Vec<u8> {
    written(encode::pingresp)
}

/// A normal DISCONNECT.
#[must_use]
pub fn disconnect(version: Version) -> Vec<u8> {
    written(|out| encode::disconnect(out, version, ReasonCode::SUCCESS, &[]))
}

/// An AUTH of 5.0 that continues with `method`.
#[must_use]
pub fn auth(method: &str) -> Vec<u8> {
    let properties = [Property::AuthenticationMethod(method)];
    written(|out| encode::auth(out, ReasonCode(0x18), &properties))
}

/// Any first byte and body under a correct length.
#[must_use]
pub fn raw(first: u8, body: &[u8]) -> Vec<u8> {
    written(|out| encode::raw(out, first, body))
}

#[cfg(test)]
mod tests {
    use wire::mqtt::ControlPacket;
    use wire::{Decoded, Direction};

    use super::*;

    #[test]
    fn every_builder_writes_the_packet_it_is_named_after() {
        for version in [Version::V31, Version::V311, Version::V5] {
            let packets = [
                (PacketType::Connect, connect(version, "c")),
                (PacketType::ConnAck, connack(version, 0)),
                (PacketType::Publish, publish(version, "t", b"x")),
                (
                    PacketType::Publish,
                    publish_qos(version, QoS::ExactlyOnce, 1, "t", b"x"),
                ),
                (PacketType::PubAck, ack(version, PacketType::PubAck, 1)),
                (PacketType::PubRel, ack(version, PacketType::PubRel, 1)),
                (PacketType::Subscribe, subscribe(version, 1, &["a", "b/#"])),
                (PacketType::SubAck, suback(version, 1, &[0, 1])),
                (PacketType::Unsubscribe, unsubscribe(version, 1, &["a"])),
                (PacketType::UnsubAck, unsuback(version, 1, 1)),
                (PacketType::PingReq, pingreq()),
                (PacketType::PingResp, pingresp()),
                (PacketType::Disconnect, disconnect(version)),
            ];
            let auth = (PacketType::Auth, auth("m"));
            let auth = (version == Version::V5).then_some(auth);
            for (packet_type, bytes) in packets.into_iter().chain(auth) {
                let direction = match packet_type.sent_by(Direction::ToServer, version) {
                    true => Direction::ToServer,
                    false => Direction::ToClient,
                };
                match ControlPacket::decode(&bytes, version, direction) {
                    Ok(Decoded::Complete { message, len }) => {
                        assert_eq!((message.packet_type(), len), (packet_type, bytes.len()));
                    }
                    other => panic!("{packet_type}: {other:?}"),
                }
            }
        }
        assert_eq!(raw(0x36, b"\0\x01t"), b"\x36\x03\0\x01t");
    }
}
