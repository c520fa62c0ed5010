//! Beginnings of streams, whole and in part.

use hex_literal::hex;

use super::*;
use crate::Direction::{ToClient, ToServer};
use crate::noise::Noise;

#[rustfmt::skip]
const TABLE: &[(&[u8], Spoken)] = &[
    (&hex!("10 0e 0004 4d515454 04 02 003c 0002 6161"), Spoken::Mqtt),
    (&hex!("30 04 0001 74 78"), Spoken::Mqtt),
    (&hex!("50 02 0001"), Spoken::Mqtt),
    (&hex!("62 02 0001"), Spoken::Mqtt),
    (&hex!("16 02 00"), Spoken::Mqtt),
    (&hex!("16 03 01 0033 01"), Spoken::Tls),
    (b"GET / HTTP/1.1\r\n\r\n", Spoken::Http),
    (b"OPTIONS * HTTP/1.1\r\n", Spoken::Http),
    (b"CONNECT a:80 HTTP/1.1\r\n", Spoken::Http),
    (b"PRI * HTTP/2.0\r\n", Spoken::Http),
    (b"SSH-2.0-OpenSSH_9.2\r\n", Spoken::Ssh),
    (b"ehlo there\r\n", Spoken::Smtp),
    (b"OPTIONS rtsp://cam/1 RTSP/1.0\r\n", Spoken::Rtsp),
    (b"GET_PARAMETER rtsp://cam/1 RTSP/1.0\r\n", Spoken::Rtsp),
    (b"DESCRIBE rtsp://cam/1 RTSP/1.0\r\n", Spoken::Rtsp),
    (b"OPTIONS sip:nm SIP/2.0\r\n", Spoken::Sip),
    (b"REGISTER sip:a SIP/2.0\r\n", Spoken::Sip),
    (b"AMQP\0\0\x09\x01", Spoken::Amqp),
    (b"CONNECT\naccept-version:1.2\n\n\0", Spoken::Stomp),
    (b"CONNECT\r\naccept-version:1.2\r\n\r\n\0", Spoken::Stomp),
    (b"*1\r\n$4\r\nPING\r\n", Spoken::Redis),
    (b"INFO\r\n", Spoken::Redis),
    (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", Spoken::Proxy),
    (&hex!("0d0a0d0a000d0a515549540a 21 11"), Spoken::Proxy),
    (&hex!("ff fd 03"), Spoken::Telnet),
    (&hex!("03 00 00 13 0e"), Spoken::Tpkt),
    (&hex!("05 01 00"), Spoken::Socks),
    (b"hello\n", Spoken::Text),
    (b"A line without its end", Spoken::Text),
    (b"\r\nhi\n", Spoken::Text),
    (b"{\"a\": 1}", Spoken::Text),
];

#[test]
fn every_protocol_is_told_by_its_beginning_however_long() {
    for (input, expected) in TABLE {
        assert_eq!(probe(input, ToServer), Probe::Is(*expected), "{input:02x?}");
        fuzz_greeting(input);
    }
}

#[test]
fn servers_that_speak_first_are_told_as_well() {
    let table: [(&[u8], Spoken); 7] = [
        (b"SSH-2.0-dropbear\r\n", Spoken::Ssh),
        (b"220 mail ESMTP\r\n", Spoken::Smtp),
        (b"HTTP/1.1 400 Bad Request\r\n", Spoken::Http),
        (&hex!("15 03 01 0002 0246"), Spoken::Tls),
        (&hex!("16 03 03 007a"), Spoken::Tls),
        (&hex!("20 02 00 00"), Spoken::Mqtt),
        (&hex!("15 20"), Spoken::Mqtt),
    ];
    for (input, expected) in table {
        assert_eq!(probe(input, ToClient), Probe::Is(expected), "{input:02x?}");
    }
}

/// Lengths look like letters and line ends.
#[test]
fn what_mqtt_begins_with_is_mqtt_whatever_its_length() {
    for (direction, first) in [(ToServer, 0x10), (ToClient, 0x20), (ToClient, 0xf0)] {
        for second in 0..=255 {
            for rest in [&b""[..], b"\0", b"text", b"\r\n"] {
                let input = [&[first, second], rest].concat();
                assert_eq!(probe(&input, direction), Probe::Is(Spoken::Mqtt));
            }
        }
    }
}

#[test]
fn a_beginning_that_could_be_more_than_one_is_waited_for() {
    let table: [(&[u8], usize); 7] = [
        (b"", 1),
        (b"G", 2),
        (b"OPTIONS ", 9),
        (b"OPTIONS rtsp", 13),
        (b"CONNECT", 8),
        (b"unknown", 8),
        (&hex!("16 03"), 5),
    ];
    for (input, need) in table {
        assert_eq!(probe(input, ToServer), Probe::More { need }, "{input:02x?}");
    }
}

#[test]
fn an_upgrade_is_found_among_the_header_fields() {
    let upgrade = b"GET /mqtt HTTP/1.1\r\nHost: a\r\nUpgrade: WebSocket\r\n\r\n";
    assert!(asks_for_websocket(upgrade));
    // What is left of it when the beginning came apart.
    assert!(asks_for_websocket(&upgrade[3..]));
    assert!(!asks_for_websocket(
        b"GET /upgrade:websocket HTTP/1.1\r\n\r\n"
    ));
    assert!(!asks_for_websocket(
        b"GET / HTTP/1.1\r\nUpgrade: h2c\r\n\r\n"
    ));
}

/// While a probe waits, the bytes pass: they must not be a control packet, not even a
/// broken one.
#[test]
fn no_control_packet_is_whole_while_a_probe_waits() {
    let mut noise = Noise::new(3);
    let mut bytes = [0; GREETING_BYTES];
    let mut waited = 0;
    for round in 0..400_000 {
        let (seed, _) = TABLE[round % TABLE.len()];
        noise.fill(&mut bytes);
        let kept = noise.below(seed.len().min(GREETING_BYTES) + 1);
        bytes[..kept].copy_from_slice(&seed[..kept]);
        for direction in [ToServer, ToClient] {
            for end in 1..bytes.len() {
                if !matches!(probe(&bytes[..end], direction), Probe::More { .. }) {
                    break;
                }
                waited += 1;
                assert!(!is_whole(&bytes[..end]), "{:02x?}", &bytes[..end]);
            }
        }
    }
    assert!(waited > 100_000, "{waited}");
}

/// Whether a remaining length of up to four bytes says that these bytes are all, whatever they mean.
fn is_whole(input: &[u8]) -> bool {
    let mut remaining_len = 0;
    for (at, byte) in input.iter().skip(1).take(4).enumerate() {
        remaining_len |= usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return at + 2 + remaining_len <= input.len();
        }
    }
    false
}

#[test]
fn exercise_fuzz_greeting() {
    let mut noise = Noise::new(11);
    for (seed, _) in TABLE {
        for _ in 0..2000 {
            let mut bytes = seed.to_vec();
            noise.mutilate(&mut bytes);
            fuzz_greeting(&bytes);
        }
    }
}
