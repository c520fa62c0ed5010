//! Frames byte by byte.

use hex_literal::hex;

use super::*;

/// What [`locate`] and [`Datagram::check`] make of a frame.
#[derive(Debug, PartialEq)]
enum Seen {
    Other,
    LaterFragment,
    Datagram {
        transport: Transport,
        ports: (u16, u16),
        first_byte_of_source: u8,
        is_fragment: bool,
        checked: Result<(), Outcome>,
    },
}

fn see(frame: &[u8]) -> Result<Seen, Outcome> {
    // A copy of exactly the frame's size: a read beyond it would be found by a sanitizer.
    let frame: Box<[u8]> = frame.into();
    Ok(match locate(Frame::of(&frame))? {
        Located::Other => Seen::Other,
        Located::LaterFragment => Seen::LaterFragment,
        Located::Datagram(datagram) => Seen::Datagram {
            transport: datagram.transport,
            ports: (datagram.ports.source(), datagram.ports.destination()),
            first_byte_of_source: match datagram.source() {
                Address::V4(address) => address[0],
                Address::V6(address) => address[0],
            },
            is_fragment: datagram.is_fragment(),
            checked: datagram.check(),
        },
    })
}

fn datagram(transport: Transport, first_byte_of_source: u8) -> Seen {
    Seen::Datagram {
        transport,
        ports: (40000, 1883),
        first_byte_of_source,
        is_fragment: false,
        checked: Ok(()),
    }
}

const TCP_V4: [u8; 54] = hex!(
    "020000000001 020000000002 0800"
    "45000028 00010000 4006 0000 0a140007 0a1e0009"
    "9c40 075b 00000001 00000002 5010 2000 0000 0000"
);

const UDP_V4_OPTIONS: [u8; 46] = hex!(
    "020000000001 020000000002 0800"
    "46000020 00010000 4011 0000 0a140007 0a1e0009 01010101"
    "9c40 075b 0008 0000"
);

const TCP_V6: [u8; 74] = hex!(
    "020000000001 020000000002 86dd"
    "60000000 0014 06 40 fd000020000000000000000000000007 fd000030000000000000000000000009"
    "9c40 075b 00000001 00000002 5010 2000 0000 0000"
);

const UDP_V6_EXTENSIONS: [u8; 94] = hex!(
    "020000000001 020000000002 86dd"
    "60000000 0028 00 40 fd000020000000000000000000000007 fd000030000000000000000000000009"
    "3c 00 010400000000"
    "2b 01 010c 000000000000000000000000"
    "11 00 010400000000"
    "9c40 075b 0008 0000"
);

const TCP_V4_TAGGED: [u8; 58] = hex!(
    "020000000001 020000000002 8100 002a 0800"
    "45000028 00010000 4006 0000 0a140007 0a1e0009"
    "9c40 075b 00000001 00000002 5010 2000 0000 0000"
);

#[test]
fn ports_are_found_wherever_they_stand() {
    for (what, frame, seen) in [
        ("TCP, IPv4", &TCP_V4[..], datagram(Transport::Tcp, 10)),
        (
            "UDP, IPv4 options",
            &UDP_V4_OPTIONS,
            datagram(Transport::Udp, 10),
        ),
        ("TCP, IPv6", &TCP_V6, datagram(Transport::Tcp, 0xfd)),
        (
            "UDP, IPv6 extensions",
            &UDP_V6_EXTENSIONS,
            datagram(Transport::Udp, 0xfd),
        ),
        ("a VLAN tag", &TCP_V4_TAGGED, datagram(Transport::Tcp, 10)),
    ] {
        assert_eq!(see(frame), Ok(seen), "{what}");
    }
}

#[test]
fn no_proper_prefix_of_a_frame_passes_for_sound() {
    for frame in [
        &TCP_V4[..],
        &UDP_V4_OPTIONS,
        &TCP_V6,
        &UDP_V6_EXTENSIONS,
        &TCP_V4_TAGGED,
    ] {
        for len in 0..frame.len() {
            match see(&frame[..len]) {
                Err(_)
                | Ok(Seen::Datagram {
                    checked: Err(_), ..
                }) => {}
                other => panic!("{len} bytes of {}: {other:?}", frame.len()),
            }
        }
    }
}

#[test]
fn what_is_short_of_an_ethernet_header_is_malformed() {
    for len in 0..14 {
        assert_eq!(see(&TCP_V4[..len]), Err(Outcome::MalformedEthernet));
    }
}

#[test]
fn padding_behind_the_datagram_is_not_looked_at() {
    let mut padded = UDP_V4_OPTIONS.to_vec();
    padded.extend([0xff; 14]);
    assert_eq!(see(&padded), Ok(datagram(Transport::Udp, 10)));
}

#[test]
fn the_place_of_a_fragment_is_read() {
    let mut frame = TCP_V4;
    for (word, is_fragment) in [
        (0x0000_u16, false),
        (0x4000, false),
        (0x8000, false),
        (0x2000, true),
    ] {
        frame[20..22].copy_from_slice(&word.to_be_bytes());
        let seen = see(&frame);
        assert!(
            matches!(seen, Ok(Seen::Datagram { is_fragment: is, .. }) if is == is_fragment),
            "{word:#06x}: {seen:?}"
        );
    }
    for word in [0x0001_u16, 0x1fff, 0x2001, 0x3fff] {
        frame[20..22].copy_from_slice(&word.to_be_bytes());
        assert_eq!(see(&frame), Ok(Seen::LaterFragment), "{word:#06x}");
    }
}

#[test]
fn every_length_that_contradicts_is_found() {
    let checked = |frame: &[u8]| match see(frame) {
        Ok(Seen::Datagram { checked, .. }) => checked,
        other => panic!("{other:?}"),
    };
    let mut frame = TCP_V4;
    for total_len in 0..=u16::MAX {
        frame[16..18].copy_from_slice(&total_len.to_be_bytes());
        let expected = match total_len {
            40 => Ok(()),
            20..40 => Err(Outcome::MalformedTcp),
            _ => Err(Outcome::MalformedIpv4),
        };
        assert_eq!(checked(&frame), expected, "total length {total_len}");
    }
    let mut frame = TCP_V6;
    for payload_len in 0..=u16::MAX {
        frame[18..20].copy_from_slice(&payload_len.to_be_bytes());
        let expected = match payload_len {
            20 => Ok(()),
            0..20 => Err(Outcome::MalformedTcp),
            _ => Err(Outcome::MalformedIpv6),
        };
        assert_eq!(checked(&frame), expected, "payload length {payload_len}");
    }
    let mut frame = UDP_V4_OPTIONS;
    for udp_len in 0..=u16::MAX {
        frame[42..44].copy_from_slice(&udp_len.to_be_bytes());
        let expected = if udp_len == 8 {
            Ok(())
        } else {
            Err(Outcome::MalformedUdp)
        };
        assert_eq!(checked(&frame), expected, "UDP length {udp_len}");
    }
}

#[test]
fn any_byte_may_be_anything() {
    for frame in [
        &TCP_V4[..],
        &UDP_V4_OPTIONS,
        &TCP_V6,
        &UDP_V6_EXTENSIONS,
        &TCP_V4_TAGGED,
    ] {
        let mut frame = frame.to_vec();
        for at in 0..frame.len() {
            let byte = frame[at];
            for other in 0..=u8::MAX {
                frame[at] = other;
                let _ = see(&frame);
            }
            frame[at] = byte;
        }
    }
}
