//! CoAP over TCP: what is raised against a message, and what is remembered of a connection.

use policy::Side;
use testkit::mqtt;
use testkit::network::{Ends, Gateway, Passage, Stream, policy_of, tcp_of};
use weir_inspect::{Count, LimitKind, Limits, Verdict};
use wire::Direction::{self, ToClient, ToServer};
use wire::coap::encode::{self, Builder};
use wire::coap::{Code, number};
use wire::mqtt::Version;
use wire::net::TcpFlags;

const CONFIG: &str = "[services]\ncoap-tcp = [5683]\n";
/// What the shipped baseline says of CoAP in short, and rules by path.
const PACK: &str = r#"
[[rule]]
id     = "malformed"
match  = { reason = ["coap.malformed.*", "coap.too-large", "coap.wrong-protocol.*"] }
action = "drop"

[[rule]]
id     = "conduct"
match  = { reason = ["coap.tcp.*", "coap.spoofed.*", "coap.anomaly.extended-token", "tls.required"] }
action = "reset"

[[rule]]
id     = "lock"
match  = { method = ["PUT", "POST", "DELETE"], path = "/lock/**" }
action = "refuse"

[[rule]]
id     = "secret"
match  = { protocol = "coap", path = "/secret/**" }
action = "reset"
"#;

fn gateway() -> Gateway {
    Gateway::of(CONFIG, PACK)
}

