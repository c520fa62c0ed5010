//! A ClientHello is judged once it is whole, however it comes, and one that is denied never arrives.

use policy::Side;
use testkit::network::{Ends, Gateway, Passage, Stream, tcp_of};
use weir_inspect::{Count, LimitKind, Verdict};
use wire::Direction::{ToClient, ToServer};

const RULES: &str = r#"
[[rule]]
id     = "tls-on-plain"
match  = { reason = "mqtt.wrong-protocol.tls" }
action = "accept"

[[rule]]
id     = "only-broker"
match  = { sni = "!broker", alpn = "!*" }
action = "refuse"
"#;

/// A hello of TLS 1.2 that asks for `name`, with an unknown extension of so many bytes before that.
fn hello(name: &str, padding: usize) -> Vec<u8> {
    let sized = |bytes: &[u8]| {
        let len = u16::try_from(bytes.len()).expect("short").to_be_bytes();
        [&len, bytes].concat()
    };
    let padding = [&[0xfa, 0xfa], &*sized(&vec![0; padding])].concat();
    let entry = [&[0], &*sized(name.as_bytes())].concat();
    let name = [&[0, 0], &*sized(&sized(&entry))].concat();
    let extensions = [padding, name].concat();
    let body = [
        &[3, 3][..],
        &[7; 32],
        &[0, 0, 2, 0xc0, 0x2b, 1, 0],
        &sized(&extensions),
    ]
    .concat();
    let len = u32::try_from(body.len()).expect("short").to_be_bytes();
    [&[1], &len[1..], &body].concat()
}

/// The message in records of so many bytes.
fn in_records(message: &[u8], len: usize) -> Vec<u8> {
    let record = |part: &[u8]| {
        let len = u16::try_from(part.len()).expect("short").to_be_bytes();
        [&[22, 3, 1], &len[..], part].concat()
    };
    message.chunks(len).flat_map(record).collect()
}

fn opened(port: u16) -> (Gateway, Stream) {
    let mut gateway = Gateway::of("", RULES);
    let mut stream = Stream::new(Ends::v4(7, port));
    stream.open(&mut gateway);
    (gateway, stream)
}

/// Says all of it in these pieces: what became of the last, and how many bytes arrived.
fn say(gateway: &mut Gateway, stream: &mut Stream, pieces: &[&[u8]]) -> (Passage, usize) {
    let mut arrived = 0;
    let mut last = None;
    for piece in pieces {
        let passage = stream.data(gateway, ToServer, piece);
        let frames = passage.toward(Side::Outside);
        arrived += frames
            .iter()
            .map(|f| tcp_of(f).payload.len())
            .sum::<usize>();
        last = Some(passage);
    }
    (last.expect("something is said"), arrived)
}

#[test]
fn it_is_judged_whole_however_it_is_cut() {
    for (name, is_denied) in [("broker", false), ("other", true)] {
        for record in [3, 40, 1 << 14] {
            let bytes = in_records(&hello(name, 8), record);
            for port in [8883, 1883] {
                for cut in (1..bytes.len()).step_by(3) {
                    let (mut gateway, mut stream) = opened(port);
                    let pieces = [&bytes[..cut], &bytes[cut..]];
                    let (last, arrived) = say(&mut gateway, &mut stream, &pieces);
                    let place = format!("{name} {record} {port} {cut}");
                    assert_eq!(arrived < bytes.len(), is_denied, "{place}");
                    assert_eq!(
                        last.outcome.verdict == Verdict::Refuse,
                        is_denied,
                        "{place}"
                    );
                }
            }
        }
    }
}

#[test]
fn byte_by_byte_it_says_the_same() {
    let bytes = in_records(&hello("other", 8), 1 << 14);
    let (mut gateway, mut stream) = opened(8883);
    let pieces: Vec<&[u8]> = bytes.chunks(1).collect();
    let (last, arrived) = say(&mut gateway, &mut stream, &pieces);
    assert_eq!(last.outcome.verdict, Verdict::Refuse);
    assert_eq!(arrived, bytes.len() - 1);
}

#[test]
fn a_client_that_is_refused_hears_an_alert() {
    let (mut gateway, mut stream) = opened(8883);
    let bytes = in_records(&hello("other", 0), 1 << 14);
    let (last, _) = say(&mut gateway, &mut stream, &[&bytes]);
    let told: Vec<u8> = last
        .toward(Side::Inside)
        .iter()
        .flat_map(|frame| tcp_of(frame).payload.to_vec())
        .collect();
    assert_eq!(told, [21, 3, 3, 0, 2, 2, 49]);
}

#[test]
fn what_follows_the_hello_passes_unread() {
    let (mut gateway, mut stream) = opened(8883);
    let bytes = in_records(&hello("broker", 0), 1 << 14);
    let early = [&bytes[..], b"\x17\x03\x03\x00\x01x"].concat();
    let (last, arrived) = say(&mut gateway, &mut stream, &[&early]);
    assert!(last.outcome.forward && arrived == early.len());
    let answer = stream.data(&mut gateway, ToClient, b"\x16\x03\x03\x00\x02\x02\x00");
    assert!(answer.outcome.forward);
    let (last, _) = say(&mut gateway, &mut stream, &[b"\x17\x03\x03 anything"]);
    assert!(last.outcome.forward);
}

#[test]
fn one_that_cannot_be_read_asks_for_nothing() {
    let tiny = in_records(&hello("broker", 40), 1);
    let huge = in_records(&hello("broker", 20_000), 1 << 14);
    let mut of_server = hello("broker", 0);
    // Only a server says that.
    of_server[0] = 2;
    let of_server = in_records(&of_server, 1 << 14);
    for (bytes, limited) in [(tiny, 0), (huge, 1), (of_server, 0)] {
        let (mut gateway, mut stream) = opened(8883);
        let pieces: Vec<&[u8]> = bytes.chunks(1400).collect();
        let (last, arrived) = say(&mut gateway, &mut stream, &pieces);
        assert!(arrived < bytes.len());
        assert!(!last.outcome.forward);
        let counted = gateway.record.counted(Count::Limit(LimitKind::Partial));
        assert_eq!(counted, limited);
    }
}
