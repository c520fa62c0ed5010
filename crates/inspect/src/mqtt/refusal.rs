//! What a client is told on its broker's behalf when Weir refuses (DESIGN section 5): the answer its
//! packet would have got from a broker that didn't allow it.

use wire::Direction;
use wire::mqtt::{ControlPacket, PacketType, QoS, ReasonCode, Version, encode};

use super::Session;
use super::session::Stage;
use crate::tcp::REFUSAL_BYTES;

/// The refusal of `packet`, or of bytes that are none; empty where the protocol has no words for it.
pub(super) fn of(
    packet: Option<&ControlPacket<'_>>,
    direction: Direction,
    session: &Session,
) -> Vec<u8> {
    let mut out = Vec::new();
    match (session.stage, packet) {
        (Stage::Opening, Some(ControlPacket::Connect(connect))) => {
            connack(&mut out, connect.version);
        }
        // Nobody has said which version is spoken, or the server has spoken its last word.
        (Stage::Opening | Stage::Refused, _) => {}
        // The first word a client hears has to be CONNACK ([MQTT-3.2.0-1]).
        (Stage::Connecting, _) => connack(&mut out, session.version),
        (Stage::Open | Stage::Unknown, _) => {
            if let (Some(packet), Direction::ToServer) = (packet, direction) {
                acknowledge(&mut out, packet, session.version);
            }
            disconnect(&mut out, packet, session.version);
        }
    }
    if out.len() > REFUSAL_BYTES {
        out.clear();
    }
    out
}

fn connack(out: &mut Vec<u8>, version: Version) {
    let code = match version {
        Version::V31 | Version::V311 => ReasonCode::V3_NOT_AUTHORIZED,
        Version::V5 => ReasonCode::NOT_AUTHORIZED,
    };
    encode::connack(out, version, false, code, &[]);
}

/// The packet's own acknowledgement, saying no. In 3.1.1 only SUBACK can, in 3.1 none.
fn acknowledge(out: &mut Vec<u8>, packet: &ControlPacket<'_>, version: Version) {
    let no = ReasonCode::NOT_AUTHORIZED;
    match (packet, version) {
        (ControlPacket::Subscribe(subscribe), Version::V311 | Version::V5) => {
            let code = match version {
                Version::V5 => no,
                _ => ReasonCode::UNSPECIFIED_ERROR,
            };
            let codes = subscribe.subscriptions().map(|_| code);
            encode::suback(out, version, subscribe.packet_id, &[], codes);
        }
        (ControlPacket::Unsubscribe(unsubscribe), Version::V5) => {
            let codes = unsubscribe.filters().map(|_| no);
            encode::unsuback(out, version, unsubscribe.packet_id, &[], codes);
        }
        (ControlPacket::Publish(publish), Version::V5) => {
            let (Some(id), Some(answer)) = (publish.packet_id, answer_to(publish.qos)) else {
                return;
            };
            encode::ack(out, version, answer, id, no, &[]);
        }
        _ => {}
    }
}

fn answer_to(qos: QoS) -> Option<PacketType> {
    match qos {
        QoS::AtMostOnce => None,
        QoS::AtLeastOnce => Some(PacketType::PubAck),
        QoS::ExactlyOnce => Some(PacketType::PubRec),
    }
}

/// The server's DISCONNECT, which only 5.0 has.
fn disconnect(out: &mut Vec<u8>, packet: Option<&ControlPacket<'_>>, version: Version) {
    if version == Version::V5 {
        let code = match packet {
            Some(_) => ReasonCode::NOT_AUTHORIZED,
            None => ReasonCode::MALFORMED_PACKET,
        };
        encode::disconnect(out, version, code, &[]);
    }
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;
    use wire::Decoded;

    use super::*;

    fn refusal(version: Version, stage: Stage, packet: &[u8]) -> Vec<u8> {
        let mut session = Session::new(crate::Instant::ZERO);
        (session.version, session.stage) = (version, stage);
        let decoded = ControlPacket::decode(packet, version, Direction::ToServer);
        let Ok(Decoded::Complete { message, .. }) = decoded else {
            panic!("{packet:02x?} is no packet: {decoded:?}");
        };
        of(Some(&message), Direction::ToServer, &session)
    }

    #[test]
    fn every_packet_is_refused_in_its_version_s_words() {
        const SUBSCRIBE: &[u8] = &hex!("82 0a 0007 0001 61 00 0001 62 01");
        const SUBSCRIBE_5: &[u8] = &hex!("82 0b 0007 00 0001 61 00 0001 62 01");
        const UNSUBSCRIBE_5: &[u8] = &hex!("a2 06 0007 00 0001 61");
        const PUBLISH: &[u8] = &hex!("32 05 0001 61 0009");
        const PUBLISH_5: &[u8] = &hex!("32 06 0001 61 0009 00");
        const PUBLISH_5_QOS_2: &[u8] = &hex!("34 06 0001 61 0009 00");
        const CONNECT: &[u8] = &hex!("10 0d 0004 4d515454 04 02 003c 0001 61");
        const CONNECT_5: &[u8] = &hex!("10 0e 0004 4d515454 05 02 003c 00 0001 61");
        let table: [(Version, Stage, &[u8], &[u8]); 10] = [
            (Version::V311, Stage::Opening, CONNECT, &hex!("20020005")),
            (
                Version::V311,
                Stage::Opening,
                CONNECT_5,
                &hex!("2003008700"),
            ),
            (
                Version::V5,
                Stage::Connecting,
                PUBLISH_5,
                &hex!("2003008700"),
            ),
            (
                Version::V311,
                Stage::Open,
                SUBSCRIBE,
                &hex!("9004 0007 8080"),
            ),
            (Version::V31, Stage::Open, SUBSCRIBE, &[]),
            (
                Version::V5,
                Stage::Open,
                SUBSCRIBE_5,
                &hex!("9005 0007 00 8787  e00187"),
            ),
            (
                Version::V5,
                Stage::Open,
                UNSUBSCRIBE_5,
                &hex!("b004 0007 00 87  e00187"),
            ),
            (Version::V311, Stage::Open, PUBLISH, &[]),
            (
                Version::V5,
                Stage::Open,
                PUBLISH_5,
                &hex!("4003 0009 87  e00187"),
            ),
            (
                Version::V5,
                Stage::Open,
                PUBLISH_5_QOS_2,
                &hex!("5003 0009 87  e00187"),
            ),
        ];
        for (version, stage, packet, expected) in table {
            assert_eq!(refusal(version, stage, packet), expected, "{packet:02x?}");
        }
    }

    #[test]
    fn what_is_no_packet_is_refused_as_malformed_once_a_version_is_known() {
        let mut session = Session::new(crate::Instant::ZERO);
        assert!(of(None, Direction::ToServer, &session).is_empty());
        (session.version, session.stage) = (Version::V5, Stage::Open);
        assert_eq!(of(None, Direction::ToServer, &session), hex!("e00181"));
    }

    #[test]
    fn a_refusal_too_long_for_one_segment_is_left_out() {
        let mut packet = Vec::new();
        let filters = vec![("a", 0); REFUSAL_BYTES];
        encode::subscribe(&mut packet, Version::V311, 1, &[], &filters);
        assert!(refusal(Version::V311, Stage::Open, &packet).is_empty());
    }
}