fn message(code: Code, token: &[u8], build: impl FnOnce(Builder<'_>)) -> Vec<u8> {
    let mut out = Vec::new();
    encode::tcp(&mut out, code, token, build);
    out
}

fn csm() -> Vec<u8> {
    message(Code::CSM, &[], |builder| {
        builder.uint(2, 1 << 20).payload(&[]);
    })
}

fn request(code: Code, token: &[u8], path: &str, payload: &[u8]) -> Vec<u8> {
    message(code, token, |builder| {
        builder.path(number::URI_PATH, path).payload(payload);
    })
}

fn response(token: &[u8], payload: &[u8]) -> Vec<u8> {
    message(Code::CONTENT, token, |builder| builder.payload(payload))
}

/// A connection whose ends have said what they take.
fn connection(gateway: &mut Gateway) -> Stream {
    let mut stream = Stream::new(Ends::v4(7, 5683));
    stream.open(gateway);
    for direction in [ToServer, ToClient] {
        assert_passes(&stream.data(gateway, direction, &csm()));
    }
    stream
}

#[track_caller]
fn assert_passes(passage: &Passage) {
    let fate = (passage.verdict(), passage.reason(), passage.outcome.forward);
    assert_eq!(fate, (Verdict::Accept, None, true));
}

#[track_caller]
fn assert_stopped(passage: &Passage, verdict: Verdict, reason: Option<&str>) {
    assert_eq!((passage.verdict(), passage.reason()), (verdict, reason));
    assert!(!passage.outcome.forward);
}

fn talk(gateway: &mut Gateway, stream: &mut Stream, lines: &[(Direction, Vec<u8>)]) {
    for (direction, bytes) in lines {
        assert_passes(&stream.data(gateway, *direction, bytes));
    }
}

#[test]
fn requests_go_both_ways_and_are_answered_by_token() {
    let mut gateway = gateway();
    let mut stream = connection(&mut gateway);
    talk(
        &mut gateway,
        &mut stream,
        &[
            (ToServer, request(Code::GET, b"a", "t", &[])),
            (ToServer, request(Code::GET, b"b", "u", &[])),
            (ToClient, request(Code::POST, b"a", "event", b"1")),
            (ToClient, response(b"b", b"2")),
            (ToServer, response(b"a", &[])),
            (ToClient, response(b"a", b"1")),
            (ToServer, message(Code::EMPTY, &[], |_| {})),
            (ToServer, message(Code::PING, b"p", |_| {})),
            (ToClient, message(Code::PONG, b"p", |_| {})),
            (ToClient, message(Code::RELEASE, &[], |_| {})),
        ],
    );
    let again = stream.data(&mut gateway, ToClient, &response(b"a", b"1"));
    assert_stopped(
        &again,
        Verdict::Reset,
        Some("coap.spoofed.unmatched-response"),
    );
}

#[test]
fn an_observation_is_notified_until_it_ends() {
    let mut gateway = gateway();
    let mut stream = connection(&mut gateway);
    let observe = |code, value| {
        message(code, b"o", |builder| {
            builder.uint(number::OBSERVE, value).payload(b"");
        })
    };
    talk(
        &mut gateway,
        &mut stream,
        &[
            (ToServer, observe(Code::GET, 0)),
            (ToClient, observe(Code::CONTENT, 0)),
            (ToClient, observe(Code::CONTENT, 1)),
            (ToServer, observe(Code::GET, 1)),
            (ToClient, response(b"o", b"last")),
        ],
    );
    let late = stream.data(&mut gateway, ToClient, &observe(Code::CONTENT, 2));
    assert_stopped(
        &late,
        Verdict::Reset,
        Some("coap.spoofed.unmatched-response"),
    );
}

#[test]
fn capabilities_come_first_each_way() {
    let mut gateway = gateway();
    let mut stream = Stream::new(Ends::v4(7, 5683));
    stream.open(&mut gateway);
    // A client need not wait for those of its server.
    let first = [csm(), request(Code::GET, b"a", "t", &[])].concat();
    assert_passes(&stream.data(&mut gateway, ToServer, &first));
    let early = stream.data(&mut gateway, ToClient, &response(b"a", b"1"));
    assert_stopped(&early, Verdict::Reset, Some("coap.tcp.first-not-csm"));
}

#[test]
fn other_protocols_are_named_however_much_of_them_is_read() {
    let connect = mqtt::connect(Version::V5, "lost");
    let old_connect = mqtt::connect(Version::V31, "lost");
    let table: [(_, &[u8], _); 8] = [
        (ToServer, &connect, "mqtt"),
        (ToServer, &old_connect, "mqtt"),
        (
            ToServer,
            b"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03",
            "tls",
        ),
        (ToServer, b"GET /status HTTP/1.1\r\nHost: a\r\n\r\n", "http"),
        (
            ToServer,
            b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n",
            "websocket",
        ),
        (ToServer, b"SSH-2.0-x\r\n", "ssh"),
        (ToClient, b"SSH-2.0-x\r\n", "ssh"),
        (ToClient, b"HTTP/1.1 400 Bad\r\n", "http"),
    ];
    for (direction, bytes, name) in table {
        let mut gateway = gateway();
        let mut stream = Stream::new(Ends::v4(7, 5683));
        stream.open(&mut gateway);
        let passage = stream.data(&mut gateway, direction, bytes);
        let code = format!("coap.wrong-protocol.{name}");
        assert_stopped(&passage, Verdict::Drop, Some(&code));
    }
}

#[test]
fn what_an_end_takes_is_what_it_said() {
    for (size, passes) in [(2048, true), (2049, false)] {
        let mut gateway = gateway();
        let mut stream = Stream::new(Ends::v4(7, 5683));
        stream.open(&mut gateway);
        let small = message(Code::CSM, &[], |builder| builder.uint(2, 2048).payload(&[]));
        talk(
            &mut gateway,
            &mut stream,
            &[(ToServer, csm()), (ToClient, small)],
        );
        let overhead = request(Code::PUT, b"a", "t", &[0; 1024]).len() - 1024;
        let put = request(Code::PUT, b"a", "t", &vec![0; size - overhead]);
        assert_eq!(put.len(), size);
        let (first, rest) = put.split_at(1400);
        assert_passes(&stream.data(&mut gateway, ToServer, first));
        let passage = stream.data(&mut gateway, ToServer, rest);
        match passes {
            true => assert_passes(&passage),
            false => assert_stopped(&passage, Verdict::Reset, Some("coap.tcp.message-size")),
        }
    }
}

/// Forwarded, with this to be said of it.
#[track_caller]
fn assert_told(passage: &Passage, reason: &str) {
    assert_eq!(passage.reason(), Some(reason));
    assert!(passage.outcome.forward);
}

#[test]
fn after_its_leave_an_end_is_told_of() {
    let get = |token| request(Code::GET, token, "t", &[]);
    let release = message(Code::RELEASE, &[], |_| {});
    let abort = message(Code::ABORT, &[], |_| {});
    let mut gateway = Gateway::of(CONFIG, "");
    let mut stream = connection(&mut gateway);
    talk(
        &mut gateway,
        &mut stream,
        &[
            (ToServer, get(b"a")),
            (ToClient, get(b"a")),
            (ToServer, release),
            // It answers and is answered, and its other end asks on.
            (ToServer, response(b"a", b"1")),
            (ToClient, response(b"a", b"1")),
            (ToClient, get(b"b")),
            (ToServer, message(Code::PING, &[], |_| {})),
        ],
    );
    let late = stream.data(&mut gateway, ToServer, &get(b"c"));
    assert_told(&late, "coap.tcp.request-after-release");
    talk(
        &mut gateway,
        &mut stream,
        &[
            (ToServer, abort),
            (ToClient, get(b"d")),
            (ToServer, message(Code::EMPTY, &[], |_| {})),
        ],
    );
    for bytes in [get(b"c"), response(b"d", b"1"), csm()] {
        let after = stream.data(&mut gateway, ToServer, &bytes);
        assert_told(&after, "coap.tcp.after-abort");
    }
}

#[test]
fn pongs_answer_pings() {
    let ping = |token| message(Code::PING, token, |_| {});
    let pong = |token| message(Code::PONG, token, |_| {});
    let mut gateway = Gateway::of(CONFIG, "");
    let mut stream = connection(&mut gateway);
    talk(
        &mut gateway,
        &mut stream,
        &[
            (ToServer, ping(b"p")),
            (ToClient, ping(b"p")),
            (ToServer, ping(b"q")),
            (ToClient, pong(b"p")),
            (ToServer, pong(b"p")),
        ],
    );
    let other = stream.data(&mut gateway, ToClient, &pong(b"r"));
    assert_told(&other, "coap.tcp.pong-token");
    for direction in [ToServer, ToClient] {
        let unasked = stream.data(&mut gateway, direction, &pong(b"q"));
        assert_told(&unasked, "coap.tcp.pong-unasked");
    }
    // Of a connection older than the gateway, nobody knows what was pinged.
    let mut stream = Stream::new(Ends::v4(8, 5683));
    let middle = stream.data(&mut gateway, ToServer, b"the middle of a payload");
    assert_told(&middle, "tcp.midstream");
    let pong = stream.data(&mut gateway, ToClient, &pong(b"q"));
    assert_ne!(pong.reason(), Some("coap.tcp.pong-unasked"));
}

#[test]
fn a_signal_that_can_t_be_ignored_is_told() {
    let mut gateway = Gateway::of(CONFIG, "");
    let mut stream = connection(&mut gateway);
    for (option, reason) in [(11, Some("coap.tcp.critical-option")), (12, None)] {
        let csm = message(Code::CSM, &[], |builder| {
            builder.option(option, b"x").payload(&[]);
        });
        let passage = stream.data(&mut gateway, ToServer, &csm);
        assert_eq!((passage.reason(), passage.outcome.forward), (reason, true));
    }
    // Of a request its receiver says what becomes of it.
    let get = message(Code::GET, b"a", |builder| {
        builder.option(9999, b"x").payload(&[]);
    });
    let passage = stream.data(&mut gateway, ToServer, &get);
    assert_told(&passage, "coap.anomaly.unknown-critical-option");
}

#[test]
fn a_download_over_tcp_is_of_one_body_and_as_it_was_asked() {
    let get = |token: &[u8], path, block| {
        message(Code::GET, token, |builder| {
            let builder = builder.path(number::URI_PATH, path);
            builder.uint(number::BLOCK2, block).payload(&[]);
        })
    };
    let block = |token: &[u8], etag: &[u8], block| {
        message(Code::CONTENT, token, |builder| {
            let builder = builder.option(number::ETAG, etag);
            builder.uint(number::BLOCK2, block).payload(&[7; 1024]);
        })
    };
    let mut gateway = Gateway::of(CONFIG, "");
    let mut stream = connection(&mut gateway);
    // Two bodies at once, one in blocks, one by several blocks of 1024 bytes.
    talk(
        &mut gateway,
        &mut stream,
        &[
            (ToServer, get(b"a", "t", 0x06)),
            (ToServer, get(b"b", "u", 0x07)),
            (ToClient, block(b"b", b"u1", 0x0f)),
            (ToClient, block(b"a", b"t1", 0x0e)),
            (ToServer, get(b"a", "t", 0x16)),
            (ToServer, get(b"b", "u", 0x17)),
            (ToClient, block(b"a", b"t1", 0x1e)),
            (ToClient, block(b"b", b"u1", 0x1f)),
            (ToServer, get(b"a", "t", 0x26)),
            (ToServer, get(b"b", "u", 0x27)),
            (ToServer, get(b"c", "t", 0x26)),
        ],
    );
    let mixed = stream.data(&mut gateway, ToClient, &block(b"a", b"t2", 0x26));
    assert_told(&mixed, "coap.block.mixed-bodies");
    let ahead = stream.data(&mut gateway, ToClient, &block(b"b", b"u1", 0x47));
    assert_told(&ahead, "coap.block.unasked");
    let go_on = stream.data(
        &mut gateway,
        ToClient,
        &message(Code::CONTINUE, b"c", |_| {}),
    );
    assert_told(&go_on, "coap.block.continue");
    let put = message(Code::PUT, b"d", |builder| {
        builder.uint(number::BLOCK1, 0x0e).payload(&[7; 1024]);
    });
    talk(
        &mut gateway,
        &mut stream,
        &[
            (ToServer, put),
            (ToClient, message(Code::CONTINUE, b"d", |_| {})),
        ],
    );
}

#[test]
fn a_long_token_is_odd_unless_its_receiver_takes_it() {
    let mut gateway = gateway();
    let mut stream = connection(&mut gateway);
    let long = csm_for_tokens(40);
    talk(
        &mut gateway,
        &mut stream,
        &[
            (ToClient, long),
            (ToServer, request(Code::GET, &[7; 40], "t", &[])),
        ],
    );
    let longer = request(Code::GET, &[7; 41], "t", &[]);
    let passage = stream.data(&mut gateway, ToServer, &longer);
    assert_stopped(
        &passage,
        Verdict::Reset,
        Some("coap.anomaly.extended-token"),
    );
}

fn csm_for_tokens(len: u32) -> Vec<u8> {
    message(Code::CSM, &[], |builder| builder.uint(6, len).payload(&[]))
}

#[test]
fn rules_see_what_they_see_of_datagrams() {
    let mut gateway = gateway();
    let mut stream = connection(&mut gateway);
    let get = stream.data(
        &mut gateway,
        ToServer,
        &request(Code::GET, b"a", "lock/1", &[]),
    );
    assert_passes(&get);
    let put = stream.data(
        &mut gateway,
        ToServer,
        &request(Code::PUT, b"b", "lock/1", b"0"),
    );
    assert_stopped(&put, Verdict::Refuse, None);
    let told = put.toward(Side::Inside);
    let refusal = [
        message(Code::FORBIDDEN, b"b", |_| {}),
        message(Code::ABORT, &[], |_| {}),
    ];
    let segment = tcp_of(told[0]);
    assert_eq!(segment.payload, refusal.concat());
    assert!(segment.flags.contains(TcpFlags::FIN));
    assert!(
        tcp_of(put.toward(Side::Outside)[0])
            .flags
            .contains(TcpFlags::RST)
    );
}

#[test]
fn what_is_denied_never_arrives_whole_however_it_is_cut() {
    let bytes = request(Code::GET, b"a", "secret/key", &[]);
    for split in 1..bytes.len() {
        let mut gateway = gateway();
        let mut stream = connection(&mut gateway);
        let (first, rest) = bytes.split_at(split);
        assert_passes(&stream.data(&mut gateway, ToServer, first));
        let passage = stream.data(&mut gateway, ToServer, rest);
        assert_eq!(passage.verdict(), Verdict::Reset, "{split}");
        let arrived = passage.toward(Side::Outside);
        let arrived: usize = arrived
            .iter()
            .map(|frame| tcp_of(frame).payload.len())
            .sum();
        assert!(split + arrived < bytes.len(), "{split}");
    }
    // What precedes it in the same segment goes on.
    let mut gateway = gateway();
    let mut stream = connection(&mut gateway);
    let fine = request(Code::GET, b"b", "t", &[]);
    let both = [fine.clone(), bytes].concat();
    let passage = stream.data(&mut gateway, ToServer, &both);
    assert_eq!(passage.verdict(), Verdict::Reset);
    assert_eq!(tcp_of(passage.toward(Side::Outside)[0]).payload, fine);
}

#[test]
fn a_large_payload_passes_without_being_kept() {
    let limits = Limits {
        partial_bytes: 512,
        coap_tcp_message_bytes: 20_000,
        ..Limits::default()
    };
    let mut gateway = Gateway::with_limits(policy_of(CONFIG, PACK), limits);
    let mut stream = connection(&mut gateway);
    let put = request(Code::PUT, b"a", "t", &[0; 10_000]);
    for chunk in put.chunks(300) {
        assert_passes(&stream.data(&mut gateway, ToServer, chunk));
    }
    assert_passes(&stream.data(&mut gateway, ToServer, &request(Code::GET, b"b", "t", &[])));
    // Options that don't end within what is kept, and a message that is larger than any may be.
    let over = [
        request(Code::PUT, b"c", &"segment/".repeat(100), &[0; 100]),
        request(Code::PUT, b"c", "t", &[0; 20_001]),
    ];
    for bytes in over {
        let mut gateway = Gateway::with_limits(policy_of(CONFIG, PACK), limits);
        let mut stream = connection(&mut gateway);
        let told = bytes
            .chunks(300)
            .map(|chunk| stream.data(&mut gateway, ToServer, chunk))
            .find(|passage| !passage.outcome.forward);
        assert_stopped(
            &told.expect("stopped"),
            Verdict::Drop,
            Some("coap.too-large"),
        );
    }
}

#[test]
fn who_asks_more_than_is_remembered_is_believed() {
    let mut gateway = gateway();
    let mut stream = connection(&mut gateway);
    for token in 0..200_u16 {
        let get = request(Code::GET, &token.to_be_bytes(), "t", &[]);
        assert_passes(&stream.data(&mut gateway, ToServer, &get));
    }
    assert_eq!(
        gateway.record.counted(Count::Limit(LimitKind::Exchanges)),
        1
    );
    assert_passes(&stream.data(&mut gateway, ToClient, &response(b"other", b"1")));
}

#[test]
fn a_connection_older_than_the_gateway_is_read_from_a_message_on() {
    let mut gateway = gateway();
    let mut stream = Stream::new(Ends::v4(7, 5683));
    let middle = stream.data(&mut gateway, ToServer, b"the middle of a payload");
    assert_eq!(middle.reason(), Some("tcp.midstream"));
    assert!(middle.outcome.forward);
    // It asks for nothing that was seen, and its capabilities are long said.
    let answered = stream.data(&mut gateway, ToClient, &response(b"old", b"1"));
    assert!(answered.outcome.forward);
    assert_passes(&stream.data(
        &mut gateway,
        ToServer,
        &request(Code::GET, b"a", "t", &[0; 3000]),
    ));
    let secret = stream.data(
        &mut gateway,
        ToServer,
        &request(Code::GET, b"b", "secret/1", &[]),
    );
    assert_stopped(&secret, Verdict::Reset, None);
}

#[test]
fn what_a_rule_lets_through_is_read_past() {
    let pack = [
        "[[rule]]\nid = \"old\"\nmatch = { reason = \"coap.malformed.path-dots\" }\n",
        "action = \"accept\"\n",
        PACK,
    ]
    .concat();
    let odd = request(Code::GET, b"a", "../etc", &[]);
    for split in [odd.len(), 5, 1] {
        let mut gateway = Gateway::of(CONFIG, &pack);
        let mut stream = connection(&mut gateway);
        for chunk in odd.chunks(split) {
            assert!(
                stream.data(&mut gateway, ToServer, chunk).outcome.forward,
                "{split}"
            );
        }
        let secret = request(Code::GET, b"b", "secret/1", &[]);
        assert_stopped(
            &stream.data(&mut gateway, ToServer, &secret),
            Verdict::Reset,
            None,
        );
    }
}

#[test]
fn plaintext_is_named_where_tls_has_to_be() {
    let config = [CONFIG, "[tls]\nrequired_from = [\"inside\"]\n"].concat();
    let mut gateway = Gateway::of(&config, PACK);
    let mut stream = Stream::new(Ends::v4(7, 5683));
    stream.open(&mut gateway);
    let passage = stream.data(&mut gateway, ToServer, &csm());
    assert_stopped(&passage, Verdict::Reset, Some("tls.required"));
}

#[test]
fn without_the_service_nobody_reads_the_port() {
    let mut gateway = Gateway::of("", PACK);
    let mut stream = Stream::new(Ends::v4(7, 5683));
    stream.open(&mut gateway);
    assert_passes(&stream.data(&mut gateway, ToServer, b"\x00\x20"));
}
