//! Decoding allocates nothing, whatever the input.

use hex_literal::hex;
use weir_wire as wire;
use wire::coap::{self, Message};
use wire::mqtt::{ControlPacket, Publish, Version, encode};
use wire::net::{Packet, build, checksum};
use wire::{Decoded, Direction};

#[track_caller]
fn assert_allocates_nothing(run: impl FnOnce()) {
    let info = allocation_counter::measure(run);
    assert_eq!(info.count_total, 0, "{} bytes", info.bytes_total);
}

#[test]
fn the_counter_counts() {
    let info = allocation_counter::measure(|| drop(std::hint::black_box(vec![0_u8; 10])));
    assert_eq!(info.count_total, 1);
}

#[test]
fn control_packets() {
    let mut packets = Vec::new();
    let filters = [("plant/+/valve", 1), ("$share/g/#", 0)];
    for version in [Version::V31, Version::V311, Version::V5] {
        let connect = encode::Connect {
            version,
            client_id: "c",
            ..Default::default()
        };
        let publish = encode::Publish {
            topic: "\u{fc}/t",
            payload: b"x",
            ..Default::default()
        };
        let mut out = Vec::new();
        encode::connect(&mut out, &connect);
        packets.push((version, std::mem::take(&mut out)));
        encode::publish(&mut out, version, &publish);
        packets.push((version, std::mem::take(&mut out)));
        encode::subscribe(&mut out, version, 1, &[], &filters);
        packets.push((version, out));
    }
    assert_allocates_nothing(|| {
        for (version, packet) in &packets {
            for end in 0..=packet.len() {
                let decoded = ControlPacket::decode(&packet[..end], *version, Direction::ToServer);
                assert!(decoded.is_ok());
                if let Ok(Decoded::Complete {
                    message: ControlPacket::Subscribe(s),
                    ..
                }) = decoded
                {
                    assert_eq!(s.subscriptions().count(), filters.len());
                }
            }
            if packet[0] >> 4 == 3 {
                assert!(Publish::decode_prefix(packet, *version, Direction::ToServer).is_ok());
            }
        }
    });
}

#[test]
fn messages_and_frames() {
    let path = build::Path {
        source_mac: [2, 0, 0, 0, 0, 1],
        destination_mac: [2, 0, 0, 0, 0, 2],
        vlan: None,
        source: [10, 0, 0, 1].into(),
        destination: [10, 0, 0, 2].into(),
        source_port: 5,
        destination_port: 5683,
        hop_limit: build::HOP_LIMIT,
    };
    let get = hex!("42010203 abcd bb2e77656c6c2d6b6e6f776e 04636f7265");
    let mut frame = [0; 128];
    assert_allocates_nothing(|| {
        let len = build::udp_datagram(&mut frame, &path, &get).expect("room");
        let packet = Packet::decode(&frame[..len]).expect("well-formed");
        assert_eq!(checksum::verify(&packet), checksum::State::Valid);
        let message = Message::decode(&frame[packet.layout.payload..len]).expect("well-formed");
        assert_eq!(message.uri_path().count(), 2);
        assert!(message.option(coap::number::ECHO).is_none());
    });
}
